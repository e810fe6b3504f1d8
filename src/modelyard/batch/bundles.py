"""Several small splits that a worker is given at once: a bundle, one file to the worker, and a split each in the
ledger.

What is the same for each of them is done once: it is read into memory before it is given, goes out in one piece,
and the model may be asked about rows of several sources in one call. Splits whose columns are named differently,
or whose bytes mean something else, are not in the same bundle. How many a worker is given grows while it is quick
(`Portions`), so that no worker holds what others could do.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence

from modelyard.batch.frames import Assignment, Wanted
from modelyard.batch.inputs import GIVEN_AGAIN, Inputs
from modelyard.batch.tops import Top
from modelyard.core.batch.outcomes import NonsenseError
from modelyard.domain.batch import Source, Split

MOST_SPLITS = 256
QUICK_MS, SLOW_MS = 500, 1_000


class Portions:
    """How many splits a worker is given at once."""

    def __init__(self) -> None:
        self.most = 1

    def took(self, splits: int, duration_ms: int) -> None:
        if duration_ms > SLOW_MS:
            self.most = max(1, self.most // 2)
        elif duration_ms < QUICK_MS and 2 * splits >= self.most:
            self.most = min(2 * self.most, MOST_SPLITS)


class Contents(Inputs):
    """The beginnings of files that were read."""

    def __init__(self, contents: Mapping[int, bytes]) -> None:
        self._contents = contents

    async def stream(self, source: Source, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        yield self._contents[source.number][offset : offset + length]


class BundleBytes:
    """What a worker may see of a bundle: the beginning of each of its files, up to where its split ends."""

    def __init__(self, contents: Sequence[bytes]) -> None:
        self._content = b"".join(contents)
        self._given = 0

    async def read(self, wanted: Wanted) -> bytes:
        """Raises NonsenseError, as `SplitBytes`."""
        if wanted.file:
            raise NonsenseError(f"it asked for file {wanted.file} of a bundle")
        piece = self._content[wanted.offset : wanted.offset + wanted.length]
        self._given += len(piece)
        if self._given > GIVEN_AGAIN * len(self._content):
            raise NonsenseError("it asks for the same bytes again and again")
        return piece

    async def close(self) -> None:
        """There is nothing to end."""


def assignment(splits: Sequence[Split], top: Top) -> Assignment:
    """As one split, whose rows are those of all of them."""
    size = sum(split.end for split in splits)
    whole = Split(0, 0, size, 0, sum(split.rows for split in splits))
    return Assignment(whole, (), top.header, top.encoding, members=splits)
