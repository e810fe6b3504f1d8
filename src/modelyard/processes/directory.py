"""What lies on disk about one detached process, and what it means.

    DIR/spec.json   0600, written and synced before anything is started; versioned, never changed
        lock        held (flock) by the spawner, then by the shim, without a gap: held = something may run
        state.json  pids and their start times; written by the shim when the child runs
        stop.json   the grace asked for; written before the signal is sent
        exit.json   how the child ended; written by the shim last
        root/       empty; where the child's own view of the file system is put together
        log         the newest of the child's output, bounded; before it log.1, or log.START and times (`output`)
        work/       its directory;  s.sock  its socket, if it listens

One directory is one child, ever. Everything a later control plane must know is here, so `sight` needs nothing
else. It reads, and never signals, waits or deletes.

Any of these files may be damaged or another thing than it was (`files`). Whether something runs is the lock's word
alone; a damaged record is as one that is not there, and only a damaged spec is told, by whoever asks for the spec.
"""

import errno
import fcntl
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from modelyard import files
from modelyard.processes.limits import Plan
from modelyard.processes.mounts import Mount

FORMAT = 1
SOCKET = "s.sock"
SEGMENT = re.compile(r"log\.(\d{20})")
"""A file of its output that was `log`: how many bytes came before it."""
LISTEN_FD = 3
MOST_SPEC_BYTES = 16 * 1024 * 1024
MOST_RECORD_BYTES = 64 * 1024
LACKS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What we lack, and says nothing of a file."""

T = TypeVar("T")


class SpecUnreadableError(Exception):
    """The spec of a directory is of a format that this release does not know, or damaged."""


class SpecOfLaterReleaseError(SpecUnreadableError):
    """It is whole, and not for this release."""


@dataclass(frozen=True, slots=True)
class Spec:
    """How to run one process.

    `cwd` "" is `work/` below its directory, otherwise absolute. A listening process finds its socket as
    descriptor `LISTEN_FD`. `env` is all of its environment. `user` is (uid, gid); None: ours; `groups`
    are what it is in besides. `view`: all that
    it sees of the file system; empty: everything. `namespaces`: what else it has for itself, as /proc names them
    (`ipc`, `net`); `shared_memory_mib` bounds System V's in an `ipc` of its own (0: not). `processes` bounds how
    many its user may have. `oom_score`: who goes when memory is out (`oom`), for the shim as well. `label` is the
    owner's, any JSON object: it comes back after a restart. `grace_s` serves a stop that names none; `farewell_s`
    is given beyond it to a child that ends at its end whatever it keeps, and must tell how that ended. `log_bytes`
    bounds each file of its output; with `log_kept_bytes` all of it waits for whoever collects it, up to so many
    (0: of a file that was begun anew, only one is left).
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    cwd: str = ""
    listen: bool = False
    plan: Plan = Plan()
    open_files: int = 0
    processes: int = 0
    view: tuple[Mount, ...] = ()
    namespaces: tuple[str, ...] = ()
    shared_memory_mib: int = 0
    user: tuple[int, int] | None = None
    groups: tuple[int, ...] = ()
    nice: int = 0
    grace_s: float = 10.0
    farewell_s: float = 0.0
    oom_score: int = 0
    log_bytes: int = 4 * 1024 * 1024
    log_kept_bytes: int = 0
    label: Mapping[str, object] = field(default_factory=dict)


class State(StrEnum):
    """ABSENT: no such process was ever asked for."""

    ABSENT = "absent"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: by `code`, by `signal`, or neither, told by `text`. `oom`: it, or one that it started,
    was killed for want of memory."""

    code: int | None = None
    signal: int | None = None
    oom: bool = False
    text: str = ""

    def __str__(self) -> str:
        memory = " (out of memory)" if self.oom and self.code != 0 else ""
        if self.signal is not None:
            return f"killed by signal {self.signal}{memory}"
        return f"exited with status {self.code}{memory}" if self.code is not None else self.text


@dataclass(frozen=True, slots=True)
class Sight:
    """What is to be seen of a process now. `pid` is the child's (None until it is known), `supervisor` the
    shim's with its start time. `created_ms`: when it was asked for. `unenforced`: limits that did not take."""

    state: State
    created_ms: int = 0
    pid: int | None = None
    supervisor: tuple[int, int] | None = None
    stopping: bool = False
    unenforced: str = ""
    exit: Exit | None = None


Pid = Annotated[int, msgspec.Meta(gt=1, le=2**22)]
"""What may be a process of ours: never all (-1), our group (0) or init."""


@dataclass(frozen=True, slots=True)
class Birth:
    """state.json: pids with their start times in ticks since boot. `boot`: in which boot and which name space of
    processes they are theirs ("": an earlier release did not say)."""

    pid: Pid
    pid_started: int
    shim: Pid
    shim_started: int
    unenforced: str = ""
    boot: str = ""


@dataclass(frozen=True, slots=True)
class _End:
    """exit.json."""

    status: int | None
    signal: int | None
    oom: bool
    error: str


class ProcessDir:
    """One process's directory. Owns nothing: any number of these may look at the same path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def spec(self) -> Spec | None:
        """The spec it was started with; None when there is none. Raises SpecUnreadableError."""
        values = self._spec()
        if values is None:
            return None
        if (written := values.get("format")) != FORMAT:
            newer = isinstance(written, int) and written > FORMAT
            kind = SpecOfLaterReleaseError if newer else SpecUnreadableError
            raise kind(f"{self.path}: format {written!r} is not known to this release")
        try:
            return msgspec.convert(values, Spec)
        except msgspec.ValidationError as error:
            raise SpecUnreadableError(f"{self.path}: {error}") from error

    def write_spec(self, spec: Spec, created_ms: int) -> None:
        """Write the spec so that it is whole or absent, also after a power cut."""
        values = {"format": FORMAT, "created_ms": created_ms} | asdict(spec)
        files.write(self.path / "spec.json", json.dumps(values).encode())

    def write_stop(self, grace_s: float) -> None:
        files.write(self.path / "stop.json", json.dumps({"grace_s": grace_s}).encode(), durable=False)

    def used(self) -> bool:
        """Whether a process was ever asked for here, whatever its records hold."""
        return any(os.path.lexists(self.path / name) for name in ("spec.json", "state.json", "exit.json"))

    def locked(self) -> bool:
        """Whether a spawner or a shim is alive. A shim whose lock was taken away is told by its pid."""
        try:
            lock = os.open(self.path / "lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in LACKS:
                raise
            return self.supervised()
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return self.supervised()

    def supervised(self) -> bool:
        """Whether the shim that is on record is proven to live."""
        birth = self.birth()
        return birth is not None and alive(birth.shim, birth.shim_started)

    def settled(self) -> bool:
        """Whether the shim wrote down the end, after it had ended everything that the child left."""
        return self._record("exit.json", _End) is not None

    def birth(self) -> Birth | None:
        """Who runs or ran here, as the shim wrote it; None when that is not known (yet)."""
        return self._record("state.json", Birth)

    def sight(self) -> Sight:
        """Look at it. The lock is asked first: once it is free, what lies here is final. Raises nothing but what a
        lack of descriptors or memory does (OSError)."""
        running = self.locked()
        try:
            spec = self._spec()
        except SpecUnreadableError:
            spec = {}
        birth = self.birth()
        if spec is None and birth is None and not os.path.lexists(self.path / "exit.json"):
            return Sight(State.ABSENT)
        created = (spec or {}).get("created_ms")
        created_ms = created if isinstance(created, int) and 0 <= created < 2**53 else 0
        pid = birth.pid if birth else None
        supervisor = (birth.shim, birth.shim_started) if birth else None
        unenforced = birth.unenforced if birth else ""
        if running:
            stopping = (self.path / "stop.json").exists()
            return Sight(State.RUNNING, created_ms, pid, supervisor, stopping, unenforced)
        return Sight(
            State.EXITED, created_ms, pid, supervisor, exit=self._exit(birth is not None), unenforced=unenforced
        )

    def log_tail(self, lines: int, *, max_bytes: int = 65536) -> str:
        """The last lines of its output, newest last, of at most `max_bytes`."""
        if lines <= 0:
            return ""
        data, whole = b"", True
        for name in ("log", self._before_log()):
            try:
                more, whole = files.tail(self.path / name, max_bytes - len(data))
            except OSError:
                continue
            data = more + data
            if len(data) >= max_bytes or data.count(b"\n") > lines:
                break
        if not whole:
            data = data.partition(b"\n")[2] or data  # half a line
        return "\n".join(data.decode(errors="replace").splitlines()[-lines:])

    def _before_log(self) -> str:
        """The newest file that was `log` before."""
        try:
            return max(name for name in os.listdir(self.path) if SEGMENT.fullmatch(name))  # noqa: PTH208
        except (OSError, ValueError):
            return "log.1"

    def _exit(self, was_started: bool) -> Exit:
        if not os.path.lexists(self.path / "exit.json"):
            return Exit(text="its supervisor was killed" if was_started else "was never started")
        end = self._record("exit.json", _End)
        if end is None:
            return Exit(text="ended, and the record of how is damaged")
        if end.error:
            return Exit(text=f"could not be started: {end.error}")
        return Exit(end.status, end.signal, end.oom)

    def _spec(self) -> dict[str, object] | None:
        try:
            return files.read_object(self.path / "spec.json", MOST_SPEC_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno in LACKS:
                raise
            raise SpecUnreadableError(f"{self.path}: {error}") from error

    def _record(self, name: str, kind: type[T]) -> T | None:
        """None for one that cannot be understood."""
        try:
            return msgspec.json.decode(files.read(self.path / name, MOST_RECORD_BYTES), type=kind)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        except OSError as error:
            if error.errno in LACKS:
                raise
            return None


def alive(pid: int, started: int) -> bool:
    """Whether the process that was started then, in ticks since boot, has not ended."""
    fields = stat(pid)
    return fields is not None and int(fields[19]) == started and fields[0] not in {"Z", "X"}


def stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from `state` on; None when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def stopped(pid: int | None) -> bool:
    """Whether a signal stopped it and none has let it go on (SIGSTOP; a debugger does not count)."""
    fields = stat(pid) if pid is not None else None
    return fields is not None and fields[0] == "T"


def children(pid: int | None) -> tuple[int, ...]:
    """Of its first thread, which is the one that a process of ours starts them from."""
    try:
        return tuple(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()))
    except (OSError, ValueError):
        return ()


def boot() -> str:
    """The name of this boot and of the name space of processes; `shim.boot` says the same."""
    try:
        name = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{name}:{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""
