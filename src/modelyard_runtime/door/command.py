"""The door of a command: the process that the shim of an instance keeps, and the command as its child.

    python -I -S -E -c BOOT SOURCE word word …     in the instance's work directory, within its sandbox

It relays the connections of the instance's socket (descriptor MODELYARD_SOCKET_FD) to the port that the command
was handed as PORT, or to the Unix socket SOCKET_PATH if the command listens there; `probe.sock` and `door.sock`
lie in the work directory (`relay`). Of a batch service it starts a worker, which asks the command over HTTP.

It ends when the command does, with its status: by the same signal, or the same number. SIGTERM is passed on, and
what is inside goes on until the command has ended; then what the command left in our process group is told too,
and has its last words passed on. The grace is the shim's. A command that goes to the background has ended, and so
has the instance.

Exit status of its own: 126, 127 the command cannot be run, as shells have it; 125 it has no port; 124 a bug of
ours.
"""

import os
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NoReturn

from modelyard_runtime.door.hint import Hint
from modelyard_runtime.door.ports import TakenError, program, reserve
from modelyard_runtime.door.relay import Relay

BROKEN, NO_PORT, NOT_RUNNABLE, NOT_FOUND = 124, 125, 126, 127
PROBE, COUNTS = "probe.sock", "door.sock"
"""In the work directory."""
WAITED = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
FAREWELL_S = 86_400.0
"""How long a command that has ended and what it left may take for their last bytes, when the end was asked for: as
long as the shim gives them."""
CUT_S = 1.0
"""The same, when it ended by itself: its callers wait for bytes that never come."""
OURS = ("MODELYARD_SOCKET_FD", "MODELYARD_METRICS_SOCKET", "MODELYARD_PORT_SHARED", "MODELYARD_BATCH")
"""What the command need not know."""
WORKER = "import sys; sys.path.append(sys.argv.pop(1)); from modelyard_runtime.main import main; main()"

Words = list[str]


def main(source: str, words: Words) -> NoReturn:
    """`source`: where our code is."""
    environ = dict(os.environ)
    port, home = int(environ["PORT"]), environ["MODEL_DIR"]
    listening = socket.socket(fileno=int(environ["MODELYARD_SOCKET_FD"]))
    listening.set_inheritable(False)
    signal.pthread_sigmask(signal.SIG_BLOCK, WAITED)  # of all threads; `_end` waits for them
    held = _reserved(port) if environ.get("MODELYARD_PORT_SHARED") else None
    children = {_worker(source, environ, listening)} if environ.get("MODELYARD_BATCH") else set()
    relay = None if children else _relay(listening, port, environ["SOCKET_PATH"])
    inside = threading.Thread(target=_passing_on, args=(relay,), name="relay", daemon=True) if relay else None
    if inside is not None:
        inside.start()
    del listening
    os.chdir(home)
    command = _command(words, environ)
    _take_descriptors()

    status, asked = _end({command, *children}, command, Hint(port, environ["SOCKET_PATH"], say))
    if asked:
        os.killpg(0, signal.SIGTERM)  # also to us, who hear no more of it
    if relay is not None and inside is not None:
        relay.stop(FAREWELL_S if asked else CUT_S)
        inside.join()
    del held
    code = os.waitstatus_to_exitcode(status)
    if code == 0 and not asked:
        say("the command ended by itself with status 0: it must stay in the foreground, and serve until SIGTERM")
    _exit_as(code)


def _reserved(port: int) -> socket.socket:
    try:
        return reserve(port)
    except TakenError as error:
        fail(NO_PORT, f"the command cannot be handed its port: {error}")


def _relay(listening: socket.socket, port: int, own: str) -> Relay:
    """`own`: the path of the socket on which the command may listen instead of its port."""
    return Relay(listening, program(port, own, os.geteuid()), uncounted=_bound(PROBE), counts=_bound(COUNTS))


def _passing_on(relay: Relay) -> None:
    """A door that passes nothing on is none: what the shim sees end is replaced."""
    try:
        relay.run()
    except BaseException:  # noqa: BLE001 - a bug here must not look like a program that does not answer
        traceback.print_exc()
        os._exit(BROKEN)


def _bound(name: str) -> socket.socket:
    with suppress(FileNotFoundError):
        os.unlink(name)  # noqa: PTH108
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(name)
    made.listen(128)
    return made


def _worker(source: str, environ: Mapping[str, str], listening: socket.socket) -> int:
    """The worker of a batch service, which has the instance's socket from now on. Its pid."""
    env = {name: value for name, value in environ.items() if name not in {"PORT", "MODELYARD_ENVIRONMENT"}}
    env["MODELYARD_BATCH_URL"] = f"http://{environ['HOST']}:{environ['PORT']}"
    env["MODELYARD_BATCH_SOCKET"] = environ["SOCKET_PATH"]
    listening.set_inheritable(True)
    pid = spawn([sys.executable, "-I", "-c", WORKER, source], env)
    listening.close()
    return pid


def _command(words: Words, environ: Mapping[str, str]) -> int:
    """Its pid."""
    try:
        return spawn(words, {name: value for name, value in environ.items() if name not in OURS})
    except FileNotFoundError:
        fail(NOT_FOUND, f"cmd: there is no program {words[0]!r} in the package, nor in PATH")
    except OSError as error:
        fail(NOT_RUNNABLE, f"cmd: {words[0]!r} cannot be run: {error.strerror}")


def _take_descriptors() -> None:
    """All that we may have, once the command has what it was given."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def spawn(words: Words, env: Mapping[str, str]) -> int:
    """A child with the signals of a process that nobody prepared, in our process group. Raises OSError."""
    defaults = (signal.SIGPIPE, signal.SIGXFSZ)  # which Python ignores
    return os.posix_spawnp(words[0], words, env, setsigmask=[], setsigdef=defaults)


def _end(children: "set[int]", command: int, hint: Hint) -> tuple[int, bool]:
    """Once one of the children has ended its wait status; once all have, the command's, if that was asked for; and
    whether it was."""
    asked, status = False, 0
    while True:
        pause_s = None if asked else hint.pause_s
        heard = signal.sigwaitinfo(WAITED) if pause_s is None else signal.sigtimedwait(WAITED, pause_s)
        if heard is None:
            hint.look()
        elif heard.si_signo != signal.SIGCHLD:
            asked = True
            for pid in children:
                os.kill(pid, signal.SIGTERM)
        else:
            for pid, how in _ended():
                children.discard(pid)
                if pid == command or not asked:
                    status = how
                if not asked or not children:
                    return status, asked


def _ended() -> Iterator[tuple[int, int]]:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended


def _exit_as(code: int) -> NoReturn:
    """As the command ended."""
    if code < 0:
        with suppress(OSError, ValueError):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {-code})
    os._exit(code if code >= 0 else 128 - code)


def say(text: str) -> None:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    sys.stderr.write(f"{stamp} modelyard {text}\n")
    sys.stderr.flush()


def fail(status: int, text: str) -> NoReturn:
    say(text)
    os._exit(status)
