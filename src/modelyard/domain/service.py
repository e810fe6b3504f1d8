"""A service: what callers address, what it should be, and what was decided about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from modelyard.domain.settings import ServiceSettings


class InferType(StrEnum):
    REAL_TIME = "real-time"
    BATCH = "batch"
    EDGE = "edge"


class Desired(StrEnum):
    """What the user wants the service to be."""

    RUNNING = "running"
    STOPPED = "stopped"
    DELETED = "deleted"


class ServiceStatus(StrEnum):
    """Words of the contract (§2). Derived by `core.status`, stored only to filter and sort."""

    DEPLOYING = "deploying"
    RUNNING = "running"
    CONCERNING = "concerning"
    PENDING = "pending"
    WAITING = "waiting"
    FAILED = "failed"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FINISHED = "finished"
    DELETING = "deleting"


class RolloutKind(StrEnum):
    """Why a rollout began: a first deployment, a new config, or the start of a stopped service."""

    DEPLOY = "deploy"
    UPDATE = "update"
    START = "start"


class RolloutState(StrEnum):
    """The state of a rollout. ROLLING_BACK lasts until the revision before is complete again."""

    RUNNING = "running"
    ROLLING_BACK = "rolling_back"
    SUCCESS = "success"
    FAIL = "fail"
    CANCELLED = "cancelled"


ACTIVE_ROLLOUT = frozenset({RolloutState.RUNNING, RolloutState.ROLLING_BACK})


@dataclass(frozen=True, slots=True)
class Rollout:
    """Taking a service from one revision to another; also the update record that users read.

    `base` is the revision to return to on failure (None: there is none). `switched`: the weights of `target` are
    in force (until then those of `base` are); stored before it is acted on, and never undone. `cause` tells why it
    failed, with the last log lines.
    """

    id: str
    service_id: str
    kind: RolloutKind
    target: int
    base: int | None
    started_ms: int
    state: RolloutState = RolloutState.RUNNING
    switched: bool = False
    cause: str = ""
    ended_ms: int | None = None

    @property
    def active(self) -> bool:
        return self.state in ACTIVE_ROLLOUT


@dataclass(frozen=True, slots=True)
class Service:
    """The stored facts of a service.

    `revision` is the number of the revision that the service should run now (a failed rollout resets it); `stable`
    the last one that ran completely (None before the first). `failed`: the last deployment or start failed and had
    nothing to go back to. `due_ms`: when auto stop ends it (None: no countdown runs), in milliseconds since 1970
    UTC. `version` counts the user's accepted changes (the ETag). `attributes` keeps service-level fields as they
    came, to be echoed; `settings` is what they mean. The two change together (`core.settings.keeping`).
    """

    id: str
    project_id: str
    name: str
    infer_type: InferType
    owner: str
    created_ms: int
    desired: Desired
    revision: int
    stable: int | None = None
    failed: bool = False
    description: str = ""
    workspace_id: str = "0"
    status: ServiceStatus = ServiceStatus.DEPLOYING
    error: str = ""
    updated_ms: int = 0
    transition_ms: int = 0
    due_ms: int | None = None
    version: int = 1
    attributes: Mapping[str, object] = field(default_factory=dict)
    settings: ServiceSettings = ServiceSettings()

    @property
    def takes_room(self) -> bool:
        """Whether it is to have what its revision asks for: a batch that ended has no workers any more."""
        ended = {ServiceStatus.FINISHED, ServiceStatus.FAILED} if self.infer_type is InferType.BATCH else ()
        return self.desired is Desired.RUNNING and self.status not in ended


@dataclass(frozen=True, slots=True)
class Invocations:
    """Totals of a service: all requests, and those answered with 500 or above (contract §4)."""

    total: int = 0
    failed: int = 0


class EventType(StrEnum):
    NORMAL = "normal"
    ABNORMAL = "abnormal"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a service, in the contract's vocabulary (§2, event texts)."""

    service_id: str
    type: EventType
    info: str
    occur_ms: int


@dataclass(frozen=True, slots=True)
class Counter:
    """Totals of a service, and the last raw reading they include (`epoch` names the gateway process)."""

    totals: Invocations = Invocations()
    epoch: str = ""
    raw: Invocations = Invocations()
