"""Rows of a split, as they come from its bytes, in chunks.

A chunk knows where each of its rows begins, so that what was published can end at any of them. What is wrong with
a row is the row's (`RowError`), and it is in its place among the others; what is wrong with the whole source ends
the split (`SourceError`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from modelyard_runtime.batch import wire
from modelyard_runtime.batch.link import FIRST_BYTES, Window

MOST_SHOWN = 80
CHUNK_BYTES = 64 * 1024
MOST_CHUNK_BYTES = 4 * 1024 * 1024
_MANY_ROWS = 1024


class RowError(Exception):
    """Why a row has no answer: the text of its outcome."""


class SourceError(Exception):
    """Why nothing of a source can be read."""


class Chunk(Protocol):
    """Consecutive rows. `items` are the rows as their format has them, a RowError where one cannot be used;
    `first` is the number of the first, in its source (format `file`: of the source). `plain`: all of it is ASCII
    without underscores."""

    first: int
    items: list[Any]
    plain: bool

    def begins(self, place: int) -> tuple[int, int]:
        """(source, start) where the row at `place` begins; behind the last one: where the next would."""


@dataclass(slots=True)
class Wanted:
    """How many rows the model takes at once, so that chunks are as large. Written by the thread that predicts."""

    rows: int = 1


@dataclass(frozen=True, slots=True)
class Context:
    """What reading a split needs."""

    split: wire.Split
    window: Window
    wanted: Wanted = field(default_factory=Wanted)

    @property
    def first_bytes(self) -> int:
        """Of the first window: little, so that the first rows come soon, unless a call is to have many."""
        return wire.MOST_READ_BYTES if self.wanted.rows >= _MANY_ROWS else FIRST_BYTES


def chunks_of(context: Context) -> Iterator[Chunk]:
    """Raises SourceError, UnreadableError or LostError."""
    match context.split.job.format:
        case "csv":
            from modelyard_runtime.batch.csv_rows import csv_chunks

            return csv_chunks(context)
        case "jsonl":
            from modelyard_runtime.batch.json_rows import json_chunks

            return json_chunks(context)
        case "parquet":
            from modelyard_runtime.batch.parquet_rows import parquet_chunks

            return parquet_chunks(context)
        case "file":
            from modelyard_runtime.batch.file_rows import file_chunks

            return file_chunks(context)
    raise SourceError(f"this worker does not know the format {context.split.job.format!r}")


def shown(text: str) -> str:
    """A value of the input within a sentence: shortened, control characters escaped."""
    text = text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"
    return '"' + "".join(c if c.isprintable() else repr(c)[1:-1] for c in text) + '"'
