"""What people type to search for."""

import pytest

from modelyard.core.log_words import words
from modelyard.core.moments import moment_ms


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        ("  a  b ", ("a", "b")),
        ('"a b" c', ("a b", "c")),
        ('say "he said \\"no\\""', ("say", 'he said "no"')),
        ('"back\\\\slash"', ("back\\slash",)),
        ("back\\slash", ("back\\slash",)),
        ("a AND b", ("a", "b")),
        ('"OR" "AND"', ("OR", "AND")),
        ("or and not", ("or", "and", "not")),
        ('pre"fix and"post', ("prefix andpost",)),
        ('""', ()),
    ],
)
def test_words(text: str, found: tuple[str, ...]) -> None:
    assert words(text) == (found, "")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('"a', "without its other one"),
        ("a OR b", "OR is not supported"),
        ("NOT a", "NOT is not supported"),
        ("x" * 1001, "1001 characters"),
        (" ".join("x" * 21), "21 words"),
    ],
)
def test_what_cannot_be_searched_for_is_said(text: str, wrong: str) -> None:
    found, said = words(text)
    assert found == ()
    assert wrong in said


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1700000000000", 1700000000000),
        ("2023-11-14T22:13:20Z", 1700000000000),
        ("2023-11-14T22:13:20", 1700000000000),
        ("2023-11-14T23:13:20+01:00", 1700000000000),
        ("2023-11-14", 1699920000000),
        ("90s", 1699999910000),
        ("10m", 1699999400000),
        ("2h", 1699992800000),
        ("7d", 1699395200000),
        ("999999999d", 0),
        ("0001-01-01", 0),
        ("10", None),
        ("tomorrow", None),
        ("10w", None),
        ("", None),
    ],
)
def test_moments(text: str, at: int | None) -> None:
    assert moment_ms(text, 1700000000000) == at
