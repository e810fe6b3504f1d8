"""The ledger of one task from its beginning to its end, a page at a time, so that it may be of any length."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from modelyard.batch.work import Work
from modelyard.domain.batch import Source, Split

PAGE = 1000
KEPT = 64


@dataclass(slots=True)
class Summary:
    """Of the splits of one source: all of them, if they are few (None: they are to be walked again)."""

    splits: list[Split] | None
    count: int = 0
    rows: int = 0
    failed: int = 0
    parts: int = 0
    first_failed: Split | None = None

    def add(self, split: Split) -> None:
        self.count += 1
        self.rows += split.rows
        self.failed += split.failed
        self.parts += bool(split.part)
        if split.failed and self.first_failed is None:
            self.first_failed = split
        if self.splits is not None:
            self.splits.append(split)
            if len(self.splits) > KEPT:
                self.splits = None

    @property
    def whole(self) -> bool:
        """Whether the parts of all its splits are there."""
        return self.parts == self.count


async def sources(work: Work) -> AsyncIterator[Source]:
    first = 0
    while page := await work.files(first, PAGE):
        for source in page:
            yield source
        first = page[-1].number + 1


async def splits(work: Work, source: int | None = None) -> AsyncIterator[Split]:
    """Of one source, or of all."""
    first, after = source or 0, -1
    while True:
        page = await work.splits(first, source, PAGE, after)
        for split in page:
            yield split
        if len(page) < PAGE:
            return
        first, after = page[-1].source, page[-1].start


async def summaries(work: Work) -> AsyncIterator[tuple[Source, Summary]]:
    """Of each source of a row format."""
    walk = splits(work)
    split = await anext(walk, None)
    async for source in sources(work):
        summary = Summary([])
        while split is not None and split.source == source.number:
            summary.add(split)
            split = await anext(walk, None)
        yield source, summary
