"""What JSON gets in, and where the complaint says the fault is."""

import json

import pytest

from modelyard.core import json_text

WRONG = {
    "surrogate": ('{"a": [{"b": "\\ud800"}]}', "a[0].b", "surrogate"),
    "nul": ('{"a": {"b": "x\\u0000"}}', "a.b", "NUL"),
    "surrogate-key": ('{"a": {"\\udfff": 1}}', "a", "surrogate"),
    "twice": ('{"a": [{"b": 1, "c": 2, "b": 3}]}', "a[0].b", "is there twice"),
    "twice-the-same": ('{"b": 1, "b": 1}', "b", "is there twice"),
    "twice-by-an-escape": ('{"b": 1, "\\u0062": 1}', "b", "is there twice"),
    "nan": ('{"a": NaN}', "", "NaN is not a JSON number"),
    "infinity": ("[-Infinity]", "", "-Infinity is not a JSON number"),
    "float": ('{"a": [1e400]}', "a[0]", "too large"),
    "integer": ('{"a": ' + "9" * 5000 + "}", "a", "too large"),
    "deep": ("[" * 33 + "]" * 33, "", "nested deeper than 32 levels"),
    "very-deep": ("[" * 200_000, "", "nested deeper than 32 levels"),
    "no-json": ("{", "", "is not JSON"),
    "nothing": ("", "", "is not JSON"),
}


@pytest.mark.parametrize(("text", "field", "said"), WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("encoded", [False, True], ids=["text", "bytes"])
def test_what_no_reader_could_bear_is_refused_and_named(
    text: str, field: str, said: str, *, encoded: bool
) -> None:
    with pytest.raises(json_text.Malformed, match=said) as caught:
        json_text.read(text.encode() if encoded else text)
    assert caught.value.field == field
    assert len(caught.value.said) < 200


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True, "\U0001f600"]}, [], "x", 2**70, {"a": {"a": {}}}])
def test_all_the_rest_is_read_as_it_stands(value: object) -> None:
    assert json_text.read(json.dumps(value)) == value
    assert json_text.read(json.dumps(value, ensure_ascii=False).encode("utf-8-sig")) == value
