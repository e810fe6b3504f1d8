"""What a publication makes of a split, and what a split adds to its task's counts. Pure.

A leased split of rows 0…9 (attempt 3), of which the first 4 are published:

    before   [0 ─────────────── 9]  leased, attempt 3
    after    [0 ── 3] published     [4 ─────── 9]  leased, attempt 3, deaths 0

A retried split was published before. Its rows that succeeded then still count as done, those that failed count
nowhere until they are published again: `failed` holds how many those are. The rest of a retried split keeps its
share of them, and its former part, of which the last `rows` lines are its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from itertools import pairwise

from modelyard.domain.batch import Counts, Publication, Split, SplitState

SMALL_BYTES = 16 * 1024
"""A split that ends so near the beginning of its source may be given out with others."""
BUNDLE_BYTES = 1024 * 1024
BUNDLE_ROWS = 8192


class ImpossiblePublicationError(ValueError):
    """It does not fit the split that it is of: to record it would lose rows, or count them twice."""


def counted(split: Split) -> Counts:
    """What one split adds to the counts of its task."""
    published = split.state is SplitState.PUBLISHED
    return Counts(
        splits=1,
        splits_done=int(published),
        rows=split.rows,
        rows_done=split.rows - split.failed if published or split.retry else 0,
        rows_failed=split.failed if published else 0,
    )


def published(split: Split, publication: Publication) -> tuple[Split, Split | None]:
    """The published part of a leased split, and what remains of it."""
    _check(split, publication)
    first = replace(
        split,
        rows=publication.rows,
        state=SplitState.PUBLISHED,
        deaths=0,
        worker="",
        failed=publication.failed,
        part=publication.part,
        part_bytes=publication.part_bytes,
        part_size=publication.part_size,
        content=publication.content,
        retry=False,
    )
    if publication.rest is None:
        return first, None
    source, start = publication.rest
    rest = replace(
        split,
        source=source,
        start=start,
        first_row=split.first_row + publication.rows if source == split.source else 0,
        rows=split.rows - publication.rows,
        deaths=0,
        failed=split.failed - publication.former,
    )
    return replace(first, end=start if source == split.source else split.end), rest


def _check(split: Split, publication: Publication) -> None:
    """Raises ImpossiblePublicationError."""
    rows, rest = publication.rows, publication.rest
    left = split.rows - rows
    if rows < 1 or not 0 <= publication.failed <= rows:
        raise ImpossiblePublicationError(f"{publication.failed} failed of {rows} rows")
    if rest is None:
        if left:
            raise ImpossiblePublicationError(f"{rows} rows of {split.rows}, and nothing remains")
        return
    if left < 1:
        raise ImpossiblePublicationError(f"{rows} rows of {split.rows}, and something remains")
    if split.end == 0:
        if rest != (split.source + rows, 0):
            raise ImpossiblePublicationError(f"{rows} files from {split.source} on, and {rest} is next")
    elif rest[0] != split.source or not split.start < rest[1] < split.end:
        raise ImpossiblePublicationError(f"{rest} is next, between {split.start} and {split.end}")
    former = split.failed if split.retry else 0
    if not 0 <= publication.former <= min(rows, former) or former - publication.former > left:
        raise ImpossiblePublicationError(f"{publication.former} of {former} former failures in {rows} rows")


def unplanned(last: Split | None, splits: Sequence[Split]) -> list[Split]:
    """Those that lie behind the `last` split that is there, whose input was cut once more. Raises ValueError when
    rows between two of them would be in no split, or in both."""
    new = [split for split in splits if last is None or not _covered(last, split)]
    for before, after in pairwise([*([] if last is None else [last]), *new]):
        if after.source == before.source and after.start != before.end:
            raise ValueError(f"source {after.source} is cut at {before.end}, and not at {after.start}")
        if after.source < before.source + (before.rows if before.end == 0 else 1) and after.end == 0:
            raise ValueError(f"source {after.source} is in a split already")
    return new


def _covered(last: Split, split: Split) -> bool:
    if last.end == 0:  # of several files
        return split.source < last.source + last.rows
    return (split.source, split.start) < (last.source, last.end)


def bundled(pending: Sequence[Split]) -> Sequence[Split]:
    """Of splits that follow each other, those that one worker may be given at once: as many from the first one on
    as are small and not more than a bundle may have; the first one in any case."""
    size = rows = 0
    for count, split in enumerate(pending):
        size += split.end
        rows += split.rows
        small = 0 < split.end <= SMALL_BYTES and not split.retry and not split.deaths
        if not small or size > BUNDLE_BYTES or rows > BUNDLE_ROWS:
            return pending[: max(count, 1)]
    return pending


def change(more: Iterable[Counts], less: Iterable[Counts]) -> dict[str, int]:
    """By how much each count grows."""
    total = dict.fromkeys((each.name for each in fields(Counts)), 0)
    for sign, several in ((1, more), (-1, less)):
        for counts in several:
            for name in total:
                total[name] += sign * getattr(counts, name)
    return total
