"""One instance that the engine of this machine follows."""

import asyncio

from modelyard.domain.process import Process, ProcessState
from modelyard.engines import commands, measure
from modelyard.engines.base import InstanceSpec, Observed
from modelyard.engines.containers.containers import Containers
from modelyard.engines.containers.several import user_of
from modelyard.engines.diskwatch import explained
from modelyard.engines.health_monitor import HealthMonitor
from modelyard.processes.directory import SOCKET, ProcessDir, Sight, Spec

INSTANCES = "instances"


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


def told(tracked: "TrackedInstance", sight: Sight) -> str:
    """How it ended, for people."""
    how = str(sight.exit or "was never started")
    return f"{tracked.cause}; {how}" if tracked.cause else how
