"""Frames between the control plane and a worker: one byte of kind, four of length (big-endian), a payload.

    control plane → worker                         worker → control plane
      S  a split (JSON, `Split`)                     R  bytes are wanted (JSON, file, offset, length)
      D  bytes: the answer to the oldest R           P  outcomes (`published`)
      X  why the oldest R has none (JSON, error)     E  the split is over (JSON, abandoned)
      B  abandon the split                           F  the source cannot be read at all (JSON, error)

JSON is UTF-8. Both sides read a connection in the order of its frames; nothing is acknowledged. Pure.
"""

import struct
from typing import Any

import msgspec

PROTOCOL = "modelyard-batch/1"
PATH = "/batch"

SPLIT, DATA, UNREADABLE, ABANDON = b"S", b"D", b"X", b"B"
READ, PUBLISH, END, FAILED = b"R", b"P", b"E", b"F"

HEAD = struct.Struct(">cI")
LENGTH = struct.Struct(">I")
MOST_READ_BYTES = 1024 * 1024
MOST_OPEN_READS = 4


class Csv(msgspec.Struct, frozen=True):
    """`settled`: the encoding is that of the source, whose beginning was looked at; else of what has no mark."""

    header: bool = False
    delimiter: str = ","
    encoding: str = "utf-8"
    settled: bool = False


class Job(msgspec.Struct, frozen=True):
    """What is the same for all splits of a task. `mapping`: `{"fields": {name: node}}`, `{"items": [node]}`,
    `{"leaf": type, "index" or "column": …}`, or none: the row is the request."""

    format: str
    uri: str = "/"
    method: str = "POST"
    mapping: dict[str, Any] | None = None
    file_field: str = ""
    csv: Csv = Csv()
    max_row_bytes: int = 12 * 1024 * 1024


class File(msgspec.Struct, frozen=True):
    name: str
    size: int


class Member(msgspec.Struct, frozen=True):
    """One split of a bundle."""

    source: int
    start: int
    end: int
    first_row: int
    rows: int


class Split(msgspec.Struct, frozen=True):
    """`rows` rows from `first_row` on, between the bytes `start` and `end` of `source` (Parquet: between those
    rows; format `file`: the `files`, which are the sources from `source` on). `only`: just these rows. `members`:
    of a bundle, several small splits, of each of which the file has what its source has up to its `end`, one after
    the other; `rows` are those of all of them, numbered through from 0."""

    job: Job
    source: int
    start: int
    end: int
    first_row: int
    rows: int
    size: int = 0
    files: tuple[File, ...] = ()
    header: tuple[str, ...] | None = None
    careful: bool = False
    only: tuple[int, ...] | None = None
    members: tuple[Member, ...] = ()
    flush_s: float = 2.0
    flush_bytes: int = 8 * 1024 * 1024


_split = msgspec.json.Decoder(Split)
_encode = msgspec.json.Encoder().encode


def split_of(payload: bytes) -> Split:
    """Raises msgspec.DecodeError."""
    return _split.decode(payload)


def frame(kind: bytes, payload: bytes = b"{}") -> bytes:
    return HEAD.pack(kind, len(payload)) + payload


def spoken(kind: bytes, **said: Any) -> bytes:
    """A frame of JSON."""
    return frame(kind, _encode(said))


def published(
    rows: int,
    failures: list[tuple[int, str]],
    following: tuple[int, int] | None,
    numbers: list[int] | None,
    lines: list[bytes],
) -> list[bytes]:
    """A frame P, in pieces: the outcomes of `rows` rows, `lines` of them, each ended by a newline."""
    said: dict[str, Any] = {"rows": rows, "failed": len(failures), "next": following, "failures": failures}
    if numbers is not None:
        said["numbers"] = numbers
    head = _encode(said)
    size = LENGTH.size + len(head) + sum(map(len, lines))
    return [HEAD.pack(PUBLISH, size) + LENGTH.pack(len(head)) + head, *lines]
