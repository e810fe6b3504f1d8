"""What lies on disk about one detached process, and what it means.

    DIR/spec.json   0600, written and synced before anything is started; versioned, never changed
        lock        held (flock) by the spawner, then by the shim, without a gap: held = something may run
        state.json  pids and their start times; written by the shim when the child runs
        stop.json   the grace asked for; written before the signal is sent
        exit.json   how the child ended; written by the shim last
        root/       empty; where the child's own view of the file system is put together
        log, log.1  the child's output, bounded;  work/  its directory;  s.sock  its socket, if it listens

One directory is one child, ever. Everything a later control plane must know is here, so `sight` needs nothing
else. It reads, and never signals, waits or deletes.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

import msgspec

from modelyard.processes.limits import Plan
from modelyard.processes.view import Mount

FORMAT = 1
SOCKET = "s.sock"
LISTEN_FD = 3


class SpecUnreadableError(Exception):
    """The spec of a directory is of a format that this release does not know, or damaged."""


@dataclass(frozen=True, slots=True)
class Spec:
    """How to run one process.

    `cwd` "" is `work/` below its directory, otherwise absolute. A listening process finds its socket as
    descriptor `LISTEN_FD`. `env` is all of its environment. `user` is (uid, gid); None: ours. `view`: all that
    it sees of the file system; empty: everything. `namespaces`: what else it has for itself, as /proc names them
    (`ipc`, `net`); `shared_memory_mib` bounds System V's in an `ipc` of its own (0: not). `processes` bounds how
    many its user may have. `label` is the owner's, any JSON object: it comes back after a restart. `grace_s`
    serves a stop that names none.
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
    nice: int = 0
    grace_s: float = 10.0
    log_bytes: int = 4 * 1024 * 1024
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


class ProcessDir:
    """One process's directory. Owns nothing: any number of these may look at the same path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def spec(self) -> Spec | None:
        """The spec it was started with; None when there is none. Raises SpecUnreadableError."""
        values = self._load("spec.json")
        if values is None:
            return None
        if values.get("format") != FORMAT:
            raise SpecUnreadableError(f"{self.path}: format {values.get('format')} is not known to this release")
        try:
            return msgspec.convert(values, Spec)
        except msgspec.ValidationError as error:
            raise SpecUnreadableError(f"{self.path}: {error}") from error

    def write_spec(self, spec: Spec, created_ms: int) -> None:
        """Write the spec so that it is whole or absent, also after a power cut."""
        self._store("spec.json", {"format": FORMAT, "created_ms": created_ms} | asdict(spec), sync=True)

    def write_stop(self, grace_s: float) -> None:
        self._store("stop.json", {"grace_s": grace_s}, sync=False)

    def locked(self) -> bool:
        """Whether a spawner or a shim is alive."""
        try:
            lock = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def sight(self) -> Sight:
        """Look at it. The lock is asked first: once it is free, what lies here is final."""
        running = self.locked()
        spec = self._load("spec.json")
        if spec is None:
            return Sight(State.ABSENT)
        created_ms = int(spec.get("created_ms", 0))
        state = self._load("state.json") or {}
        pid = state.get("pid")
        supervisor = (state["shim"], state["shim_started"]) if state else None
        unenforced = state.get("unenforced", "")
        if running:
            stopping = (self.path / "stop.json").exists()
            return Sight(State.RUNNING, created_ms, pid, supervisor, stopping, unenforced)
        return Sight(
            State.EXITED, created_ms, pid, supervisor, exit=self._exit(bool(state)), unenforced=unenforced
        )

    def log_tail(self, lines: int, *, max_bytes: int = 65536) -> str:
        """The last lines of its output, newest last, of at most `max_bytes`."""
        if lines <= 0:
            return ""
        data, whole = b"", True
        for name in ("log", "log.1"):
            try:
                with (self.path / name).open("rb") as file:
                    size = file.seek(0, os.SEEK_END)
                    begin = max(0, size - (max_bytes - len(data)))
                    file.seek(begin)
                    data, whole = file.read() + data, begin == 0
            except FileNotFoundError:
                continue
            if len(data) >= max_bytes or data.count(b"\n") > lines:
                break
        if not whole:
            data = data.partition(b"\n")[2] or data  # half a line
        return "\n".join(data.decode(errors="replace").splitlines()[-lines:])

    def _exit(self, was_started: bool) -> Exit:
        values = self._load("exit.json")
        if values is None:
            return Exit(text="its supervisor was killed" if was_started else "was never started")
        if values["error"]:
            return Exit(text=f"could not be started: {values['error']}")
        return Exit(values["status"], values["signal"], values["oom"])

    def _load(self, name: str) -> dict | None:  # type: ignore[type-arg]
        try:
            text = (self.path / name).read_text("utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            values = json.loads(text)
        except ValueError as error:
            raise SpecUnreadableError(f"{self.path / name}: {error}") from error
        if not isinstance(values, dict):
            raise SpecUnreadableError(f"{self.path / name}: not an object")
        return values

    def _store(self, name: str, values: Mapping[str, object], *, sync: bool) -> None:
        new = self.path / f"{name}.new"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(values, file)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        new.replace(self.path / name)
        if sync:
            directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
