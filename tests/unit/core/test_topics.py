"""Names of topics, and what may be published to them."""

import json

import pytest

from modelyard.core import topics


@pytest.mark.parametrize("name", ["a", "a" * 255, "0_-x"])
def test_good_names(name: str) -> None:
    assert not [*topics.name_violations(name, "shown ünd gut")]


@pytest.mark.parametrize("name", ["", "a" * 256, "-a", "a b", "a:b", "é", "a\n"])
def test_bad_names(name: str) -> None:
    (wrong,) = topics.name_violations(name, "")
    assert (wrong.field, topics.NAME_RULE in wrong.text) == ("name", True)


def test_display_names_have_a_bound_in_bytes_and_one_line() -> None:
    assert not [*topics.name_violations("a", "é" * 96)]
    assert [v.text for v in topics.name_violations("a", "é" * 97)] == [
        "has 194 bytes in UTF-8, at most 192 are allowed"
    ]
    assert [v.text for v in topics.name_violations("a", "a\r\nb")] == [topics.IN_LINES]


@pytest.mark.parametrize(
    ("subject", "message", "ttl", "fields"),
    [
        ("s" * 512, "m" * topics.MESSAGE_BYTES, 86400, []),
        ("", "m", None, []),
        ("\u3000ideographic space", "m", 1, []),
        ("s" * 513, "m", None, ["subject"]),
        ("a\nBcc: x@y", "m", None, ["subject"]),
        ("a\u2028b", "m", None, ["subject"]),
        ("", "", None, ["message"]),
        ("", "é" * (topics.MESSAGE_BYTES // 2 + 1), None, ["message"]),
        ("", "half \ud800", None, ["message"]),
        ("", "m", 0, ["time_to_live"]),
        ("", "m", 86401, ["time_to_live"]),
    ],
)
def test_what_may_be_published(subject: str, message: str, ttl: int | None, fields: list[str]) -> None:
    assert [v.field for v in topics.publish_violations(subject, message, ttl)] == fields


def test_a_structure_has_texts_by_protocol() -> None:
    text = json.dumps({"default": "d", "email": "e", "sms": "s", "dingding": {"msgType": "text"}})
    texts, wrong, ignored = topics.structure(text)
    assert texts == {"default": "d", "email": "e"}
    assert not wrong
    assert ignored == ("message_structure.sms", "message_structure.dingding")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("no JSON", "message_structure"),
        ("[" * 100_000, "message_structure"),
        ("[1]", "message_structure"),
        ('{"email": "e"}', "message_structure.default"),
        ('{"default": 1}', "message_structure.default"),
        ('{"default": "\\ud800"}', "message_structure.default"),
        ('{"default": "d", "http": ""}', "message_structure.http"),
    ],
)
def test_structures_that_are_none(text: str, field: str) -> None:
    assert [v.field for v in topics.structure(text)[1]] == [field]


def test_protocols_that_smn_has_elsewhere_are_told_from_words() -> None:
    sms, word = topics.protocol_violation("sms"), topics.protocol_violation("pigeon")
    assert sms is not None and "is not supported here" in sms.text
    assert word is not None and "must be one of http, https, email, apprise" in word.text
    assert topics.protocol_violation("https") is None
