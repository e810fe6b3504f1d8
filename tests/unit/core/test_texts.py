"""How messages show what was sent."""

from enum import StrEnum

import pytest

from modelyard.domain import texts


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "null"),
        (True, "true"),
        ({"a": [None, False]}, '{"a": [null, false]}'),
        (("a", 1), '["a", 1]'),
        (Colour.RED, "'red'"),
        ("it's", "'it's'"),
        ("a\nb\0", "'a\\nb\\u0000'"),
        ("\ud800", "'\\ud800'"),
        (1.5, "1.5"),
    ],
)
def test_a_value_is_shown_in_the_words_of_json(value: object, said: str) -> None:
    assert texts.shown(value) == said


@pytest.mark.parametrize(
    "value", ["x" * 100_000, ["x" * 100_000], {"x" * 100_000: 1}, list(range(100_000)), "\0" * 100_000]
)
def test_a_value_is_shown_in_bounds(value: object) -> None:
    assert len(texts.shown(value)) <= texts.MAX_SHOWN + 2


def test_a_message_keeps_its_end_where_the_bound_is_said() -> None:
    said = texts.message(f"is {'x' * 100_000}, must be short\ud800")
    assert len(said) <= texts.MAX_MESSAGE
    assert said.startswith("is xxx")
    assert said.endswith("must be short\ufffd")
