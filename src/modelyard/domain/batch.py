"""A batch service's work: what its config asks for (`Job`), and the ledger of one run over its input (`Task`,
`Source`, `Split`).

    Task      one run of the service over its input; a changed config makes a new one
    Source    one input file of a task, numbered from 0 in the order of the input
    Split     a part of the input that is leased, predicted and published as a whole: rows of one source, or
              several sources of the format `file`

    PENDING ──lease──▶ LEASED ──publish──▶ PUBLISHED        a publication may cover only the beginning of a split:
       ▲                 │                                  the rest is then a split of its own, leased as before
       └─────release─────┘
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Format(StrEnum):
    """How rows lie in the input (the contract's `mapping_type`); in FILE, each source is one row."""

    FILE = "file"
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class Output(StrEnum):
    """How results are written: TEXT is one line of JSON a row (`<file>_result.txt`)."""

    TEXT = "txt"
    PARQUET = "parquet"


class LeafType(StrEnum):
    STRING = "string"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of the request, from one cell of a row: by `index` (0-based), or by `column`, its name ("": by
    index)."""

    type: LeafType
    index: int = 0
    column: str = ""


@dataclass(frozen=True, slots=True)
class Fields:
    """An object of the request."""

    properties: "tuple[tuple[str, Node], ...]"


@dataclass(frozen=True, slots=True)
class Items:
    """An array of the request."""

    items: "tuple[Node, ...]"


Node = Leaf | Fields | Items
"""A mapping rule as it is used: what it leaves out (index -1) is not in it any more."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How CSV is read. `encoding` is a codec's name; a byte order mark says otherwise. `header`: the first row of
    each file names the columns and is no data."""

    header: bool = False
    delimiter: str = ","
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class Threshold:
    """The task fails as soon as more rows have failed: more than `count`, or more than the `share` (0 to 1) of
    those that were tried."""

    count: int | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What one config entry of a batch service asks for.

    `source` and `destination` as the caller spelled them; `manifest`: the source is a list of files. `uri`: the
    path of the model that is asked, `method` its method. `mapping` makes the request of a row (None: the row is
    the request, as in JSONL, or a file). `file_field`: the form field of the single file of format FILE; "":
    the file is the body itself. `row_timeout_s`: how long the prediction of one row may take; `max_row_bytes`:
    how large a row, or a file, may be.
    """

    source: str
    destination: str
    uri: str
    format: Format
    method: str = "POST"
    manifest: bool = False
    mapping: Node | None = None
    file_field: str = ""
    csv: Dialect = Dialect()
    output: Output = Output.TEXT
    error_threshold: Threshold | None = None
    row_timeout_s: float = 60.0
    max_row_bytes: int = 12 * 1024 * 1024


class TaskState(StrEnum):
    """ACTIVE: read, predicted and published. ASSEMBLING: every row has its outcome, results are being written.
    STOPPED: it goes on when the service is started. SUPERSEDED: a newer config took its place, for good."""

    ACTIVE = "active"
    ASSEMBLING = "assembling"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    SUPERSEDED = "superseded"


AT_WORK = frozenset({TaskState.ACTIVE, TaskState.ASSEMBLING})


@dataclass(frozen=True, slots=True)
class Counts:
    """What is known of a task's input, and how much of it has its outcome. `rows` are those of all splits so far;
    `rows_done` were SUCCESSFUL, `rows_failed` FAILED. `sources_failed` could not be read as a whole; their rows
    count nowhere."""

    sources: int = 0
    sources_failed: int = 0
    bytes: int = 0
    splits: int = 0
    splits_done: int = 0
    rows: int = 0
    rows_done: int = 0
    rows_failed: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """`number` counts from 1 within the service; `rollout` is the id of the rollout that began it, or last resumed
    it. `planned`: all of the input has been cut into splits; until then `cursor` is where planning goes on (its
    own word, "" at the beginning). `error`: why it failed; `waiting`: what keeps it from going on for now.
    `retries`: how often its failed rows were tried again. Times are milliseconds since 1970 UTC; `started_ms`: its
    first lease."""

    id: str
    service_id: str
    number: int
    revision: int
    rollout: str
    created_ms: int
    state: TaskState = TaskState.ACTIVE
    started_ms: int | None = None
    finished_ms: int | None = None
    planned: bool = False
    cursor: str = ""
    error: str = ""
    waiting: str = ""
    retries: int = 0
    counts: Counts = field(default_factory=Counts)

    @property
    def at_work(self) -> bool:
        return self.state in AT_WORK

    @property
    def complete(self) -> bool:
        """Whether every row of the input has its outcome."""
        return self.planned and self.counts.splits_done == self.counts.splits


@dataclass(frozen=True, slots=True)
class Source:
    """One input file. `location` is how the input spells it (a presigned URL is a secret, so it is sealed in the
    store and in no repr); `bucket` and `key` are "" where only the location reaches it. `version` is the object's
    when it was planned. `result`: the file of its results, below `infer-result/`; `result_version`: the object's
    once it was written. `error`: why it could not be read ("": it could)."""

    number: int
    location: str = field(repr=False)
    bucket: str
    key: str
    size: int
    version: str
    result: str
    error: str = ""
    result_version: str = ""


class SplitState(StrEnum):
    PENDING = "pending"
    LEASED = "leased"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Split:
    """Rows `first_row` … `first_row + rows` of `source`, between the bytes `start` and `end` of it (in Parquet:
    between those rows). In the format FILE the `rows` sources from `source` on; `start` and `end` are 0.

    `attempt` counts its leases: what an earlier one says is void. `deaths`: how many workers in a row died at its
    first rows. `worker`: the instance that has it. Once published: `failed` rows of `rows`; `part` is the object
    that holds its lines (`part_bytes` of them, then its failures, `part_size` in all), "" once results were
    assembled; a small one is no object, but its `content` here. `retry`: only the rows that failed are to be
    predicted again.
    """

    source: int
    start: int
    end: int
    first_row: int
    rows: int
    state: SplitState = SplitState.PENDING
    attempt: int = 0
    deaths: int = 0
    worker: str = ""
    failed: int = 0
    part: str = ""
    part_bytes: int = 0
    part_size: int = 0
    retry: bool = False
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Publication:
    """The outcomes of the first `rows` rows of a leased split, in `part`; `content`: all of it, if it is small.
    `rest`: (source, start) where what remains of it begins; None: nothing does. `former`: of a retried split with
    a rest, how many of its former failures are among these rows."""

    source: int
    start: int
    attempt: int
    rows: int
    failed: int
    part: str
    part_bytes: int
    part_size: int
    rest: tuple[int, int] | None = None
    former: int = 0
    content: bytes = field(default=b"", repr=False)
