"""The files of a task's input, one after the other: those of a folder, a single object, or those that a manifest
lists. Never all of them at once.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from modelyard.core.batch.choosing import (
    MOST_LINE_BYTES,
    MalformedLineError,
    inside,
    is_input,
    named_source,
)
from modelyard.core.batch.cursor import Cursor
from modelyard.domain.batch import Job
from modelyard.objects.base import (
    ObjectChangedError,
    ObjectInfo,
    ObjectNotFoundError,
    ObjectRefusedError,
    Objects,
    Place,
)
from modelyard.objects.paths import MalformedPathError, ObjectPath, object_path

_BOM = b"\xef\xbb\xbf"


class InputError(Exception):
    """There is no input, or it cannot be read: the task fails, and the text says why."""


@dataclass(frozen=True, slots=True)
class Found:
    """One file. `location` as the input spells it; `name`: what its results are named after; `place`: where it is
    (None: nowhere, for the reason `error`); `info`: None as long as nobody has looked. `after`, `line`, `version`:
    of the cursor behind it."""

    location: str = field(repr=False)
    name: str
    place: Place | None
    info: ObjectInfo | None = None
    error: str = ""
    after: str = ""
    line: int = 0
    version: str = ""


async def found(objects: Objects, job: Job, cursor: Cursor) -> AsyncGenerator[Found, None]:
    """From the cursor on. Raises InputError, and what the object store raises while it is away."""
    try:
        source, destination = object_path(job.source), object_path(job.destination)
    except MalformedPathError as error:
        raise InputError(str(error)) from error
    try:
        if job.manifest:
            files = _listed(objects, source, cursor)
        elif (info := await _single(objects, source)) is not None:
            files = _one(source, info, cursor)
        else:
            results = inside(source.key, destination.key) if destination.bucket == source.bucket else None
            files = _below(objects, source, job, results, cursor)
        async with aclosing(files):
            async for file in files:
                yield file
    except (ObjectNotFoundError, ObjectRefusedError) as error:
        raise InputError(str(error)) from error
    except ObjectChangedError as error:
        raise InputError(f"the manifest changed while it was read: {error}") from error


async def _single(objects: Objects, source: ObjectPath) -> ObjectInfo | None:
    if not source.key:
        return None
    try:
        return await objects.head(source)
    except ObjectNotFoundError:
        return None


async def _one(source: ObjectPath, info: ObjectInfo, cursor: Cursor) -> AsyncGenerator[Found, None]:
    if not cursor.after:
        yield Found(str(source), source.name, source, info, after=source.name)


async def _below(
    objects: Objects, source: ObjectPath, job: Job, results: str | None, cursor: Cursor
) -> AsyncGenerator[Found, None]:
    async with aclosing(objects.list(source, after=cursor.after)) as listed:
        async for info in listed:
            if is_input(info.key, job.format, results):
                place = source / info.key
                yield Found(str(place), info.key, place, info, after=info.key)


async def _listed(objects: Objects, source: ObjectPath, cursor: Cursor) -> AsyncGenerator[Found, None]:
    version = cursor.version or (await objects.head(source)).version
    begins = cursor.line == 0
    async with aclosing(_lines(objects, source, version, cursor.line)) as lines:
        async for line, end in lines:
            file = await _named(objects, line.removeprefix(_BOM) if begins else line)
            begins = False
            if file is not None:
                yield replace(file, line=end, version=version)


async def _named(objects: Objects, line: bytes) -> Found | None:
    """By a line of a manifest; None: the line is blank."""
    location = ""
    try:
        location = named_source(line)
        if not location:
            return None
        place = await objects.locate(location)
        if not _path(place).key:
            raise MalformedPathError(f"{place} names no object")
    except MalformedLineError as error:
        return Found(error.line, "", None, error=str(error))
    except MalformedPathError as error:
        return Found(location, "", None, error=str(error))
    return Found(location, _path(place).name, place)


async def _lines(
    objects: Objects, source: ObjectPath, version: str, start: int
) -> AsyncGenerator[tuple[bytes, int], None]:
    """Each line, without its end, and where the next one begins. Of a line that is far too long, the beginning."""
    held, place = b"", start
    async with aclosing(objects.read(source, offset=start, version=version)) as pieces:
        async for piece in pieces:
            at = 0
            while (feed := piece.find(b"\n", at)) >= 0:
                yield held + piece[at : min(feed, at + MOST_LINE_BYTES + 1)], place + feed + 1
                held, at = b"", feed + 1
            held = (held + piece[at:])[: MOST_LINE_BYTES + 1]
            place += len(piece)
    if held:
        yield held, place


def _path(place: Place) -> ObjectPath:
    return place if isinstance(place, ObjectPath) else place.path
