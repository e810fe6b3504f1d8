"""What a change would do, and the configurations a service had: answers as values."""

from dataclasses import dataclass, field

from modelyard.client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPlan:
    """Instances of one track that start, stop, and stay as they are."""

    track: int
    model_name: str = ""
    model_version: str = ""
    starts: int = 0
    stops: int = 0
    stays: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a change would do. `etag` is that of the service it was made from, "" of one that would be created.
    `task`: what becomes of the task of a batch service."""

    service_name: str
    changes: bool
    creates: bool = False
    service_id: str = ""
    etag: str = ""
    service: Json = field(default_factory=dict)
    config: tuple[Json, ...] = ()
    instances: tuple[TrackPlan, ...] = ()
    room: Json = field(default_factory=dict)
    traffic: tuple[Json, ...] = ()
    complete: bool = True
    task: Json = field(default_factory=dict)
    raw: Json = field(default_factory=dict, repr=False, compare=False)

    @property
    def does_something(self) -> bool:
        """Whether anything would be other than it is: what is asked for, or what runs."""
        moves = self.task.get("does", "nothing") not in {"nothing", "continues"}
        return self.changes or moves or any(one.starts or one.stops for one in self.instances)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One configuration of a service. `state`: current, deploying, stable, failed, cancelled, earlier, stored."""

    number: int
    created_at: int
    state: str
    stable: bool = False
    error_msg: str = ""
    config: tuple[Json, ...] = ()
    raw: Json = field(default_factory=dict, repr=False, compare=False)
