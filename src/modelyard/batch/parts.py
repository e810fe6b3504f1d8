"""Parts: the outcomes of the rows of one publication, as an object that never changes; small ones in the row of
their split, where they cost nothing besides its transaction.

    infer-result-<task>.parts/<source>-<start>-<attempt>

    the lines of its rows, as they will stand in the results        part_bytes
    {"row": n, "error": "…"} for each of them that failed           until part_size

Every lease has an attempt of its own, so no two publications write the same object.
"""

import builtins
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import msgspec

from modelyard.batch.patience import Patience
from modelyard.core.batch.names import parts_name
from modelyard.core.batch.outcomes import Failures, Outcomes
from modelyard.domain.batch import Split
from modelyard.objects.base import ObjectNotFoundError, Objects
from modelyard.objects.paths import ObjectPath

IN_LEDGER_BYTES = 2048
"""What has more is an object."""


class LostPartError(Exception):
    """A part that the ledger knows is not there, or not as it was written."""


class _Failure(msgspec.Struct, frozen=True):
    row: int
    error: str


_failures = msgspec.json.Decoder(_Failure)
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Written:
    """A part that is there: its name below the destination, and its sizes. `content`: all of it, where it is no
    object but will be in the ledger."""

    name: str
    bytes: int
    size: int
    content: "builtins.bytes" = field(default=b"", repr=False)


class Parts:
    """Those of one task."""

    def __init__(self, objects: Objects, destination: ObjectPath, task_id: str, patience: Patience) -> None:
        self._objects = objects
        self._patience = patience
        self._destination = destination
        self.folder = parts_name(task_id)

    def name(self, split: Split) -> str:
        """Of the part of a leased split."""
        return f"{self.folder}/{split.source}-{split.start}-{split.attempt}"

    @staticmethod
    def is_kept(name: str) -> bool:
        """Whether this is no part, but what was kept of former results to be put together with new ones."""
        return name.rpartition("/")[2].startswith("kept-")

    @staticmethod
    def small(name: str, told: Outcomes) -> Written | None:
        """The part, if it is so small that the ledger has it."""
        if len(told.lines) > IN_LEDGER_BYTES:
            return None
        content = told.lines + _failures_of(told)
        size = len(content)
        return Written(name, len(told.lines), size, content) if size <= IN_LEDGER_BYTES else None

    async def write(self, name: str, told: Outcomes) -> Written:
        """As an object. Raises ObjectStoreError."""
        failures = _failures_of(told)
        await self._objects.write(self._destination / name, told.lines + failures)
        return Written(name, len(told.lines), len(told.lines) + len(failures))

    async def lines(self, split: Split) -> AsyncGenerator[bytes, None]:
        """The lines of a published split, in pieces. Raises LostPartError, ObjectStoreError."""
        seen = 0
        try:
            async with aclosing(self._read(split, 0, split.part_bytes)) as pieces:
                async for piece in pieces:
                    seen += len(piece)
                    yield piece
        except ObjectNotFoundError as error:
            raise LostPartError(f"{self._destination / split.part} is not there any more") from error
        if seen != split.part_bytes:
            raise LostPartError(f"{self._destination / split.part} is shorter than it was")

    async def failures(self, split: Split) -> Failures:
        """Of a published split. Raises as `lines` does."""
        if not split.failed:
            return ()
        path, length = self._destination / split.part, split.part_size - split.part_bytes
        try:
            async with aclosing(self._read(split, split.part_bytes, length)) as pieces:
                content = b"".join([piece async for piece in pieces])
            found = tuple((each.row, each.error) for each in _failures.decode_lines(content))
        except ObjectNotFoundError as error:
            raise LostPartError(f"{path} is not there any more") from error
        except msgspec.MsgspecError as error:
            raise LostPartError(f"{path} is not as it was written") from error
        if len(found) != split.failed:
            raise LostPartError(f"{path} tells of {len(found)} rows that failed, not of {split.failed}")
        return found

    def _read(self, split: Split, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        if split.content:
            return _once(split.content[offset : offset + length])
        path = self._destination / split.part

        def pieces(seen: int) -> AsyncGenerator[bytes, None]:
            return self._objects.read(path, offset=offset + seen, length=length - seen)

        return self._patience.stream(f"reading {split.part}", pieces)

    async def names(self) -> AsyncIterator[str]:
        """Of everything that lies where parts do, as `Split.part` has it. Raises ObjectStoreError."""
        async for found in self._objects.list(self._destination / self.folder):
            yield f"{self.folder}/{found.key}"

    async def remove(self, names: Sequence[str]) -> None:
        for name in names:
            await self._objects.delete(self._destination / name)


async def _once(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


def _failures_of(told: Outcomes) -> bytes:
    return b"".join(failure_line(row, cause) for row, cause in told.failures)


def failure_line(row: int, cause: str) -> bytes:
    return _encode(_Failure(row, cause)) + b"\n"
