"""Whole files: each is a row. Items are `Upload`s."""

import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from modelyard_runtime.batch.link import UnreadableError
from modelyard_runtime.batch.rows import Context, RowError


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    content: bytes
    content_type: str


class FileChunk:
    """One file."""

    __slots__ = ("first", "items")
    plain = False

    def __init__(self, number: int, item: Any) -> None:
        self.first = number
        self.items = [item]

    def begins(self, place: int) -> tuple[int, int]:
        return self.first + place, 0


def file_chunks(context: Context) -> Iterator[FileChunk]:
    split, most = context.split, context.split.job.max_row_bytes
    only = None if split.only is None else frozenset(split.only)
    for n, file in enumerate(split.files):
        number = split.source + n
        if only is not None and number not in only:
            continue
        if file.size > most:
            yield FileChunk(number, RowError(f"the file has {file.size} bytes; a row may have {most}"))
            continue
        name = PurePosixPath(file.name).name
        try:
            content = context.window.read(n, 0, file.size)
        except UnreadableError as error:
            yield FileChunk(number, RowError(str(error)))
            continue
        if len(content) != file.size:
            told = f"the file has {len(content)} bytes, and had {file.size} when it was listed"
            yield FileChunk(number, RowError(told))
            continue
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        yield FileChunk(number, Upload(name, content, kind))
