"""What a publication makes of a split, and what splits count."""

from dataclasses import replace

import pytest

from modelyard.core.batch.ledger import (
    BUNDLE_BYTES,
    BUNDLE_ROWS,
    SMALL_BYTES,
    ImpossiblePublicationError,
    bundled,
    change,
    counted,
    published,
    unplanned,
)
from modelyard.domain.batch import Counts, Publication, Split, SplitState

LEASED = Split(3, 100, 200, 10, 10, SplitState.LEASED, attempt=2, deaths=1, worker="i1")
WHOLE = Publication(3, 100, 2, 10, 4, "part", 50, 60)
PREFIX = replace(WHOLE, rows=6, rest=(3, 150))
RETRIED = replace(LEASED, retry=True, failed=5, part="old", part_bytes=7, part_size=8)
FILES = Split(3, 0, 0, 0, 10, SplitState.LEASED, attempt=2)


def test_a_whole_split() -> None:
    first = Split(3, 100, 200, 10, 10, SplitState.PUBLISHED, 2, 0, "", 4, "part", 50, 60)
    assert published(LEASED, WHOLE) == (first, None)


def test_a_prefix_and_its_rest() -> None:
    first, rest = published(LEASED, PREFIX)
    assert first == Split(3, 100, 150, 10, 6, SplitState.PUBLISHED, 2, 0, "", 4, "part", 50, 60)
    assert rest == Split(3, 150, 200, 16, 4, SplitState.LEASED, 2, 0, "i1")


def test_the_rest_of_files_begins_with_a_later_source() -> None:
    first, rest = published(FILES, replace(PREFIX, start=0, rest=(9, 0)))
    assert (first.source, first.rows, first.end) == (3, 6, 0)
    assert rest == replace(FILES, source=9, rows=4)


def test_the_rest_of_a_retry_keeps_its_failures_and_its_former_part() -> None:
    first, rest = published(RETRIED, replace(PREFIX, failed=1, former=3))
    assert (first.retry, first.failed, first.part) == (False, 1, "part")
    assert rest is not None
    assert (rest.retry, rest.failed, rest.part, rest.part_bytes, rest.part_size) == (True, 2, "old", 7, 8)


@pytest.mark.parametrize(
    ("split", "publication"),
    [
        (LEASED, replace(WHOLE, rows=9)),
        (LEASED, replace(WHOLE, rows=11)),
        (LEASED, replace(WHOLE, rows=0, failed=0)),
        (LEASED, replace(WHOLE, failed=11)),
        (LEASED, replace(WHOLE, failed=-1)),
        (LEASED, replace(PREFIX, rows=10)),
        (LEASED, replace(PREFIX, rest=(3, 100))),
        (LEASED, replace(PREFIX, rest=(3, 200))),
        (LEASED, replace(PREFIX, rest=(4, 150))),
        (LEASED, replace(PREFIX, former=1)),
        (FILES, replace(PREFIX, rest=(8, 0))),
        (FILES, replace(PREFIX, rest=(9, 1))),
        (RETRIED, replace(PREFIX, former=-1)),
        (RETRIED, replace(PREFIX, former=6)),
        (RETRIED, PREFIX),
    ],
)
def test_what_does_not_fit_is_refused(split: Split, publication: Publication) -> None:
    with pytest.raises(ImpossiblePublicationError):
        published(split, publication)


@pytest.mark.parametrize(
    ("split", "counts"),
    [
        (LEASED, Counts(splits=1, rows=10)),
        (published(LEASED, WHOLE)[0], Counts(splits=1, splits_done=1, rows=10, rows_done=6, rows_failed=4)),
        (RETRIED, Counts(splits=1, rows=10, rows_done=5)),
    ],
    ids=["leased", "published", "retried"],
)
def test_what_a_split_counts(split: Split, counts: Counts) -> None:
    assert counted(split) == counts


def test_change_adds_and_takes_away() -> None:
    grows = change([Counts(rows=3, splits=1), Counts(rows=4)], [Counts(rows=2, bytes=5)])
    assert {name: by for name, by in grows.items() if by} == {"rows": 5, "splits": 1, "bytes": -5}


def _split(source: int, start: int, end: int, rows: int = 1) -> Split:
    return Split(source, start, end, 0, rows)


@pytest.mark.parametrize(
    ("last", "splits", "new"),
    [
        (None, [_split(0, 5, 9), _split(0, 9, 12), _split(2, 0, 4)], 3),
        (_split(0, 0, 9), [_split(0, 0, 9), _split(0, 9, 12)], 1),
        (_split(0, 4, 9), [_split(0, 0, 9), _split(0, 9, 12)], 1),
        (_split(1, 0, 9), [_split(0, 0, 9), _split(1, 0, 9)], 0),
        (_split(4, 0, 0, 3), [_split(2, 0, 0, 2), _split(4, 0, 0, 3), _split(7, 0, 0, 1)], 1),
        (_split(6, 0, 0, 1), [_split(4, 0, 0, 3), _split(8, 0, 0, 1)], 1),
    ],
)
def test_what_was_planned_already_is_passed_over(last: Split | None, splits: list[Split], new: int) -> None:
    assert unplanned(last, splits) == splits[len(splits) - new :]


@pytest.mark.parametrize(
    ("last", "splits"),
    [
        (_split(0, 0, 9), [_split(0, 10, 12)]),
        (None, [_split(0, 0, 9), _split(0, 8, 12)]),
        (None, [_split(0, 0, 9), _split(0, 10, 12)]),
        (None, [_split(0, 0, 0, 3), _split(2, 0, 0, 1)]),
    ],
)
def test_a_gap_or_an_overlap_is_refused(last: Split | None, splits: list[Split]) -> None:
    with pytest.raises(ValueError, match=r"is cut at|in a split already"):
        unplanned(last, splits)


def small(number: int, end: int = 10, rows: int = 1, **more: int) -> Split:
    return Split(number, 0, end, 0, rows, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pending", "count"),
    [
        ([], 0),
        ([small(n) for n in range(5)], 5),
        ([small(0), small(1), small(2, deaths=1), small(3)], 2),
        ([small(0), small(1, retry=True), small(2)], 1),
        ([small(0, deaths=1), small(1)], 1),
        ([small(0, SMALL_BYTES + 1), small(1)], 1),
        ([small(0, SMALL_BYTES), small(1)], 2),
        ([small(n, SMALL_BYTES) for n in range(100)], BUNDLE_BYTES // SMALL_BYTES),
        ([small(0, rows=BUNDLE_ROWS - 1), small(1), small(2)], 2),
        ([replace(FILES, state=SplitState.PENDING), small(20)], 1),
    ],
)
def test_only_small_splits_are_given_out_together(pending: list[Split], count: int) -> None:
    """One at which a worker died, or whose failed rows are tried again, goes alone."""
    assert [*bundled(pending)] == pending[:count]


def test_what_is_small_is_in_the_row() -> None:
    first, _ = published(LEASED, replace(WHOLE, content=b"1\n"))
    assert first.content == b"1\n"
    assert published(replace(RETRIED, content=b"old"), WHOLE)[0].content == b""
