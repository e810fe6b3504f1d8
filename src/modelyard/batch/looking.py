"""What is known of files that were found: whether the project may read them, how large they are, and what their
results are called.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from modelyard.batch.found import Found
from modelyard.batch.result_names import ResultNames
from modelyard.core.batch.names import RESULTS, result_name
from modelyard.core.batch.splitting import Cut
from modelyard.core.buckets import bucket_refusal
from modelyard.domain.batch import Job, Source
from modelyard.domain.texts import message
from modelyard.objects.base import ObjectInfo, ObjectNotFoundError, ObjectRefusedError, Objects, Place
from modelyard.objects.paths import MAX_KEY_BYTES, ObjectPath

T = TypeVar("T")

AT_ONCE = 32
"""Files that are looked at, or cut if they are small, at the same time."""


@dataclass(frozen=True, slots=True)
class Rights:
    """Which buckets a project may read. `owners`: the project of each that somebody claimed; `home`: the project
    that has all others (None: everybody)."""

    project_id: str
    owners: Mapping[str, str]
    home: str | None

    def refusal(self, bucket: str) -> str:
        """Why not; "" if it may."""
        return bucket_refusal(bucket, self.project_id, self.owners.get(bucket), self.home)


@dataclass(frozen=True, slots=True)
class Looked:
    """A file that was found. `result`: "" where there will be none, for the reason `error`. `cuts`: None as long
    as it is not cut."""

    found: Found
    place: Place | None
    info: ObjectInfo
    result: str = ""
    error: str = ""
    cuts: Sequence[Cut] | None = None

    def source(self, number: int) -> Source:
        path = self.place if isinstance(self.place, ObjectPath) else ObjectPath("")
        return Source(
            number=number,
            location=self.found.location,
            bucket=path.bucket,
            key=path.key,
            size=self.info.size,
            version=self.info.version,
            result=self.result,
            error=message(self.error) if self.error else "",
        )


class Looking:
    """At the files of one task, below `destination` the results will lie."""

    def __init__(
        self, objects: Objects, job: Job, destination: ObjectPath, rights: Rights, names: ResultNames
    ) -> None:
        self._objects = objects
        self._job = job
        self._rights = rights
        self._names = names
        self._before_name = len((destination / RESULTS / "").key.encode())

    async def at(self, files: Sequence[Found]) -> list[Looked]:
        """Each of them, in turn."""
        if not self._job.manifest:
            return [self._listed(file) for file in files]
        known: list[tuple[ObjectInfo, str]] = []
        for begin in range(0, len(files), AT_ONCE):
            known += await together(self._look(file) for file in files[begin : begin + AT_ONCE])
        readable = [file.name for file, (_, error) in zip(files, known, strict=True) if not error]
        names = iter(await self._names.of(readable))
        return [
            self._named(file, info, "" if error else next(names), error)
            for file, (info, error) in zip(files, known, strict=True)
        ]

    def _listed(self, file: Found) -> Looked:
        info = file.info or ObjectInfo("", 0)
        return self._named(file, info, result_name(file.name, self._job.output), file.error)

    async def _look(self, file: Found) -> tuple[ObjectInfo, str]:
        """What one is that a manifest names, or why it cannot be read."""
        place, error = file.place, file.error
        if isinstance(place, ObjectPath):
            error = self._rights.refusal(place.bucket)
        if place is None or error:
            return ObjectInfo("", 0), error
        try:
            return await self._objects.head(place), ""
        except (ObjectNotFoundError, ObjectRefusedError) as problem:
            return ObjectInfo("", 0), str(problem)

    def _named(self, file: Found, info: ObjectInfo, result: str, error: str) -> Looked:
        length = self._before_name + len(result.encode())
        if not error and length > MAX_KEY_BYTES:
            error = f"the name of its result would have {length} bytes; {MAX_KEY_BYTES} are allowed"
            result = ""
        return Looked(file, file.place, info, result, error)


async def together(works: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """All of them are over when the first error is raised."""
    done = await asyncio.gather(*works, return_exceptions=True)
    results = []
    for each in done:
        if isinstance(each, BaseException):
            raise each
        results.append(each)
    return results
