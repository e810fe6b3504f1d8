"""What every use case works with, and who may call it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from modelyard.batch.runner import Pace
from modelyard.core.admission.catalog import FLAVORS, Flavor, Quotas
from modelyard.core.tallies import Sample
from modelyard.domain.devices import Grant, Inventory, Kind, Reading
from modelyard.domain.errors import Forbidden
from modelyard.domain.identity import Principal, Role
from modelyard.domain.pools import PoolEngine, Sight
from modelyard.domain.resources import Capacity
from modelyard.engines.base import Usage
from modelyard.gateway.base import GatewayMeasures
from modelyard.logs.base import LogStore
from modelyard.logs.memory import MemoryLogs
from modelyard.notify.endpoints import ANY, Endpoints
from modelyard.notify.remote import RemoteSmn
from modelyard.objects.base import ObjectStore
from modelyard.operations.bells import Bells
from modelyard.operations.confirmations import Confirmations
from modelyard.operations.telling import Teller
from modelyard.operations.tracing import Tracing
from modelyard.store.base import Store


async def nothing_used(_service_id: str) -> Mapping[str, Usage]:
    """Where nothing runs."""
    return {}


async def nothing_measured() -> GatewayMeasures | None:
    """Where no gateway is."""
    return None


async def nothing_counted(_instance_id: str, _limit_s: float) -> bytes | None:
    """Where nothing runs."""
    return None


async def as_stored() -> bool:
    """Where nothing moves."""
    return True


async def no_certificate(_id: str) -> bytes | None:
    """Where nothing is signed."""
    return None


def at_no_pace(_task_id: str) -> Pace:
    """Where nothing is at work."""
    return Pace()


async def nothing_lacking(_project_id: str, _bucket: str) -> str:
    """Where nobody counts."""
    return ""


@dataclass(frozen=True, slots=True)
class BatchPorts:
    """What use cases about batch services need: how fast a task goes, the objects that its input and its results
    are (None: there are none here), whether files of Parquet can be read and written,
    and why a project may write no more results into a bucket ("": it may)."""

    pace: Callable[[str], Pace] = at_no_pace
    objects: ObjectStore | None = None
    parquet: bool = False
    lacking: Callable[[str, str], Awaitable[str]] = nothing_lacking


@dataclass(frozen=True, slots=True)
class NotificationPorts:
    """What use cases about notifications need: the region in names of topics, what can be subscribed
    (`endpoints`), the real SMN that has topics too, and a certificate by its id."""

    region: str = "local"
    endpoints: Endpoints = ANY
    remote: RemoteSmn | None = None
    certificate: Callable[[str], Awaitable[bytes | None]] = no_certificate


def never_seen(_engine: PoolEngine) -> Sight | None:
    """Where nobody looks at pools."""
    return None


async def not_looked_at(_engine: PoolEngine) -> Sight | None:
    """Where nobody can look at pools."""
    return None


@dataclass(frozen=True, slots=True)
class PoolPorts:
    """How the engines of pools were last seen, which costs nothing (None: nobody has looked yet), and how one is
    now, which takes seconds where it is away (None: nobody can look)."""

    sight: Callable[[PoolEngine], Sight | None] = never_seen
    look: Callable[[PoolEngine], Awaitable[Sight | None]] = not_looked_at


async def no_readings() -> Mapping[tuple[Kind, int], Reading]:
    """Where there are none."""
    return {}


async def nothing_granted() -> Sequence[Grant]:
    """Where nothing runs."""
    return ()


@dataclass(frozen=True, slots=True)
class CardPorts:
    """The accelerators of this machine: which there are, what each does now, and all that is granted of them."""

    inventory: Callable[[], Inventory] = Inventory
    readings: Callable[[], Awaitable[Mapping[tuple[Kind, int], Reading]]] = no_readings
    granted: Callable[[], Awaitable[Sequence[Grant]]] = nothing_granted


@dataclass(frozen=True, slots=True)
class WatchedPorts:
    """What the page of metrics needs beside the store: what the gateway measures (None: it cannot be asked), and
    what this process counts of itself and of what it stands on."""

    gateway: Callable[[], Awaitable[GatewayMeasures | None]] = nothing_measured
    own: Callable[[], Iterable[Sample]] = tuple


@dataclass(frozen=True, slots=True)
class Context:
    """The world of the use cases.

    `clock` gives milliseconds since 1970 UTC; `new_id` a fresh id; `nudge(kind, id)` says *look at this again*
    to whoever works on that kind ("service", "model" …) and returns at once. `gateway_url` is where callers
    reach the gateway, without a slash at the end. `volume_dirs` are the directories of the host whose contents
    services may mount (absolute, resolved); `mountable` says whether instances that are processes can have
    anything mounted, `unmountable` why not, `occupied` what they find mounted anyway; `ours`: what
    none may mount; `instance_user` whom they all are, if they are all the same user. `capacity`: what one instance
    can have at most; of accelerators `cards` knows, where they are set (see `there`). `scripted`: whether a
    snapshot has inference code, which may do what its format alone cannot (True also of one that cannot be looked
    at). `home_project` (id or name) has the buckets that nobody claimed;
    "" lets every project use them. `usage` gives what the instances of a service use now, `requests_per_minute`
    how many requests came in the last minute, `metrics` what an instance counts, as the engine port has it.
    `facts` brings what is stored to what is there now, and tells whether the gateway answers: whoever reads of
    services awaits it first. `batch`, `notifications`, `confirmations`, `watched`, `pools`: see
    there. `bells`: who watches services. `buckets_moved` says that buckets may be elsewhere now. `logs`: what
    instances wrote; `log_bells`: who follows it, rung when lines were appended.
    `images`: the installation has a container engine, so that models in no pool of containers can be images too.
    `instance_disk_mib`: what one instance may have on disk (0: nobody bounds it).
    `steady`: milliseconds of the steady clock. `tracing`: None where nothing is traced.
    """

    store: Store
    clock: Callable[[], int]
    new_id: Callable[[], str]
    nudge: Callable[[str, str], None]
    quotas: Quotas = Quotas()
    flavors: Mapping[str, Flavor] = field(default_factory=lambda: FLAVORS)
    gateway_url: str = "http://127.0.0.1:8080"
    volume_dirs: tuple[str, ...] = ()
    mountable: bool = False
    unmountable: str = "the engine has none"
    occupied: tuple[str, ...] = ()
    instance_user: int | None = None
    ours: tuple[str, ...] = ()
    capacity: Capacity = Capacity()
    scripted: Callable[[str], bool] = lambda _digest: True
    home_project: str = ""
    usage: Callable[[str], Awaitable[Mapping[str, Usage]]] = nothing_used
    buckets_moved: Callable[[], None] = lambda: None
    requests_per_minute: Callable[[str], int] = lambda _service_id: 0
    metrics: Callable[[str, float], Awaitable[bytes | None]] = nothing_counted
    facts: Callable[[], Awaitable[bool]] = as_stored
    batch: BatchPorts = BatchPorts()
    bells: Bells = field(default_factory=Bells)
    images: bool = False
    instance_disk_mib: int = 0
    logs: LogStore = field(default_factory=MemoryLogs)
    log_bells: Bells = field(default_factory=Bells)
    steady: Callable[[], int] = lambda: 0
    notifications: NotificationPorts = NotificationPorts()
    confirmations: Confirmations = field(default_factory=Confirmations)
    tracing: Tracing | None = None
    cards: CardPorts | None = None
    watched: WatchedPorts = WatchedPorts()
    pools: PoolPorts = PoolPorts()

    @property
    def there(self) -> Capacity:
        """What this machine has now."""
        return self.capacity if self.cards is None else self.cards.inventory().within(self.capacity)

    @property
    def teller(self) -> Teller:
        """Writes services together with the messages that this calls for."""
        return Teller(self.new_id, self.steady, self.nudge, self.tracing)


def authorise(principal: Principal, project_id: str, right: frozenset[Role], operation: str) -> None:
    """Raise Forbidden unless the caller has one of the roles in this very project."""
    if principal.project_id != project_id:
        raise Forbidden("The project id in the request URL does not match the token.", code="0210")
    if not principal.roles & right:
        raise Forbidden(f"You are not authorized to perform the ({operation}) operation.")
