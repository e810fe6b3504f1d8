"""The first process of a container that has this machine's programs: it starts one program, passes on what it is
told, reaps whoever is left behind, and ends as the program ends.

The kernel spares the first process of a container the signals that it does not handle, and gives it all orphans.
The engine's own init would lie where such a container has the machine's directories.
"""

import os
import signal
import sys
from typing import NoReturn

PASSED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
NOT_FOUND = 127
NOT_STARTED = 126


def main(argv: "list[str]") -> NoReturn:
    waited = {*PASSED, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    program = os.fork()
    if program == 0:
        _become(argv)
    while True:
        heard = signal.sigwait(waited)
        if heard != signal.SIGCHLD:
            os.kill(program, heard)  # it was not reaped yet, so that this is nobody else
            continue
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == program:
                code = os.waitstatus_to_exitcode(status)
                os._exit(code if code >= 0 else 128 - code)
            if pid == 0:
                break


def _become(argv: "list[str]") -> NoReturn:
    os.setsid()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by this interpreter, and inherited
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - what the package says, without a shell
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_STARTED)
