"""Answers of the API as values. Each keeps the main fields typed and the whole answer in `raw`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

Json = dict[str, object]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One entry of a service's config: a model, its share of the traffic and how many instances of it.

    `more`: other fields of the entry, sent as they are.
    """

    model_id: str
    weight: int = 100
    instance_count: int = 1
    specification: str = "modelarts.vm.cpu.2u"
    envs: Mapping[str, str] = field(default_factory=dict)
    deploy_timeout_in_seconds: int | None = None
    additional_properties: Mapping[str, object] = field(default_factory=dict)
    model_name: str = ""
    model_version: str = ""
    status: str = ""
    more: Mapping[str, object] = field(default_factory=dict)

    def request(self) -> Json:
        """The entry as a request carries it: optional fields that are not set are left out."""
        entry: Json = {
            **self.more,
            "model_id": self.model_id,
            "weight": self.weight,
            "specification": self.specification,
            "instance_count": self.instance_count,
        }
        if self.envs:
            entry["envs"] = dict(self.envs)
        if self.deploy_timeout_in_seconds is not None:
            entry["deploy_timeout_in_seconds"] = self.deploy_timeout_in_seconds
        if self.additional_properties:
            entry["additional_properties"] = dict(self.additional_properties)
        return entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One run of a batch service over its input. `rows` are those that are known: all of them once `planned`.
    Times are milliseconds since 1970 UTC."""

    task_id: str
    number: int
    state: str
    planned: bool = False
    rows: int = 0
    rows_done: int = 0
    rows_failed: int = 0
    sources: int = 0
    sources_failed: int = 0
    rows_per_second: float = 0.0
    seconds_left: float | None = None
    waiting: str = ""
    error: str = ""
    retries: int = 0
    revision: int = 0
    manifest: str = ""
    created_at: int = 0
    started_at: int | None = None
    finished_at: int | None = None
    raw: Json = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRow:
    """A row that failed, and why; `row` counts from 0 in its source."""

    source: str
    row: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service. Times are milliseconds since 1970 UTC; `progress` is 0..100 while deploying, and of the rows of a
    batch service, whose newest task `batch` is."""

    service_id: str
    service_name: str
    status: str
    infer_type: str = "real-time"
    description: str = ""
    access_address: str = ""
    progress: int | None = None
    error_msg: str = ""
    config: tuple[Variant, ...] = ()
    invocation_times: int = 0
    failed_times: int = 0
    publish_at: int = 0
    update_time: int | None = None
    batch: Task | None = None
    raw: Json = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One published version of a model package."""

    model_id: str
    model_name: str
    model_version: str
    model_status: str
    model_type: str = ""
    source_location: str = ""
    model_size: int = 0
    create_at: int = 0
    error_msg: str = ""
    raw: Json = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRecord:
    """One update of a service and how it ended: RUNNING, SUCCESS or FAIL."""

    update_time: int
    result: str
    raw: Json = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a service. `event_type` is normal or abnormal."""

    event_type: str
    event_info: str
    occur_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object. `size` None: it stands for all whose keys begin with `key`. `digest`: of what was written."""

    key: str
    size: int | None = None
    etag: str = ""
    digest: str = ""
    raw: Json = field(default_factory=dict, repr=False, compare=False)


def record(answer: Json, kind: type[T]) -> T:
    """`answer` as a `kind`; fields it does not have are ignored, null means absent."""
    given = {name: value for name, value in answer.items() if value is not None}
    return msgspec.convert({**given, "raw": answer}, kind, strict=False)


def json_value(text: str) -> Json:
    """The JSON object of a text."""
    return msgspec.json.decode(text, type=Json)


def rows(answer: Json, name: str) -> list[Json]:
    """The one array of a list answer."""
    return msgspec.convert(answer.get(name) or [], list[Json])
