"""Whole files: each is a row. Items are `Upload`s."""

import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from modelyard_runtime.batch.link import UnreadableError
from modelyard_runtime.batch.rows import MOST_CHUNK_BYTES, Context, RowError
from modelyard_runtime.batch.wire import File


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    content: bytes
    content_type: str


class FileChunk:
    """Files that follow each other."""

    __slots__ = ("first", "items", "size")
    plain = False

    def __init__(self, number: int) -> None:
        self.first = number
        self.items: list[Any] = []
        self.size = 0

    def begins(self, place: int) -> tuple[int, int]:
        return self.first + place, 0


def file_chunks(context: Context) -> Iterator[FileChunk]:
    """Of as many files as the model takes at once."""
    split = context.split
    only = None if split.only is None else frozenset(split.only)
    wanted = [n for n in range(len(split.files)) if only is None or split.source + n in only]
    chunk: FileChunk | None = None
    for n, item in zip(wanted, _items(context, wanted), strict=True):
        number = split.source + n
        if chunk is not None and (
            number != chunk.first + len(chunk.items)
            or len(chunk.items) >= context.wanted.rows
            or chunk.size >= MOST_CHUNK_BYTES
        ):
            yield chunk
            chunk = None
        if chunk is None:
            chunk = FileChunk(number)
        chunk.items.append(item)
        chunk.size += split.files[n].size
    if chunk is not None:
        yield chunk


def _items(context: Context, wanted: list[int]) -> Iterator[Upload | RowError]:
    files, most = context.split.files, context.split.job.max_row_bytes
    contents = context.window.whole([(n, files[n].size) for n in wanted if files[n].size <= most])
    for n in wanted:
        if files[n].size > most:
            yield RowError(f"the file has {files[n].size} bytes; a row may have {most}")
        else:
            yield _item(files[n], next(contents))


def _item(file: File, content: bytes | UnreadableError) -> Upload | RowError:
    if isinstance(content, UnreadableError):
        return RowError(str(content))
    if len(content) != file.size:
        return RowError(f"the file has {len(content)} bytes, and had {file.size} when it was listed")
    name = PurePosixPath(file.name).name
    return Upload(name, content, mimetypes.guess_type(name)[0] or "application/octet-stream")
