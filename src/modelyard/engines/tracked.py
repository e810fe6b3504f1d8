"""One instance that the engine of this machine follows."""

import asyncio
import contextlib
import os
from collections.abc import Callable

from modelyard.domain.process import Process, ProcessState
from modelyard.engines import commands, measure
from modelyard.engines.base import InstanceSpec, Observed, Usage
from modelyard.engines.containers.containers import Containers
from modelyard.engines.containers.several import user_of
from modelyard.engines.diskwatch import explained
from modelyard.engines.health_monitor import HealthMonitor
from modelyard.engines.launch import niceness
from modelyard.processes import limits
from modelyard.processes.directory import SOCKET, ProcessDir, Sight, Spec, SpecUnreadableError, alive

INSTANCES = "instances"
AGAIN_S = 1.0
READY = "ready"
"""An empty file in the directory of an instance that was ready when it was last asked. Whoever adopts it takes
it for ready until its checks say otherwise: a slow first answer must not take it out of the routing."""


class TrackedInstance:
    """What it is, and what was last seen of it. `containers`: the engine that keeps its container (None: it is in
    none)."""

    def __init__(
        self,
        spec: InstanceSpec,
        directory: ProcessDir,
        created_ms: int,
        process: Spec,
        *,
        monitor: HealthMonitor,
        containers: Containers | None = None,
    ) -> None:
        self.spec = spec
        self.containers = containers
        self.user = process.user[0] if process.user else user_of(process)
        self.port = commands.port_of(spec, process)
        self.directory = directory
        self.created_ms = created_ms
        self.monitor = monitor
        self.stopping = False
        self.exit: str | None = None
        self.cause = explained(directory)
        self.busy = asyncio.Lock()
        self.task: asyncio.Task[None] | None = None
        self.sample: measure.Sample | None = None

    def observed(self) -> Observed:
        """As the engine port shows it."""
        spec = self.spec
        return Observed(
            spec.instance_id,
            spec.service_id,
            spec.track,
            spec.revision,
            spec.template,
            self._process(),
            spec.devices,
        )

    def _process(self) -> Process:
        address = f"unix:{INSTANCES}/{self.spec.instance_id}/{SOCKET}"
        if self.exit is not None:
            return Process(ProcessState.EXITED, address, self.created_ms, exit=self.exit)
        health, liveness = self.monitor.state, self.spec.health.liveness
        serving = ProcessState.READY if health.ready else ProcessState.STARTING
        return Process(
            state=ProcessState.STOPPING if self.stopping else serving,
            address=address,
            started_ms=self.created_ms,
            in_flight=health.in_flight,
            quiet_since_ms=health.quiet_since_ms,
            hung=self.monitor.hung,
            frozen=self.monitor.frozen,
            silent=self.monitor.silent,
            patience_ms=round(liveness.period_s * liveness.failures * 1000),
        )

    async def usage(self, now_ms: Callable[[], int]) -> Usage | None:
        """What it uses; None where that cannot be told."""
        read = await self._read()
        if read is None:
            return None
        cpu_s, memory = read
        self.sample = measure.sampled(self.sample, cpu_s, now_ms(), self.created_ms)
        return measure.usage(self.sample, memory)

    async def _read(self) -> tuple[float, int] | None:
        if self.containers is not None:
            return await self.containers.used(self.spec.instance_id)
        try:
            process = self.directory.spec()
            return measure.read(process.plan, self.directory.sight().pid) if process is not None else None
        except (OSError, SpecUnreadableError):
            return None

    @property
    def holds_without_door(self) -> bool:
        """Whether it still has something when its door has ended: cards, as long as its container may be there."""
        return self.containers is not None and bool(self.spec.devices)

    async def discard(self) -> None:
        """Have its container removed, which a door that was killed leaves. Where it `holds_without_door`, returns
        when the engine has said that it is gone, however long that is away."""
        while self.containers is not None:
            gone = await self.containers.discard(self.spec.instance_id)
            if gone or not self.holds_without_door:
                return
            await asyncio.sleep(AGAIN_S)

    def settle(self, batch_weight: float) -> None:
        """It has loaded: remember that for whoever adopts it, and give it its full share of the CPU, or that of a
        worker of a batch service."""
        with contextlib.suppress(OSError):
            (self.directory.path / READY).touch(0o600)
        try:
            spec = self.directory.spec()
        except (OSError, SpecUnreadableError):
            return
        if spec is None:
            return
        weight = batch_weight if spec.label.get("batch") else 1.0
        limits.weigh(spec.plan, weight)
        birth = self.directory.birth()
        if spec.nice and birth is not None and alive(birth.pid, birth.pid_started):
            with contextlib.suppress(OSError):
                os.setpriority(
                    os.PRIO_PGRP, birth.pid, niceness(weight)
                )  # the group, since every thread has its own


def told(tracked: "TrackedInstance", sight: Sight) -> str:
    """How it ended, for people."""
    how = str(sight.exit or "was never started")
    return f"{tracked.cause}; {how}" if tracked.cause else how
