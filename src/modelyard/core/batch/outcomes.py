"""What a worker says of rows, checked: nothing of it is taken unless it fits the split that it was given. Pure.

A publication of a worker is a head (JSON) and lines, one for each row that it is of. A worker runs what users
wrote, so it may say anything: of rows that it was not given, of too few or too many, the same ones again. All of
that is nonsense (`NonsenseError`), after which nothing that it says counts any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated

import msgspec

from modelyard.core.batch import ledger
from modelyard.core.masking import Masker
from modelyard.domain.batch import Format, Publication, Split

MOST_LINE_BYTES = 32 * 1024 * 1024
MOST_CAUSE = 2_000
"""Characters of a row's cause that are kept."""

Failures = tuple[tuple[int, str], ...]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class NonsenseError(Exception):
    """What a worker said does not fit what it was asked; the text says why, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Of `rows` rows that follow each other: their `lines`, each with its newline, and which of them failed, and
    why. `following`: where the next row begins; None: there is none in the split. `numbers`: of a retried split
    the rows that these are, otherwise empty."""

    rows: int
    lines: bytes
    failures: Failures = ()
    following: tuple[int, int] | None = None
    numbers: tuple[int, ...] = ()


class _Head(msgspec.Struct, frozen=True):
    rows: Number
    failed: Number
    next: tuple[Number, Number] | None
    failures: tuple[tuple[Number, str], ...] = ()
    numbers: tuple[Number, ...] = ()


_heads = msgspec.json.Decoder(_Head)
_lines = msgspec.json.Decoder(msgspec.Raw)
_encode = msgspec.json.encode


def lines_of(content: bytes) -> list[bytes]:
    """Each with its end: nothing but a line feed is one."""
    return [line + b"\n" for line in content.split(b"\n")[:-1]]


def failed_line(cause: str) -> bytes:
    """The line of a row that failed."""
    return _encode({"result": "FAILED", "error_message": cause}) + b"\n"


def cause_of(text: str) -> str:
    """A cause as it is kept: not too long, and without characters that nobody can read."""
    shown = "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)
    return shown if len(shown) <= MOST_CAUSE else f"{shown[:MOST_CAUSE]}…"


def outcomes(payload: bytes, rest: Split, form: Format, only: Sequence[int] | None = None) -> Outcomes:
    """Those that a publication tells of. `rest`: what is left of the split that the worker has; `only`: those rows
    of it that are left to be tried again. Raises NonsenseError."""
    head, lines, failures = _said(payload)
    numbers = [row for row, _ in failures]
    if only is None:
        _check_rows(head, numbers, rest)
        _check_next(head, rest, form)
    else:
        _check_only(head, numbers, only)
    return Outcomes(head.rows, lines, failures, head.next, head.numbers if only is not None else ())


def hidden(told: Outcomes, rest: Split, masker: Masker) -> Outcomes:
    """Without secrets in what is said of rows that failed; what a model answers is its own."""
    if not masker or not told.failures:
        return told
    first = rest.first_row if rest.end else rest.source
    failed = {row for row, _ in told.failures}
    lines = zip(told.numbers or range(first, first + told.rows), lines_of(told.lines), strict=True)
    return replace(
        told,
        lines=b"".join(masker.data(line) if row in failed else line for row, line in lines),
        failures=tuple((row, masker.text(cause)) for row, cause in told.failures),
    )


def divided(payload: bytes, rests: Sequence[Split], form: Format, first: int) -> list[Outcomes]:
    """Those that a publication tells of a bundle: splits that a worker has at once, whose rows are numbered
    through all of them. `rests`: what is left of each, in their order, from row `first` of the bundle on. Each
    split has its share, until there are no more rows. Raises NonsenseError."""
    head, lines, failures = _said(payload)
    failures = tuple((row - first, cause) for row, cause in failures)
    total = sum(rest.rows for rest in rests)
    if head.rows > total:
        raise NonsenseError(f"it told of {head.rows} rows, and had {total}")
    if failures and not 0 <= failures[0][0] <= failures[-1][0] < head.rows:
        raise NonsenseError("a row that failed is none of those that it told of")
    if (head.next is None) != (head.rows == total):
        raise NonsenseError("it ended before, or after, the rows that it was given")
    each = lines_of(lines)
    shares: list[Outcomes] = []
    at = failed = 0
    for rest in rests:
        if at == head.rows:
            if head.next != (rest.source, rest.start):
                raise NonsenseError("the next row does not begin where it says")
            break
        rows = min(rest.rows, head.rows - at)
        mine: list[tuple[int, str]] = []
        while failed < len(failures) and failures[failed][0] < at + rows:
            mine.append((rest.first_row + failures[failed][0] - at, failures[failed][1]))
            failed += 1
        following = None if rows == rest.rows else head.next
        _check_next(_Head(rows, len(mine), following), rest, form)
        shares.append(Outcomes(rows, b"".join(each[at : at + rows]), tuple(mine), following))
        at += rows
        if following is not None:
            break
    return shares


def after(rest: Split, told: Outcomes) -> Split | None:
    """What is left of a split after these outcomes; None: nothing."""
    said = Publication(
        rest.source, rest.start, rest.attempt, told.rows, len(told.failures), "", 0, 0, told.following
    )
    return ledger.published(replace(rest, retry=False), said)[1]


def together(several: Sequence[Outcomes]) -> Outcomes:
    """Of the rows of all of them, each following the one before."""
    if len(several) == 1:
        return several[0]
    return Outcomes(
        sum(each.rows for each in several),
        b"".join(each.lines for each in several),
        tuple(failure for each in several for failure in each.failures),
        several[-1].following,
        tuple(row for each in several for row in each.numbers),
    )


def _said(payload: bytes) -> tuple[_Head, bytes, Failures]:
    """A publication's head, its lines and its failures, as far as these fit each other."""
    size = int.from_bytes(payload[:4])
    if len(payload) < 4 + size:
        raise NonsenseError("the head of its results is longer than they are")
    try:
        head = _heads.decode(payload[4 : 4 + size])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise NonsenseError("the head of its results cannot be read") from error
    lines = payload[4 + size :]
    _check_lines(lines, head.rows)
    failures = tuple((row, cause_of(cause)) for row, cause in head.failures)
    if head.failed != len(failures):
        raise NonsenseError(f"{head.failed} rows failed, and {len(failures)} causes came")
    if any(later <= earlier for (earlier, _), (later, _) in pairwise(failures)):
        raise NonsenseError("the rows that failed are not in their order")
    return head, lines, failures


def _check_lines(lines: bytes, rows: int) -> None:
    """Exactly one JSON value a line, with nothing around it."""
    try:
        lines.decode()  # the text in strings is not looked at below
        values = _lines.decode_lines(lines)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise NonsenseError("a line of its results is no JSON") from error
    if len(values) != rows or lines.count(b"\n") != rows:
        raise NonsenseError(f"{rows} rows have {lines.count(10)} lines")
    sizes = [*map(len, values)]
    if sum(sizes) + rows != len(lines):
        raise NonsenseError("a line of its results is more, or less, than one JSON value")
    if sizes and max(sizes) > MOST_LINE_BYTES:
        raise NonsenseError(f"a line of its results is longer than {MOST_LINE_BYTES} bytes")


def _check_rows(head: _Head, failed: Sequence[int], rest: Split) -> None:
    if head.rows > rest.rows:
        raise NonsenseError(f"it told of {head.rows} rows, and had {rest.rows}")
    first = rest.first_row if rest.end else rest.source
    if failed and not first <= failed[0] <= failed[-1] < first + head.rows:
        raise NonsenseError("a row that failed is none of those that it told of")


def _check_next(head: _Head, rest: Split, form: Format) -> None:
    left = rest.rows - head.rows
    if head.next is None:
        if left:
            raise NonsenseError(f"it ended {left} rows before the split does")
        return
    if not left:
        raise NonsenseError("it told of all rows, and of a next one")
    if head.rows == 0:
        fits = head.next == (rest.source, rest.start)
    elif form is Format.FILE:
        fits = head.next == (rest.source + head.rows, 0)
    elif form is Format.PARQUET:
        fits = head.next == (rest.source, rest.start + head.rows)
    else:
        fits = head.next[0] == rest.source and rest.start < head.next[1] < rest.end
    if not fits:
        raise NonsenseError("the next row does not begin where it says")


def _check_only(head: _Head, failed: Sequence[int], only: Sequence[int]) -> None:
    if tuple(only[: head.rows]) != head.numbers or len(head.numbers) != head.rows:
        raise NonsenseError("it told of other rows than those that it was to try again")
    if not set(failed) <= set(head.numbers):
        raise NonsenseError("a row that failed is none of those that it told of")
    if (head.next is None) != (head.rows == len(only)):
        raise NonsenseError("it ended before, or after, the rows that it was to try again")
