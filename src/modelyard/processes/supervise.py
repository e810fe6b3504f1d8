"""Run a process that outlives us: spawn it detached, find it again, be told of its end, stop it, forget it.

Instances and Envoy both stand on this:

    directory = ProcessDir(data_dir / "envoy")
    supervise.spawn(directory, Spec(argv=(envoy, "-c", config), cwd=str(data_dir)))   # or find it running
    task = asyncio.create_task(supervise.wait(directory))                              # done when it has ended

Promises: one directory runs one child, ever, however often and from wherever it is spawned. A kill of this
process at any point leaves a directory that says what is true. No pid is signalled or waited for that is not
proven to be ours (start time, then pidfd). Everything is quick but `wait`; `spawn` syncs a file.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from modelyard import trees
from modelyard.processes import limits, oom, output
from modelyard.processes.directory import (
    LACKS,
    ProcessDir,
    Sight,
    Spec,
    SpecUnreadableError,
    State,
    alive,
    boot,
    stat,
)
from modelyard.processes.limits import Plan

SHIM = Path(__file__).with_name("shim.py")
BOOT = "import sys; sys.path.append(sys.argv[1]); import shim; shim.run(*sys.argv[2:])"
"""Imported, not run by path: that way its bytecode is cached, a quarter of its start."""
NSENTER = "import sys; sys.path.append(sys.argv[1]); import nsenter; nsenter.run(*sys.argv[2:])"
LOCK_FD = 3
HANDED_FD = 4
NOT_JOINED = 125
"""What `enter` answers when there is nothing to run a command beside."""
POLL_S = 0.005
"""How long to wait for a shim that is being born to write its pid; happens only in its first milliseconds, or for
long on a full disk, when the pauses grow to `MAX_POLL_S`."""
LONG_POLL_S = 0.1
"""Who has not written its pid by then is looked for."""
MAX_POLL_S = 0.2
NO_GROUPS = Plan()
NOTHING: Mapping[str, str] = {}


def spawn(
    directory: ProcessDir,
    spec: Spec,
    *,
    python: str = sys.executable,
    created_ms: int | None = None,
    handed: Mapping[str, str] = NOTHING,
) -> bool:
    """Start the process unless its directory was used before; answers whether this call did.

    `handed`: the contents of the secrets in its view, by path; they go through memory, and are written nowhere.
    `created_ms` is when that was asked for (None: now). Raises OSError when the directory cannot be made or the
    shim cannot be started.
    """
    directory.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if spec.user is not None and not spec.view:
        directory.path.chmod(0o711)  # on the way to its work directory, and to nothing else
    lock = _lock(directory)
    if lock is None:
        return False
    contents = -1
    try:
        if directory.used():
            return False
        directory.write_spec(spec, time.time_ns() // 1_000_000 if created_ms is None else created_ms)
        log = str(directory.path / "log")
        append = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, append, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, log, append, 0o600),
            (os.POSIX_SPAWN_DUP2, lock, LOCK_FD),
        ]
        argv = [python, "-I", "-S", "-E", "-c", BOOT, str(SHIM.parent), str(directory.path.absolute())]
        if handed:
            contents = _in_memory(handed)
            actions.append((os.POSIX_SPAWN_DUP2, contents, HANDED_FD))
            argv.append("handed")
        os.posix_spawn(python, argv, {}, file_actions=actions, setsid=True, setsigmask=[signal.SIGTERM])
    finally:
        os.close(lock)
        if contents >= 0:
            os.close(contents)
    return True


def _in_memory(handed: Mapping[str, str]) -> int:
    """A file that has no name and is on no disk."""
    contents = os.memfd_create("handed", os.MFD_CLOEXEC)
    os.write(contents, json.dumps(dict(handed)).encode())
    return contents


def stop(directory: ProcessDir, grace_s: float) -> None:
    """Ask for its end: SIGTERM now, SIGKILL after `grace_s`. Holds from the moment this returns.

    A later call may only bring the end forward. Does nothing to what does not run. On a full disk the grace is
    the spec's, and holds only if this process lives to send the signal.
    """
    sight = directory.sight()
    if sight.state is not State.RUNNING:
        return
    with contextlib.suppress(OSError):
        directory.write_stop(grace_s)
    resume_stop(directory)


def kill(directory: ProcessDir) -> None:
    """End it at once, and what it started as far as that is in its groups; needs nothing of the disk."""
    pids = limits.members(_plan(directory, NO_GROUPS))
    birth = directory.birth()
    if birth is not None and alive(birth.pid, birth.pid_started):
        pids.add(birth.pid)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def resume_stop(directory: ProcessDir) -> None:
    """Send the signal of a stop whose asker may have died after writing it down. Harmless if it had been sent."""
    sight = directory.sight()  # after the write: a shim that is being born looks for it itself
    if sight.state is not State.RUNNING:
        return
    descriptor = _pidfd(sight)
    if descriptor is None:
        descriptor = _holder(directory)
    if descriptor is not None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        os.close(descriptor)


async def wait(directory: ProcessDir) -> Sight:
    """Return when it does not run (any more), within milliseconds; what is left of it is cleared up."""
    pause = POLL_S
    while True:
        sight = directory.sight()
        if sight.state is not State.RUNNING:
            sweep(directory)
            return sight
        descriptor = _pidfd(sight)
        if descriptor is None and pause > LONG_POLL_S:
            descriptor = await asyncio.to_thread(_holder, directory)
        if descriptor is None:
            await asyncio.sleep(pause)
            pause = min(MAX_POLL_S, pause * 1.2)
            continue
        try:
            await _readable(descriptor)
        finally:
            os.close(descriptor)


async def enter(
    directory: ProcessDir, command: tuple[str, ...], limit_s: float, *, python: str = sys.executable
) -> int | None:
    """Run a command beside the child, with its rights and limits; its exit status, below 0 for a signal, None when
    it was killed because it took longer than `limit_s`. Raises OSError when nothing can be started."""
    place = (str(SHIM.parent), str(directory.path.absolute()), str(limit_s))
    pid = _detached([python, "-I", "-S", "-E", "-c", NSENTER, *place, *command])
    ended = _ended(pid)
    try:
        async with asyncio.timeout(limit_s):
            return os.waitstatus_to_exitcode(await asyncio.shield(ended))
    except TimeoutError:
        return None
    finally:
        if not ended.done():
            os.killpg(pid, signal.SIGKILL)  # reaped when it is dead, whoever waits then


def sweep(directory: ProcessDir, otherwise: Plan = NO_GROUPS) -> None:
    """Kill what an exited process left behind because its shim was killed too; reap the shim if it is ours.

    `otherwise`: the groups to look into when its own cannot be read any more.
    """
    if directory.sight().state is State.EXITED:
        _clear(directory, _plan(directory, otherwise))


def remove(directory: ProcessDir, otherwise: Plan = NO_GROUPS, aside: Path | None = None) -> bool:
    """Forget a process that ended: its files and its control groups. Leaves a running one alone, and says so.

    The directory's name is free afterwards, whatever lay in it and however damaged (`trees.remove`). `aside`:
    where its output goes, with the spec, in one step, until somebody has read it.
    """
    if not os.path.lexists(directory.path):
        return True
    if directory.supervised():
        return False
    try:
        lock = _lock(directory)
    except OSError as error:
        if error.errno in LACKS:
            raise
        lock = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)  # another thing lies there: nobody holds it
    if lock is None:
        return False
    try:
        plan = _plan(directory, otherwise)
        _clear(directory, plan)
        if aside is not None and output.size(directory.path):
            _set_aside(directory.path, aside)
        trees.remove(directory.path)
        limits.remove(plan)
    finally:
        os.close(lock)
    return True


def _set_aside(path: Path, place: Path) -> None:
    """What it wrote to its own files does not wait, it may be large."""
    trees.make_directory(place.parent)
    trees.remove(place)
    path.rename(place)
    for entry in list(place.iterdir()):
        if not entry.name.startswith(("log", "times", "spec.json")):
            trees.remove(entry)


def _plan(directory: ProcessDir, otherwise: Plan) -> Plan:
    try:
        spec = directory.spec()
    except SpecUnreadableError:
        return otherwise
    return spec.plan if spec else otherwise


def _clear(directory: ProcessDir, plan: Plan) -> None:
    """Of a process that ended. Nothing is signalled but what is in its groups, and what is proven to be of its
    session: in another boot, or another container, its numbers are somebody else's."""
    birth = directory.birth()
    if birth is not None and (fields := stat(birth.shim)) and int(fields[19]) == birth.shim_started:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(birth.shim, os.WNOHANG)
    if directory.settled():
        return
    pids = limits.members(plan)
    if birth is not None and (birth.boot == boot() != "" or alive(birth.pid, birth.pid_started)):
        pids |= _session(birth.pid, birth.pid_started)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _lock(directory: ProcessDir) -> int | None:
    """The lock, taken; None when somebody has it. Retries, since a look (`locked`) takes it for an instant."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(directory.path / "lock", flags, 0o600)
    for attempt in range(5):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.001 * attempt)
        else:
            return descriptor
    os.close(descriptor)
    return None


def _pidfd(sight: Sight) -> int | None:
    """A handle on the shim, proven by its start time; None when it is not known yet or gone."""
    if sight.supervisor is None:
        return None
    pid, started = sight.supervisor
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    fields = stat(pid)
    if fields is None or int(fields[19]) != started:
        os.close(descriptor)
        return None
    return descriptor


def _holder(directory: ProcessDir) -> int | None:
    """A handle on the shim, proven by the lock that it has open, for one that is on no record: a full disk kept it
    from writing, or the record is damaged. Looks at every process."""
    try:
        lock = (directory.path / "lock").lstat()
    except OSError:
        return None
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                descriptor = os.pidfd_open(int(entry.name))
                if _has_open(entry / "fd" / str(LOCK_FD), lock):
                    return descriptor
                os.close(descriptor)
    return None


def _has_open(link: Path, file: os.stat_result) -> bool:
    """The name is looked at first: to look at a file of a stranger may wait for a disk that is away."""
    try:
        return link.readlink().name.startswith("lock") and os.path.samestat(link.stat(), file)
    except OSError:
        return False


def _session(sid: int, since: int) -> set[int]:
    """The processes of the session that the child led. While one lives, the kernel gives its number to nobody;
    what was there before the child, which began at `since`, is not of it."""
    pids = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or (fields := stat(int(entry.name))) is None:
            continue
        if int(fields[3]) == sid and int(fields[19]) >= since:
            pids.add(int(entry.name))
    return pids


def _detached(argv: list[str]) -> int:
    """Start a program in a session of its own, without input or output; its pid."""
    flows = ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY))
    actions = [(os.POSIX_SPAWN_OPEN, number, os.devnull, mode, 0) for number, mode in flows]
    pid = os.posix_spawn(argv[0], argv, {}, file_actions=actions, setsid=True)
    oom.spare(oom.NOBODY, pid)
    return pid


def _ended(pid: int) -> "asyncio.Future[int]":
    """The wait status of a child of ours that leads a session; what it left in its group is killed."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[int] = loop.create_future()
    handle = os.pidfd_open(pid)

    def reap() -> None:
        loop.remove_reader(handle)
        os.close(handle)
        os.killpg(pid, signal.SIGKILL)  # before it is reaped its number is nobody else's
        _, status = os.waitpid(pid, 0)
        if not done.done():
            done.set_result(status)

    loop.add_reader(handle, reap)
    return done


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _resolve, done)
    try:
        await done
    finally:
        loop.remove_reader(descriptor)


def _resolve(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
