"""Keeps one child alive without whoever started it, and writes down how it ended.

Run by `supervise.spawn` as `python -I -S -E` with DIR's lock open as descriptor 3, SIGTERM blocked, in a session
of its own; where the child finds files that must be on no disk, with their contents in descriptor 4. What
lies in DIR, and who writes it, is told in `directory.py`. Promises:

- The lock is held exactly as long as this process lives, so "is it running" needs no pid and no guess.
- The child has the listening socket as descriptor 3; nobody else keeps it open, so that the socket of a dead
  child refuses at once instead of queueing.
- SIGTERM ends the child with the grace that `stop.json` gives, whoever died after writing it. The child and what
  it started have all of it; it ends sooner when they all have ended.
- Nothing outlives the child (we are its subreaper) but for that grace, and the child does not outlive us (its
  parent-death signal).

It must never import the package (each instance pays for it) nor decide anything. The C halves of the standard
modules are used on purpose: with them it starts in 8 ms instead of 20, and is 2 MB smaller.
"""

import os
import select
import sys
import time

import confine  # type: ignore[import-not-found]  # beside this file, see `supervise.BOOT`

try:
    import _json
    import _signal as signal  # type: ignore[import-not-found]
    import _socket as socket
except ImportError:  # another Python: the same, slower
    import json as _json  # type: ignore[no-redef]
    import signal
    import socket  # type: ignore[no-redef]

LOCK_FD = LISTEN_FD = 3
HANDED_FD = 4
SET_SUBREAPER = 36
TELL_AGAIN_MS = 1000
MOST_BYTES = 16 * 1024 * 1024
LOOK_AGAIN_MS = 100
NOTE_NS = 100_000_000
SEGMENT, TIMES = "log.%020d", "times.%020d"  # as `output.py` has it
DROPPED = b"\n\xe2\x80\xa6 %d bytes of output were dropped here: they could not be written\n"
MOST_GRACE_S = 10_000_000.0


class Scanning:
    """What the JSON scanner in C asks of its decoder."""

    strict = True
    object_hook = object_pairs_hook = array_hook = None
    parse_float = float
    parse_int = int
    parse_constant = None
    memo: dict[str, str] = {}  # noqa: RUF012


def load(name: str) -> dict:  # type: ignore[type-arg]
    """The JSON object in `name`; empty when there is none. What lies there is not always what was put there: it
    is not waited for, and read up to a bound. Raises OSError, ValueError, StopIteration, RecursionError."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return {}
    try:
        if os.fstat(file).st_mode & 0o170000 != 0o100000:
            raise OSError(f"{name} is no regular file")
        text = os.read(file, MOST_BYTES).decode()
    finally:
        os.close(file)
    if hasattr(_json, "loads"):
        return _json.loads(text)  # type: ignore[no-any-return]
    return _json.make_scanner(Scanning)(text, 0)[0]  # type: ignore[arg-type, no-any-return]


def store(name: str, **values: object) -> None:
    """Write a flat JSON object so that a reader sees all of it or nothing."""
    quote = getattr(_json, "encode_basestring_ascii", None) or getattr(_json, "dumps")  # noqa: B009

    def literal(value: object) -> str:
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value]
        return quote(value) if isinstance(value, str) else repr(value)

    text = "{" + ",".join(f'"{key}":{literal(value)}' for key, value in values.items()) + "}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
    file = os.open(name + ".new", flags, 0o600)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
    os.replace(name + ".new", name)  # noqa: PTH105


def started(pid: int) -> int:
    """When the process was started, in clock ticks since boot: with the pid it names a process for good."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        return int(file.read().rpartition(")")[2].split()[19])


def boot() -> str:
    """The name of this boot and of the name space of processes; `directory.boot` says the same."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123
            return f"{file.read().strip()}:{os.stat('/proc/self/ns/pid').st_ino}"  # noqa: PTH116
    except OSError:
        return ""


class Log:
    """The child's output. `log` is the newest of it, of at most `limit` bytes; what was `log` before is `log.1`.

    With `kept`, it waits for whoever collects it: each file keeps its bytes as `log.START`, named by how many came
    before it, until it is deleted from outside; of more than `kept` bytes we delete the oldest. `times` (and
    `times.START`) say when a byte came: entries of 16 octets, its number and milliseconds since 1970.
    """

    def __init__(self, limit: int, kept: int) -> None:
        self.limit = limit
        self.kept = kept
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.size = os.fstat(2).st_size
        self.start = self.lost = self.noted = self.entries = 0
        self.segments: list[int] = []
        self.times = -1
        if kept:
            self.begin_times()

    def open(self, name: str, how: int) -> int:
        return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | how, 0o600)

    def copy(self) -> bool:
        """Move what is there into the file; False when no writer is left."""
        while True:
            try:
                data = os.read(self.reader, 65536)
            except BlockingIOError:
                return True
            if not data:
                return False
            written = 0
            try:
                if self.size + len(data) > self.limit:
                    self.turn_over()
                if self.kept:
                    self.note()
                if self.lost:
                    self.size += os.write(2, DROPPED % self.lost)
                    self.lost = 0
                written = os.write(2, data)
                self.size += written
            except OSError:
                pass  # a full disk costs log lines, never the model
            self.lost += len(data) - written

    def note(self) -> None:
        """When the next byte comes, ten times a second at most."""
        now = time.time_ns()
        if abs(now - self.noted) >= NOTE_NS:
            entry = (self.start + self.size).to_bytes(8, "big") + (now // 1_000_000).to_bytes(8, "big")
            try:
                os.pwrite(self.times, entry, self.entries * 16)
            except OSError:
                return
            self.entries += 1
            self.noted = now

    def turn_over(self) -> None:
        """Begin a new file; while that cannot be, the old one goes on."""
        try:
            file = self.open("log.new", os.O_APPEND)
        except OSError:
            return
        try:
            size = os.fstat(2).st_size
            if self.kept:
                self.put_away("times", TIMES)
            self.put_away("log", SEGMENT if self.kept else "log.1")
            self.put_away("log.new", "log")
            os.dup2(file, 2)
        finally:
            os.close(file)
        self.size = 0
        if self.kept:
            self.segments.append(self.start)
            self.start += size
            self.drop()
            self.begin_times()

    def begin_times(self) -> None:
        self.noted = self.entries = 0
        try:
            if self.times >= 0:
                os.close(self.times)
            self.times = -1
            self.times = self.open("times", 0)
        except OSError:
            pass  # the bytes themselves count for more

    def put_away(self, name: str, where: str) -> None:
        if os.path.lexists(name):  # nobody removed it
            os.replace(name, where % self.start if "%" in where else where)  # noqa: PTH105

    def drop(self) -> None:
        """The oldest, while more is kept than may be; the last stays, since its name and size say where `log`
        begins."""
        there = [start for start in self.segments if os.path.exists(SEGMENT % start)]  # noqa: PTH110
        while len(there) > 1 and self.start - there[0] + self.limit > self.kept:
            for name in (SEGMENT, TIMES):
                try:
                    os.unlink(name % there[0])  # noqa: PTH108
                except OSError:
                    continue  # collected just now
            del there[0]
        self.segments = there


def listen() -> "socket.socket":
    """The socket, bound by a relative path: a path of any length fits the 108 bytes of the kernel."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if os.path.lexists("s.sock"):
        os.unlink("s.sock")  # noqa: PTH108
    before = os.umask(0o177)
    server.bind("s.sock")
    os.umask(before)
    server.listen(4096)
    return server


def prepare(groups: list[dict]) -> str:  # type: ignore[type-arg]
    """Make the control groups; answers what could not be set."""
    failures = []
    for group in groups:
        try:
            os.makedirs(group["path"], exist_ok=True)  # noqa: PTH103
            for name, value in group["files"]:
                with open(group["path"] + "/" + name, "w", encoding="ascii") as file:  # noqa: PTH123
                    file.write(value)
        except OSError as error:
            failures.append(f"{group['path']}: {error}")
    return "; ".join(failures)


def take_score(score: int) -> None:
    """Before there is a child, which begins with ours; what our starter had is not meant for us."""
    try:
        place = os.open("/proc/self/oom_score_adj", os.O_RDWR)
        now = int(os.read(place, 16))
        if score < now if score else now < 0:
            os.pwrite(place, str(score).encode(), 0)
        os.close(place)
    except OSError:
        pass  # only root may be spared


def turn(spec: dict, parent: int, log: Log, server: "socket.socket | None") -> None:  # type: ignore[type-arg]
    """In the forked child: take on descriptors, limits, view and identity, then become the program."""
    os.setsid()
    confine.join(spec["plan"]["groups"])
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log.writer, 1)
    os.dup2(log.writer, 2)
    if server is not None:
        os.dup2(server.fileno(), LISTEN_FD)  # over our copy of the lock
    confine.limit(spec)
    if spec["nice"]:
        os.nice(spec["nice"])
    signal.set_wakeup_fd(-1)
    for name in ("HUP", "INT", "TERM", "CHLD", "PIPE", "XFSZ"):
        signal.signal(getattr(signal, "SIG" + name), signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # not before: a SIGTERM sent meanwhile must end it
    home = spec["cwd"] or os.getcwd() + "/work"  # noqa: PTH109
    confine.separate(spec)
    confine.see(spec["view"], os.getcwd() + "/root", spec["user"], spec.pop("handed"))  # noqa: PTH109
    os.chdir(home)
    confine.forget_keys(spec["user"])
    confine.drop(spec["user"], spec.get("groups", []))
    confine.run(spec, spec["argv"], parent)


def spawn(spec: dict, log: Log) -> int:  # type: ignore[type-arg]
    """Start the child; the socket stays open in it alone."""
    if not spec["cwd"]:
        os.makedirs("work/tmp", exist_ok=True)  # noqa: PTH103
    if spec["view"]:
        os.makedirs("root", exist_ok=True)  # noqa: PTH103
    if spec["user"]:
        os.fchown(log.writer, *spec["user"])
        for path in () if spec["cwd"] else ("work", "work/tmp"):
            os.chown(path, *spec["user"])
    server = listen() if spec["listen"] else None
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            turn(spec, parent, log, server)
        except BaseException as error:  # noqa: BLE001
            os.write(2, f"cannot start {spec['argv'][0]}: {error}\n".encode())
        finally:
            os._exit(127)
    os.close(log.writer)
    if server is not None:
        server.close()
    return child


def rest(groups: list[dict]) -> "set[int]":  # type: ignore[type-arg]
    """What the child left: its descendants are our children now, or in its groups."""
    pids = {0}
    lists = [f"/proc/self/task/{os.getpid()}/children", *(g["path"] + "/cgroup.procs" for g in groups)]
    for name in lists:
        try:
            with open(name, encoding="ascii") as file:  # noqa: PTH123
                pids.update(map(int, file.read().split()))
        except OSError:
            continue
    return pids - {0}


def send(pids: "set[int]", number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def reap() -> None:
    """Whoever has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def spare_rest(groups: list[dict], log: "Log", wake: int, stop: "Stop") -> None:  # type: ignore[type-arg]
    """Of a child that was told to end: what it left is told too, and has what is left of its grace."""
    poll = select.poll()
    poll.register(wake, select.POLLIN)
    if log.copy():
        poll.register(log.reader, select.POLLIN)
    told: set[int] = set()
    reap()
    while (left := rest(groups)) and stop.deadline > time.monotonic():
        send(left - told, signal.SIGTERM)
        told |= left
        for descriptor, _ in poll.poll(min(int((stop.deadline - time.monotonic()) * 1000) + 1, LOOK_AGAIN_MS)):
            if descriptor == log.reader:
                if not log.copy():
                    poll.unregister(log.reader)
            elif signal.SIGTERM in os.read(wake, 256):
                stop.bring_forward()
        reap()


def kill_rest(groups: list[dict]) -> None:  # type: ignore[type-arg]
    """End whatever the child left."""
    while True:
        send(rest(groups), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def killed_for_memory(name: str) -> bool:
    try:
        with open(name, encoding="ascii") as file:  # noqa: PTH123
            return any(int(line.split()[1]) > 0 for line in file if line.startswith("oom_kill "))
    except OSError:
        return False


class Stop:
    """The end that was asked for: TERM once, KILL at the deadline; a later request may only bring it forward."""

    def __init__(self, child: int, default_grace_s: float, farewell_s: float = 0.0) -> None:
        self.child = child
        self.default_grace_s = default_grace_s
        self.farewell_s = farewell_s
        self.deadline = 0.0

    def request(self) -> None:
        if not self.deadline:
            os.kill(self.child, signal.SIGTERM)
        self.bring_forward()

    def bring_forward(self) -> None:
        deadline = time.monotonic() + self.grace_s() + self.farewell_s
        self.deadline = min(deadline, self.deadline or deadline)

    def grace_s(self) -> float:
        """What was asked for; the spec's own when that cannot be read."""
        try:
            asked = float(load("stop.json")["grace_s"])
        except (OSError, KeyError, TypeError, ValueError, StopIteration, RecursionError, AttributeError):
            return self.default_grace_s
        return asked if 0 <= asked <= MOST_GRACE_S else self.default_grace_s

    def wait_ms(self) -> int | None:
        """How long to sleep; kills when the time is over."""
        if not self.deadline:
            return None
        left = self.deadline - time.monotonic()
        if left <= 0:
            os.kill(self.child, signal.SIGKILL)
            return None
        return int(left * 1000) + 1


class Birth:
    """Writes down who runs. A full disk does not end the child: the lock tells that it lives, and a stop is looked
    for instead of waited for, since nobody knows where to send its signal."""

    def __init__(self, child: int, unenforced: str) -> None:
        self.child = child
        self.unenforced = unenforced
        self.known = False

    def tell(self, stop: Stop) -> None:
        me = os.getpid()
        try:
            store(
                "state.json",
                pid=self.child,
                pid_started=started(self.child),
                shim=me,
                shim_started=started(me),
                unenforced=self.unenforced,
                boot=boot(),
            )
            self.known = True
        except OSError:
            pass
        if os.path.exists("stop.json"):  # noqa: PTH110 - written before it could know our pid
            stop.request()

    def wait_ms(self, otherwise: int | None) -> int | None:
        """How long to sleep until the next try."""
        if self.known:
            return otherwise
        return TELL_AGAIN_MS if otherwise is None else min(TELL_AGAIN_MS, otherwise)


def watch(child: int, log: Log, wake: int, stop: Stop, birth: Birth) -> int:
    """Wait for the child's end, copying its output and obeying requests; answers its wait status."""
    poll = select.poll()
    poll.register(wake, select.POLLIN)
    poll.register(log.reader, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll(birth.wait_ms(stop.wait_ms())):
            if descriptor == log.reader:
                if not log.copy():
                    poll.unregister(log.reader)
                continue
            if signal.SIGTERM in os.read(wake, 256):
                stop.request()
            while True:
                try:
                    pid, status = os.waitpid(-1, os.WNOHANG)
                except ChildProcessError:
                    break
                if pid == child:
                    return status
                if pid == 0:
                    break
        if not birth.known:
            birth.tell(stop)


def finish(code: int | None, oom: bool, error: str) -> None:
    """The last word: `code` is negative for a signal, None when the child never was."""
    status = code if code is not None and code >= 0 else None
    killer = -code if code is not None and code < 0 else None
    store("exit.json", status=status, signal=killer, oom=oom, error=error, ended_ms=time.time_ns() // 1_000_000)


def received() -> "dict[str, str]":
    """What we were handed besides: contents of files for the child. Nobody finds it here again."""
    size = os.fstat(HANDED_FD).st_size
    text = os.pread(HANDED_FD, size, 0).decode()
    if hasattr(_json, "loads"):
        return _json.loads(text)  # type: ignore[no-any-return]
    return _json.make_scanner(Scanning)(text, 0)[0]  # type: ignore[arg-type, no-any-return]


def main(path: str, *more: str) -> None:
    handed = received() if more else {}
    for name in os.listdir("/proc/self/fd"):  # what our starter let slip must not reach the child  # noqa: PTH208
        if int(name) > LOCK_FD:
            try:
                os.close(int(name))
            except OSError:
                continue  # the listing's own
    os.chdir(path)
    os.umask(0o077)
    os.set_inheritable(LOCK_FD, False)
    wake_reader, wake_writer = os.pipe()
    os.set_blocking(wake_writer, False)
    signal.set_wakeup_fd(wake_writer)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    spec = load("spec.json")
    take_score(spec.get("oom_score", 0))
    try:
        if os.path.exists("stop.json"):  # noqa: PTH110
            raise OSError("stopped before it was started")
        unenforced = prepare(spec["plan"]["groups"])
        confine.prctl(SET_SUBREAPER, 1)
        log = Log(spec["log_bytes"], spec.get("log_kept_bytes", 0))
        spec["handed"] = handed
        child = spawn(spec, log)
        del spec["handed"]
        handed.clear()
    except OSError as error:
        finish(None, False, str(error))
        return
    stop = Stop(child, spec["grace_s"], spec.get("farewell_s", 0.0))
    birth = Birth(child, unenforced)
    birth.tell(stop)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    status = watch(child, log, wake_reader, stop, birth)
    if stop.deadline:
        spare_rest(spec["plan"]["groups"], log, wake_reader, stop)
    kill_rest(spec["plan"]["groups"])
    log.copy()
    finish(os.waitstatus_to_exitcode(status), killed_for_memory(spec["plan"]["oom"]), "")


def run(path: str, *more: str) -> None:
    """All of this program; never returns. Skips the interpreter's farewell, which takes longer than its work."""
    try:
        main(path, *more)
    except BaseException:  # noqa: BLE001 - whatever it was, the log has it and the child goes with us
        sys.excepthook(*sys.exc_info())  # to the log
        os._exit(1)
    os._exit(0)
