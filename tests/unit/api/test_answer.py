"""Answers: what is left out, what is given back as it was sent, and what the document says of both."""

from enum import StrEnum
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from modelyard.api.schemas.answer import Answer, EchoOf, Json, Maybe, Word, answer, body_of, said


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@answer
class Part(Answer):
    size: int
    note: Maybe[str] = None


@answer
class Whole(Answer):
    """Of parts."""

    colour: Word[Colour]
    parts: Maybe[list[Part]] = None
    labels: Maybe[Json] = None
    sent: Annotated[Json, EchoOf(Part)]


WHOLE = Whole(colour=Colour.RED, parts=[Part(size=1)], sent={"note": None, "size": 2})


def test_what_says_nothing_is_left_out_and_what_was_sent_stays_as_it_was() -> None:
    assert list(body_of(WHOLE).items()) == [
        ("colour", "red"),
        ("parts", [{"size": 1}]),
        ("sent", {"note": None, "size": 2}),
    ]
    assert body_of(Whole(colour=Colour.RED, labels={"a": None}, sent={})) == {
        "colour": "red",
        "labels": {"a": None},
        "sent": {},
    }


def test_fields_that_say_something() -> None:
    assert said(Part(size=0)) == {"size": 0}
    assert list(said(WHOLE)) == ["colour", "parts", "sent"]


def test_the_document_has_no_null_and_lists_words_in_their_place() -> None:
    schema = TypeAdapter(Whole).json_schema()
    assert schema["description"] == "Of parts."
    assert schema["required"] == ["colour", "sent"]
    assert schema["properties"]["colour"] == {"enum": ["red", "blue"], "type": "string"}
    assert schema["properties"]["parts"]["items"] == {"$ref": "#/$defs/Part"}
    assert schema["properties"]["sent"]["$ref"] == "#/$defs/Part"
    assert schema["$defs"]["Part"]["properties"]["note"]["type"] == "string"
    assert schema["$defs"]["Part"]["additionalProperties"] is False


@pytest.mark.parametrize(
    "text",
    [
        '{"colour": "green", "sent": {"size": 1}}',
        '{"colour": "red", "sent": {"size": "1"}}',
        '{"colour": "red", "sent": {"size": 1, "unknown": 1}}',
        '{"colour": "red", "sent": {"size": 1}, "unknown": 1}',
    ],
)
def test_a_reader_is_strict(text: str) -> None:
    TypeAdapter(Whole).validate_json('{"colour": "red", "sent": {"size": 1}}')
    with pytest.raises(ValidationError):
        TypeAdapter(Whole).validate_json(text)
