"""The engine of this machine: an instance is a detached process with a Unix socket.

The truth is in `instances/<id>` below the data directory and in the kernel; only open handles and the last health
check of each instance are kept here. Stopping and starting are requests to a shim, so they survive us
(`processes/`).
"""

import asyncio
import contextlib
import errno
import logging
import os
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from modelyard import trees
from modelyard.domain.output import Output, OutputSource, Position
from modelyard.engines import commands, counters, devices
from modelyard.engines.base import (
    UNKNOWN,
    DiskStatus,
    EngineUnavailableError,
    InstanceSpec,
    Listing,
    NoRoomError,
    StartRefusedError,
    Usage,
    Watcher,
)
from modelyard.engines.containers.containers import Containers
from modelyard.engines.containers.several import ContainerEngines, engine_of
from modelyard.engines.diskwatch import (
    DiskWatch,
    Written,
    explain,
    explained,
    members,
    purge,
)
from modelyard.engines.health_monitor import Enter, HealthMonitor
from modelyard.engines.health_state import HealthState
from modelyard.engines.launch import (
    METRICS_SOCKET,
    WORK,
    LaunchOptions,
    instance_spec,
)
from modelyard.engines.outputs import Outputs
from modelyard.engines.planning import Planner
from modelyard.engines.tracked import INSTANCES, READY, TrackedInstance, told
from modelyard.processes import limits, supervise
from modelyard.processes.directory import (
    ProcessDir,
    Sight,
    Spec,
    SpecOfLaterReleaseError,
    SpecUnreadableError,
    State,
)
from modelyard.processes.disk import Reserve, size
from modelyard.processes.limits import Enforcement

log = logging.getLogger(__name__)

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})

TROUBLE_INTERVAL_S = 1.0
FIRST_CHECK_S = 0.25
SETTLED_NS = 1_000_000_000
"""A change of a directory this long ago cannot share its time with a later one, however coarse a file's clock."""


def _none(path: str) -> Containers:
    raise StartRefusedError(f"no container engine is known at {path}")


def _epoch_ms() -> int:
    return time.time_ns() // 1_000_000


class ProcessEngine:
    """Implements `engines.base.Engine` below `data_dir`. `package_path` gives the snapshot of a digest."""

    def __init__(
        self,
        data_dir: Path,
        package_path: Callable[[str], Path],
        *,
        options: LaunchOptions | None = None,
        enforcement: Enforcement | None = None,
        now_ms: Callable[[], int] = _epoch_ms,
        disk_bytes: int = 0,
        reserve: Reserve | None = None,
        removed_output_bytes: int = 0,
        containers: ContainerEngines | None = None,
    ) -> None:
        """`containers`: the engines of those that run in containers (None: there are none). `disk_bytes`: what an
        instance may write (0: as much as it likes); `reserve`: for a full disk; `removed_output_bytes`: how much
        output of removed instances may wait for its collector (0: none does)."""
        self._root = data_dir / INSTANCES
        self._outputs = Outputs(data_dir, self._root, removed_output_bytes)
        self._data_dir = data_dir
        self._containers = containers or ContainerEngines(_none)
        self._options = options or LaunchOptions()
        self._planner = Planner(package_path, self._options, self._containers)
        self._enforcement = enforcement
        self._now_ms = now_ms
        self._tracked: dict[str, TrackedInstance] = {}
        self._watchers: list[Watcher] = []
        self._open = False
        self._stock_ns = 0
        reserve = reserve or Reserve(data_dir / "reserve", 0)
        self._disk = DiskWatch(data_dir, disk_bytes, reserve, self._writers, self._ended_for_disk)
        self._watching: Sequence[asyncio.Task[None]] = ()

    def enforced(self) -> Mapping[str, str]:
        """What holds here, for people: `cpu` → "enforced (cgroup v1)", or "not enforced: why"."""
        isolation = self._options.isolation
        held = {**self._limits().describe(), **isolation.describe()}
        if isolation.users and not isolation.users.shared and not held["pids"].startswith("enforced"):
            held["pids"] = "enforced (rlimit)"
        held = {**held, "disk": self._disk_enforced()}
        held |= devices.described(isolation)
        containers = self._containers.describe()
        return {**held, "containers": containers} if containers else held

    def _disk_enforced(self) -> str:
        if not self._disk.bound:
            return "not enforced: switched off"
        how = f"{size(self._disk.bound)} each, looked at every few seconds while this process runs"
        return f"enforced ({how})" if self._options.isolation.views else f"partly enforced (work directory; {how})"

    def disk(self) -> DiskStatus:
        """How the disk stands, as of the last look."""
        return self._disk.status

    async def open(self) -> None:
        trees.make_directory(self._root)
        isolation = self._options.isolation
        self._root.chmod(0o711 if isolation.users and not isolation.views else 0o700)
        self._stock_ns = 0
        self._take_stock()
        limits.remove_strays(self._limits(), self._tracked)
        self._open = True
        checks = [tracked.monitor.checked.wait() for tracked in self._tracked.values() if tracked.exit is None]
        with contextlib.suppress(TimeoutError):  # those that load or are busy answer later
            await asyncio.wait_for(asyncio.gather(*checks), FIRST_CHECK_S)
        self._watching = [asyncio.create_task(self._disk.run(), name="disk")]
        self._containers.tend(self._doors)

    async def close(self) -> None:
        self._open = False
        tasks = [*self._watching, *(t.task for t in self._tracked.values() if t.task is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._containers.close()
        self._tracked.clear()

    async def list(self, service_id: str | None = None) -> Listing:
        """All or nothing: one machine is never partly out of reach."""
        if not self._open:
            raise EngineUnavailableError("the engine is not open")
        self._take_stock()
        return Listing(
            tuple(
                tracked.observed()
                for tracked in self._tracked.values()
                if service_id is None or tracked.spec.service_id == service_id
            )
        )

    async def start(self, spec: InstanceSpec) -> None:
        if not self._open:
            raise EngineUnavailableError("the engine is not open")
        if not ID.fullmatch(spec.instance_id):
            raise StartRefusedError(f"{spec.instance_id!r} cannot name a directory")
        if (disk := self._disk.status).low:
            most = f"; service {disk.service_id} wrote most: {size(disk.written)}" if disk.service_id else ""
            raise NoRoomError(f"the server's disk is full: {size(disk.space.free)} are free{most}")
        if (tracked := self._tracked.get(spec.instance_id)) is not None:
            if tracked.spec.service_id != UNKNOWN:
                return
            await self.remove(spec.instance_id)
            if spec.instance_id in self._tracked:
                raise NoRoomError(f"what is left in {tracked.directory.path} has not ended yet")
        directory = ProcessDir(self._root / spec.instance_id)
        changed = partial(self._tell_service, spec.service_id)
        spec, process = await self._planner.planned(
            spec, directory.path, self._tracked.values(), self._limits(), changed
        )
        if spec.instance_id in self._tracked:
            return
        tracked = self._track(spec, directory, self._now_ms(), process)
        self._tracked[spec.instance_id] = tracked
        async with tracked.busy:
            try:
                await asyncio.to_thread(
                    supervise.spawn,
                    directory,
                    process,
                    python=self._options.python,
                    created_ms=tracked.created_ms,
                    handed={one.path: one.value.reveal() for one in spec.secrets if process.view},
                )
            except OSError as error:
                await asyncio.to_thread(supervise.remove, directory)
                del self._tracked[spec.instance_id]
                if error.errno in FULL:
                    raise NoRoomError(f"{error.strerror}: {directory.path}") from error
                raise StartRefusedError(str(error)) from error
            except BaseException:  # cancelled, or a fault: nobody would follow it
                del self._tracked[spec.instance_id]  # the next look adopts it, if it came to be
                raise
            self._follow(tracked)
        self._tell(tracked)

    async def stop(self, instance_id: str, grace_s: float) -> None:
        tracked = self._tracked.get(instance_id)
        if tracked is None or tracked.exit is not None:
            return
        async with tracked.busy:  # a start on its way
            supervise.stop(tracked.directory, grace_s)
        tracked.stopping = True
        self._tell(tracked)

    async def remove(self, instance_id: str) -> None:
        tracked = self._tracked.get(instance_id)
        if tracked is None or tracked.exit is None:
            return
        async with tracked.busy:
            groups, aside = self._limits().groups(instance_id), self._outputs.aside(instance_id)
            gone = await asyncio.to_thread(supervise.remove, tracked.directory, groups, aside)
            if aside is not None:
                await asyncio.to_thread(self._outputs.bound)
        if gone and self._tracked.pop(instance_id, None) is not None:
            self._tell(tracked)

    async def log_tail(self, instance_id: str, lines: int) -> str:
        return ProcessDir(self._root / instance_id).log_tail(lines) if ID.fullmatch(instance_id) else ""

    async def outputs(self) -> Sequence[OutputSource]:
        there = [(t.spec, t.exit is not None) for t in self._tracked.values() if t.spec.service_id != UNKNOWN]
        return await asyncio.to_thread(self._outputs.sources, there)

    async def output(self, instance_id: str, after: Position | None, most_bytes: int) -> Output:
        tracked = self._tracked.get(instance_id)
        ended = tracked is None or tracked.exit is not None
        return await asyncio.to_thread(self._outputs.read, instance_id, after, most_bytes, ended=ended)

    async def release(self, instance_id: str, before: Position, *, last: bool = False) -> None:
        await asyncio.to_thread(self._outputs.release, instance_id, before, last=last)

    async def usage(self, service_id: str) -> Mapping[str, Usage]:
        there = [t for t in self._tracked.values() if t.spec.service_id == service_id and t.exit is None]
        used = await asyncio.gather(*(tracked.usage(self._now_ms) for tracked in there))
        return {
            tracked.spec.instance_id: usage
            for tracked, usage in zip(there, used, strict=True)
            if usage is not None
        }

    async def metrics(self, instance_id: str, limit_s: float) -> bytes | None:
        tracked = self._tracked.get(instance_id)
        if tracked is None or tracked.exit is not None:
            return None
        if tracked.spec.program is not None or tracked.containers is not None:
            return counters.of_door(tracked.monitor.state.in_flight)
        return await counters.read(tracked.directory.path / WORK / METRICS_SOCKET, limit_s)

    def poll_fast(self, instance_id: str) -> None:
        if tracked := self._tracked.get(instance_id):
            tracked.monitor.fast.set()

    def watch(self, watcher: Watcher) -> None:
        self._watchers.append(watcher)

    def _limits(self) -> Enforcement:
        if self._enforcement is None:
            self._enforcement = limits.detect(self._data_dir)
        return self._enforcement

    def _tell(self, tracked: TrackedInstance) -> None:
        self._tell_service(tracked.spec.service_id)

    def _tell_service(self, service_id: str) -> None:
        for watcher in self._watchers:
            watcher(service_id)

    def _doors(self) -> Collection[str]:
        """The instances that may have a container."""
        self._take_stock()
        return {instance_id for instance_id, tracked in self._tracked.items() if tracked.exit is None}

    def _take_stock(self) -> None:
        """Follow every instance on disk that is not followed yet. Raises EngineUnavailableError.

        The directory is read only after it changed: with a thousand instances a look takes milliseconds, and every
        pass of the loop takes one.
        """
        try:
            changed_ns = self._root.stat().st_mtime_ns
            if changed_ns == self._stock_ns:
                return
            with os.scandir(self._root) as entries:
                names = [
                    e.name for e in entries if e.name not in self._tracked and e.is_dir(follow_symlinks=False)
                ]
            for name in names:
                if name.startswith(trees.ASIDE):
                    continue
                self._adopt(ProcessDir(self._root / name))
            settled = time.time_ns() - changed_ns > SETTLED_NS
            self._stock_ns = changed_ns if settled else 0
        except (OSError, SpecOfLaterReleaseError) as error:
            raise EngineUnavailableError(f"cannot tell what runs: {error}") from error

    def _adopt(self, directory: ProcessDir) -> None:
        try:
            spec = directory.spec()
            instance = instance_spec(spec.label) if spec else None
            if instance is not None and instance.instance_id != directory.path.name:
                instance = None
        except (SpecUnreadableError, ValueError) as error:
            if isinstance(error, SpecOfLaterReleaseError) and directory.locked():
                raise  # a newer release knows what it is
            spec = instance = None
        sight = directory.sight()
        if sight.state is State.ABSENT and not (directory.path / WORK).exists():
            supervise.remove(directory)  # its spawner was killed before it had written what to start
            return
        if instance is None:
            log.warning("%s has no readable spec: it is nobody's, ended and removed", directory.path)
            instance, spec = self._unknown(directory), Spec(())
        tracked = self._track(instance, directory, sight.created_ms, spec or Spec(()))
        self._tracked[directory.path.name] = tracked
        if sight.stopping:
            tracked.stopping = True
            supervise.resume_stop(directory)
        if sight.state is not State.RUNNING:
            supervise.sweep(directory, self._limits().groups(directory.path.name))
            if tracked.holds_without_door:
                tracked.stopping = True
                self._follow(tracked)
                return
            tracked.exit = told(tracked, sight)
            tracked.monitor.checked.set()
        else:
            tracked.monitor.state = HealthState(ready=(directory.path / READY).exists())
            self._follow(tracked)

    def _unknown(self, directory: ProcessDir) -> InstanceSpec:
        return InstanceSpec(directory.path.name, UNKNOWN, 0, 0, "", "", "", "")

    def _follow(self, tracked: TrackedInstance) -> None:
        tracked.task = asyncio.create_task(self._live(tracked), name=f"instance {tracked.spec.instance_id}")

    async def _live(self, tracked: TrackedInstance) -> None:
        """Follow one instance to its end."""
        checks = asyncio.create_task(
            tracked.monitor.run(partial(self._noted, tracked), partial(self._tell, tracked))
        )
        try:
            sight = await self._end(tracked)
        finally:
            checks.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await checks
        tracked.cause = tracked.cause or explained(tracked.directory)
        if tracked.holds_without_door:
            tracked.stopping = True
            self._tell(tracked)
            await tracked.discard()
        tracked.exit = told(tracked, sight)
        tracked.monitor.checked.set()
        self._tell(tracked)
        if not tracked.holds_without_door:
            await tracked.discard()
        if tracked.cause:
            await asyncio.to_thread(purge, tracked.directory.path / WORK)

    def _writers(self) -> Collection[Written]:
        return [
            Written(
                instance_id,
                tracked.spec.service_id,
                f"{tracked.spec.model_name} {tracked.spec.model_version}",
                tracked.directory.path / WORK,
                partial(members, tracked.directory),
                partial(self._containers.written, instance_id),
            )
            for instance_id, tracked in self._tracked.items()
            if tracked.exit is None
        ]

    def _ended_for_disk(self, instance_id: str, why: str) -> None:
        tracked = self._tracked[instance_id]
        tracked.cause, tracked.stopping = why, True
        explain(tracked.directory, why)
        supervise.kill(tracked.directory)
        self._tell(tracked)

    async def _end(self, tracked: TrackedInstance) -> Sight:
        """Wait for its end; a lack of descriptors or memory here delays the news, and never loses it."""
        while True:
            try:
                return await supervise.wait(tracked.directory)
            except OSError:
                await asyncio.sleep(TROUBLE_INTERVAL_S)

    def _track(self, spec: InstanceSpec, directory: ProcessDir, created_ms: int, process: Spec) -> TrackedInstance:
        enter: Enter = partial(supervise.enter, directory, python=self._options.python)
        path, health = engine_of(process), commands.health(spec, process)
        containers = self._containers.at(path) if path else None
        if containers is not None:  # never beside the door, which has our rights: inside the container
            enter = partial(containers.run, spec.instance_id)
            health = replace(health, stalled_s=0)  # the door counts connections, which may last
        monitor = HealthMonitor(
            directory,
            health,
            created_ms,
            now_ms=self._now_ms,
            enter=enter,
            door=containers is not None or commands.has_door(spec, process),
        )
        return TrackedInstance(spec, directory, created_ms, process, monitor=monitor, containers=containers)

    def _noted(self, tracked: TrackedInstance, before: HealthState, state: HealthState) -> None:
        """A health check found something new."""
        if state.ready and not before.ready:
            tracked.settle(self._options.batch_weight)
        if before.ready and not state.ready:
            with contextlib.suppress(OSError):
                (tracked.directory.path / READY).unlink()
        if state.ready != before.ready or tracked.monitor.fast.is_set():
            self._tell(tracked)
