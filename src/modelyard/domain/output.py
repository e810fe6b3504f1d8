"""What an instance writes to its standard output and error, as a stream of bytes that is read piece by piece.

A *position* names a place in it. Whoever reads says where it read last and gets what came next; what was dropped
before anybody read it is told by its size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

UNKNOWN_SIZE = -1
"""Something was dropped, and nobody knows how much."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """`offset`: bytes since the beginning of `source`. "" is all that the instance wrote since it began; an
    instance of an earlier release has two files that replace each other, which are sources of their own."""

    offset: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A piece: `data` begins at `position`, after `dropped` bytes that are gone. `times`: (index, milliseconds
    since 1970), the octets from the index on came out then; ascending, and the first index is 0 if there is any
    data. `last`: the instance has ended, and there is nothing after this. `closed`: the source ends with it."""

    position: Position
    data: bytes = b""
    times: tuple[tuple[int, int], ...] = ()
    dropped: int = 0
    last: bool = False
    closed: bool = False

    def at(self, index: int) -> Position:
        """Where the octet `index` of `data` is in the stream."""
        return Position(self.position.offset + index, self.position.source)


@dataclass(frozen=True, slots=True)
class OutputSource:
    """An instance that may have written something: also one that has ended, and one that was removed. `mark` is
    another text after it wrote more. `envs`: what it was started with, and which of them are secrets
    (`secret_names`). `removed`: it waits here for its collector alone."""

    instance_id: str
    service_id: str
    revision: int
    model_name: str
    model_version: str
    mark: str
    ended: bool = False
    removed: bool = False
    envs: tuple[tuple[str, str], ...] = ()
    secret_names: tuple[str, ...] = ()


class Writers(Protocol):
    """Where output is: an engine's instances, the processes of the gateway. The calls mean what they do in
    `engines.base`."""

    async def outputs(self) -> Sequence[OutputSource]: ...

    async def output(self, instance_id: str, after: Position | None, most_bytes: int) -> Output: ...

    async def release(self, instance_id: str, before: Position, *, last: bool = False) -> None: ...
