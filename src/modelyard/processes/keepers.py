"""The keepers of ports that live, as the kernel tells: whatever became of what lies on disk about them.

A keeper (`keeper.py`) names its ports in its arguments, and works in DATA_DIR/ports/keeper-N/work, also after that
was removed. Its shim names that directory. So a living one is known without a file of ours; only processes of our
own user count, which no instance is where instances are kept apart at all.
"""

import contextlib
import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path

from modelyard.processes.directory import stat

KEEPER, SHIM = "keeper.run(", "shim.run("
REMOVED = " (deleted)"
END_S = 2.0


@dataclass(frozen=True, slots=True)
class Living:
    """A keeper that runs. `directory`: where its records are, or were; `shim`: 0 when it has none."""

    pid: int
    shim: int
    ports: tuple[int, ...]
    directory: Path


def owner(port: int) -> Path | None:
    """The data directory whose keeper holds the port; None when none of our user's does, as far as can be told."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and port in _ports(entry) and (fields := stat(int(entry.name))) is not None:
            work = _link(entry / "cwd")
            directory = _shims_place(int(fields[1])) or (work.parent if work is not None else None)
            if directory is not None and fields[0] not in {"Z", "X"}:
                return directory.parent.parent
    return None


def living(home: Path) -> list[Living]:
    """Those whose directories are, or were, in `home`, the oldest first."""
    there, given = home.resolve(), home.absolute()
    living: list[tuple[int, Living]] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        ports, fields = _ports(entry), stat(int(entry.name))
        if not ports or fields is None or fields[0] in {"Z", "X"}:
            continue
        shim = int(fields[1])
        place = _shims_place(shim)
        work = _link(entry / "cwd")
        if place is not None and place.parent == given:
            directory = place
        elif work is not None and work.parent.parent == there:
            directory = home / work.parent.name
        else:
            continue
        living.append((int(fields[19]), Living(int(entry.name), shim if place else 0, ports, directory)))
    return [one for _, one in sorted(living, key=lambda pair: pair[0])]


def end(one: Living) -> None:
    """End it at once, and its shim, whatever of both is on record. Returns when they are gone."""
    keeper = _handle(one.pid, KEEPER)
    shim = _handle(one.shim, SHIM) if one.shim else None
    try:
        for handle in (keeper, shim):  # the shim goes when its child does, unless it was stopped
            if handle is not None and not (handle == shim and _gone(handle)):
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                _gone(handle)
    finally:
        for handle in (keeper, shim):
            if handle is not None:
                os.close(handle)
    for pid in (one.pid, one.shim):
        with contextlib.suppress(OSError):
            os.waitpid(pid, os.WNOHANG)  # a child of ours


def _handle(pid: int, what: str) -> int | None:
    """A handle on the process, if it is still that program."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    if what in _arguments(Path(f"/proc/{pid}"))[1]:
        return handle
    os.close(handle)
    return None


def _gone(handle: int) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(END_S * 1000))


def _ports(entry: Path) -> tuple[int, ...]:
    """What a keeper of our user was told to hold; empty for every other process."""
    arguments, text = _arguments(entry)
    if KEEPER not in text:
        return ()
    try:
        if entry.stat().st_uid != os.geteuid():
            return ()
    except OSError:
        return ()
    after = arguments[arguments.index("-c") + 3 :]
    return tuple(sorted({int(port) for port in after if port.isdecimal()}))


def _shims_place(pid: int) -> Path | None:
    arguments, text = _arguments(Path(f"/proc/{pid}"))
    return Path(arguments[-1]) if SHIM in text else None


def _arguments(entry: Path) -> tuple[list[str], str]:
    """The arguments of a process, and the program text among them; what cannot be read has none."""
    try:
        arguments = (entry / "cmdline").read_bytes().decode(errors="surrogateescape").split("\0")[:-1]
    except OSError:
        return [], ""
    if "-c" not in arguments or arguments[-1] == "-c":
        return arguments, ""
    return arguments, arguments[arguments.index("-c") + 1]


def _link(path: Path) -> Path | None:
    try:
        return Path(str(path.readlink()).removesuffix(REMOVED))
    except OSError:
        return None
