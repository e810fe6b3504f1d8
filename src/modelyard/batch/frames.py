"""What the control plane and a worker say to each other on a connection: frames of a kind and a payload.

kind (1 byte), length (4 bytes, big-endian), payload; JSON is UTF-8

to the worker                                       from the worker
  S  a split (JSON)                                   R  {"file", "offset", "length"}: bytes are wanted
  D  bytes: the answer to the oldest open R           P  outcomes (`core.batch.outcomes`)
  X  {"error"}: the oldest open R has none            E  {"abandoned"}: the split is over
  B  {}: give the split up                            F  {"error"}: the source cannot be read at all
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

import msgspec

from modelyard.core.batch.outcomes import NonsenseError, cause_of
from modelyard.domain.batch import Fields, Items, Job, Leaf, Node, Source, Split

HEAD = struct.Struct(">cI")
MOST_READ_BYTES = 1024 * 1024
MOST_OPEN_READS = 4
FLUSH_S = 2.0
FLUSH_BYTES = 8 * 1024 * 1024


class Kind(Enum):
    SPLIT = b"S"
    DATA = b"D"
    UNREADABLE = b"X"
    ABANDON = b"B"
    READ = b"R"
    PUBLISH = b"P"
    END = b"E"
    FAILED = b"F"


MOST_BYTES = {Kind.READ: 1024, Kind.PUBLISH: 64 * 1024 * 1024, Kind.END: 1024, Kind.FAILED: 64 * 1024}
"""Of the payload of each frame that a worker may send."""

Size = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


@dataclass(frozen=True, slots=True)
class Frame:
    kind: Kind
    payload: bytes


class Wanted(msgspec.Struct, frozen=True):
    """Bytes of a file of the split."""

    file: Size
    offset: Size
    length: Annotated[int, msgspec.Meta(ge=1, le=MOST_READ_BYTES)]


class _End(msgspec.Struct, frozen=True):
    abandoned: bool = False


class _Error(msgspec.Struct, frozen=True):
    error: str


_wanted = msgspec.json.Decoder(Wanted)
_end = msgspec.json.Decoder(_End)
_error = msgspec.json.Decoder(_Error)
_READING_ERRORS = (msgspec.MsgspecError, UnicodeError, RecursionError)


def framed(kind: Kind, payload: bytes = b"{}") -> bytes:
    return HEAD.pack(kind.value, len(payload)) + payload


def head(said: bytes) -> tuple[Kind, int]:
    """The kind of a frame that a worker sends, and the length of its payload. Raises NonsenseError."""
    letter, length = HEAD.unpack(said)
    try:
        kind = Kind(letter)
    except ValueError:
        raise NonsenseError("it sent a frame of a kind that there is not") from None
    if kind not in MOST_BYTES:
        raise NonsenseError(f"it sent a frame {letter.decode()}, which only we do")
    if length > MOST_BYTES[kind]:
        raise NonsenseError(f"it sent a frame of {length} bytes; {MOST_BYTES[kind]} are allowed")
    return kind, length


def wanted(payload: bytes) -> Wanted:
    """Raises NonsenseError."""
    try:
        return _wanted.decode(payload)
    except _READING_ERRORS as error:
        raise NonsenseError("it asked for bytes that there cannot be") from error


def abandoned(payload: bytes) -> bool:
    """Raises NonsenseError."""
    try:
        return _end.decode(payload).abandoned
    except _READING_ERRORS as error:
        raise NonsenseError("it ended a split with words that nobody knows") from error


def failure(payload: bytes) -> str:
    """Raises NonsenseError."""
    try:
        return cause_of(_error.decode(payload).error)
    except _READING_ERRORS as error:
        raise NonsenseError("it gave a source up with words that nobody knows") from error


def unreadable(error: str) -> bytes:
    return framed(Kind.UNREADABLE, msgspec.json.encode({"error": error}))


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a worker is to do with a split. `files`: the sources of a split of the format `file`, otherwise the one
    that it is of. `header`: of CSV with a header line. `encoding`: how this source is read, if that is known
    better than the job knows it. `only`: the rows of it to try again. `members`: of a bundle, its splits."""

    split: Split
    files: Sequence[Source]
    header: Sequence[str] | None = None
    encoding: str = ""
    only: Sequence[int] | None = None
    members: Sequence[Split] = ()

    @property
    def careful(self) -> bool:
        """A worker died of it: rows are predicted, and published, one by one."""
        return self.split.deaths > 0


def assigned(job: Job, assignment: Assignment) -> bytes:
    """A frame S."""
    split, files = assignment.split, assignment.files
    return framed(
        Kind.SPLIT,
        msgspec.json.encode(
            {
                "job": {
                    "format": job.format.value,
                    "uri": job.uri,
                    "method": job.method,
                    "mapping": spoken(job.mapping),
                    "file_field": job.file_field,
                    "csv": {
                        "header": job.csv.header,
                        "delimiter": job.csv.delimiter,
                        "encoding": assignment.encoding or job.csv.encoding,
                        "settled": bool(assignment.encoding),
                    },
                    "max_row_bytes": job.max_row_bytes,
                },
                "source": split.source,
                "start": split.start,
                "end": split.end,
                "first_row": split.first_row,
                "rows": split.rows,
                "size": files[0].size if split.end and files else split.end,
                "files": [] if split.end else [{"name": name_of(each), "size": each.size} for each in files],
                "header": assignment.header,
                "careful": assignment.careful,
                "only": assignment.only,
                "flush_s": FLUSH_S,
                "flush_bytes": FLUSH_BYTES,
                **({"members": [_member(each) for each in assignment.members]} if assignment.members else {}),
            }
        ),
    )


def _member(split: Split) -> dict[str, int]:
    return {name: getattr(split, name) for name in ("source", "start", "end", "first_row", "rows")}


def name_of(source: Source) -> str:
    """What the model is told that a file is called."""
    return source.key.rpartition("/")[2] or source.result.rpartition("/")[2].partition("_result.")[0]


def spoken(node: Node | None) -> object:
    """A mapping rule as a worker reads it."""
    match node:
        case None:
            return None
        case Leaf(type=type, column=column) if column:
            return {"leaf": type.value, "column": column}
        case Leaf(type=type, index=index):
            return {"leaf": type.value, "index": index}
        case Fields(properties=properties):
            return {"fields": {name: spoken(each) for name, each in properties}}
        case Items(items=items):
            return {"items": [spoken(each) for each in items]}
