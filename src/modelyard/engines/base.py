"""The engine port: what runs instances somewhere.

Contract, for every engine:

- **Idempotent on the instance id.** `start` twice starts once; `stop` and `remove` of an instance that it does not
  know do nothing.
- **Forgetful.** `list()` is the truth about what exists. It answers for every instance of this data directory,
  also those started by an earlier control plane and those nobody recorded. What it could not ask it names
  (`Listing.unreachable`): nothing is known about what is there, and that is not to be read as "nothing is there".
  It raises `EngineUnavailableError` when it could ask nobody.
- **Quick.** `start` and `stop` return when the request is safely on its way, not when it has taken effect.
  Readiness is observed, never awaited.
- **Where it cannot reach, it does nothing.** `stop` and `remove` of an instance in an unreachable scope return and
  leave it as it is; whoever wants them asks again. `start` goes where it can.
- An instance has a clean environment: it inherits nothing from the control plane but what its spec says.

After something has changed the engine calls every `watch`er with the service's id; a watcher must not block, and a
lost call costs only time, since the loop looks again anyway.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Protocol

from modelyard.domain.devices import Grant
from modelyard.domain.health import Health
from modelyard.domain.output import Output, OutputSource, Position
from modelyard.domain.pools import PoolEngine
from modelyard.domain.process import Process
from modelyard.domain.program import Program
from modelyard.domain.resources import Resources
from modelyard.domain.revision import Volume
from modelyard.domain.secrets import SecretFile
from modelyard.processes.disk import Space

UNKNOWN = ""
"""The service of an instance whose records are damaged: nobody knows whose it is. It is listed like any other that
belongs to no service, so it is ended and removed."""


class EngineError(Exception):
    """Base of the errors that an engine raises."""


class EngineUnavailableError(EngineError):
    """The engine cannot be asked now. Says nothing about its instances: never read it as "there are none"."""


class NoRoomError(EngineError):
    """There is no room for this instance now; trying later may succeed. The message says what is missing."""


class WaitingError(NoRoomError):
    """It cannot start now, and not for want of room: what it needs is away. The message says what."""


class FetchingError(WaitingError):
    """What it needs is on its way here (an image that is pulled); the message says how far."""


class StartRefusedError(EngineError):
    """This spec can never start here (a package that is not there, a limit that cannot be set …)."""


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """Everything an engine needs to run one instance. `package` is the snapshot's digest; `pool` where it runs
    ("": the default one) and `engine` what that runs on; `volumes` what it sees of the host besides. `batch`: it
    is a worker of a batch service. `secret_names`: which of `envs` nobody is shown. `program`: what it runs (None:
    our model server); `script_health`: how it is asked instead of `health` if a script in the package serves it
    after all (`commands.settled`). `devices`: the accelerators that it was granted, and no others. `secrets`:
    what it finds as files, read-only; of one that was adopted without values."""

    instance_id: str
    service_id: str
    track: int
    revision: int
    template: str
    package: str
    model_name: str
    model_version: str
    envs: tuple[tuple[str, str], ...] = ()
    resources: Resources = Resources()
    health: Health = Health()
    pool: str = ""
    engine: PoolEngine = PoolEngine()
    volumes: tuple[Volume, ...] = ()
    batch: bool = False
    secret_names: tuple[str, ...] = ()
    program: Program | None = None
    script_health: Health | None = None
    devices: tuple[Grant, ...] = ()
    secrets: tuple[SecretFile, ...] = ()


def label(spec: InstanceSpec) -> dict[str, object]:
    """All of a spec that may be written down: the values of its secrets are not."""
    named = [{"name": one.name, "version": one.version, "path": one.path} for one in spec.secrets]
    return asdict(replace(spec, secrets=())) | {"secrets": named}


@dataclass(frozen=True, slots=True)
class Observed:
    """What the engine sees of one instance now: whose it is and what it was granted, as its spec said, and what
    its process does."""

    instance_id: str
    service_id: str
    track: int
    revision: int
    template: str
    process: Process
    devices: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class DiskStatus:
    """The state of the disk, for people. `service_id`: whose instance has written most; `written`: how much."""

    space: Space = field(default_factory=lambda: Space(0, 0))
    low: bool = False
    reserved: bool = False
    service_id: str = ""
    written: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """A pool, or one node of it (`node` "": all of them)."""

    pool: str = ""
    node: str = ""

    def covers(self, pool: str | None, node: str) -> bool:
        """Whether an instance may be in here. One whose pool is not known (None) may, and so may one whose node is
        not ("": it was never seen)."""
        return (pool is None or pool == self.pool) and (not self.node or not node or node == self.node)


@dataclass(frozen=True, slots=True)
class Listing:
    """What an engine could see just now, and the scopes that it could not ask."""

    instances: tuple[Observed, ...] = ()
    unreachable: frozenset[Scope] = frozenset()

    def may_hide(self, pool: str | None, node: str) -> bool:
        """Whether an instance that is not listed may exist all the same."""
        return any(scope.covers(pool, node) for scope in self.unreachable)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one instance uses: `cpu` in cores (since it was last asked, or since it began), memory in MiB."""

    cpu: float = 0.0
    memory_mib: float = 0.0


Watcher = Callable[[str], None]


class Engine(Protocol):
    """Runs instances. See the module's contract."""

    async def open(self) -> None:
        """Take stock of everything that exists; called once, before anything else."""

    async def close(self) -> None:
        """Let go of the instances without touching them: they go on serving."""

    async def list(self, service_id: str | None = None) -> Listing:
        """Every instance (of one service), as far as can be seen. Raises EngineUnavailableError."""

    async def start(self, spec: InstanceSpec) -> None:
        """Raises NoRoomError, StartRefusedError, EngineUnavailableError."""

    async def stop(self, instance_id: str, grace_s: float) -> None:
        """SIGTERM, and SIGKILL after `grace_s`; both also happen when the control plane dies in between."""

    async def remove(self, instance_id: str) -> None:
        """Forget an exited instance: its files and its entry in `list`. A running one is left alone."""

    async def log_tail(self, instance_id: str, lines: int) -> str:
        """The last lines it wrote, newest last; "" when there are none (or it is unknown)."""

    async def outputs(self) -> Sequence[OutputSource]:
        """Everybody whose output there may be: what was written is there after the end, and after `remove`, until
        it was released, or is dropped since too much waits."""

    async def output(self, instance_id: str, after: Position | None, most_bytes: int) -> Output:
        """What it wrote after the position (None: from the first that is there), of at most `most_bytes`; no data
        when there is nothing now. Lives and dies with the instance, not with the control plane. Of the unknown:
        no data, and `last`."""

    async def release(self, instance_id: str, before: Position, *, last: bool = False) -> None:
        """What is before the position was kept elsewhere, and may be deleted. `last`: that was all of it, and what
        is left of an instance that was removed goes."""

    async def usage(self, service_id: str) -> Mapping[str, Usage]:
        """What each running instance of the service uses, by its id; one that cannot be measured is left out."""

    async def metrics(self, instance_id: str, limit_s: float) -> bytes | None:
        """Its counters, as Prometheus text: its own word, so do not rely on it. None when it does not answer
        within `limit_s`, answers with too much, or is not there."""

    def poll_fast(self, instance_id: str) -> None:
        """What is inside it matters now (it drains): keep `in_flight` and `quiet_since_ms` fresh to about 100 ms
        until it ends. Each look costs a request, so others are looked at less often. Idempotent; the unknown are
        ignored."""

    def enforced(self) -> Mapping[str, str]:
        """What holds here, for people: `cpu` → "enforced (cgroup v1)", or "not enforced: why"."""

    def disk(self) -> DiskStatus:
        """The state of the disk that instances write to, as of the last look."""

    def watch(self, watcher: Watcher) -> None:
        """Have `watcher` called with a service id after something about its instances changed."""
