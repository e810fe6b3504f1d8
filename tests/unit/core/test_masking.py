"""Secret values are taken out of text, however the writer spelled them, and nothing else is."""

import base64
import json
import re
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.core.masking import MASK, Masker

SECRET = 'pä ss/w"or\\d+=1\té'

SPELLED = {
    "as it is": SECRET,
    "json": json.dumps(SECRET)[1:-1],
    "json unescaped": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "repr": repr(SECRET)[1:-1],
    "ascii": ascii(SECRET)[1:-1],
    "url": urllib.parse.quote(SECRET, safe=""),
    "url path": urllib.parse.quote(SECRET),
    "url lower case": re.sub("%..", lambda found: found[0].lower(), urllib.parse.quote(SECRET, safe="")),
    "form": urllib.parse.quote_plus(SECRET),
    "base64": base64.b64encode(SECRET.encode()).decode().rstrip("=")[:-1],
    "base64 of urls": base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")[:-1],
}


@pytest.mark.parametrize("spelled", SPELLED.values(), ids=SPELLED)
def test_every_spelling_is_masked_in_text_and_in_bytes(spelled: str) -> None:
    masker = Masker.of({SECRET})
    assert spelled not in masker.text(f"before {spelled} after")
    assert MASK in masker.text(f"before {spelled} after")
    assert masker.data(f"before {spelled} after".encode()) == masker.text(f"before {spelled} after").encode()


@pytest.mark.parametrize("name", ["a", "ab", "abc", "user:"])
def test_a_secret_inside_of_something_in_base64_is_masked(name: str) -> None:
    coded = base64.b64encode(f"{name}correct-horse{name}".encode()).decode()
    masked = Masker.of({"correct-horse"}).text(f"Basic {coded}")
    left = "".join(masked.removeprefix("Basic ").split(MASK))
    assert MASK in masked
    assert len(left) <= len(coded) - len("correct-horse") * 8 // 6 + 2


def test_short_values_and_none_at_all_change_nothing() -> None:
    assert Masker.of({"abc", ""}).text("abc abc") == "abc abc"
    assert not Masker.of(())
    assert Masker().data(b"abc") == b"abc"


def test_the_longest_of_overlapping_values_is_taken() -> None:
    masker = Masker.of({"pass", "password", "password123", "word12"})
    assert masker.text("password123 passwords pass passion") == f"{MASK} {MASK}s {MASK} {MASK}ion"


def test_lines_of_a_value_of_several_lines_are_masked_one_by_one() -> None:
    key = "-----BEGIN KEY-----\nMIIEabcdefg\nqwertyuiop==\n}\n-----END KEY-----\n"
    masker = Masker.of({key})
    assert [masker.text(line) for line in ("key: MIIEabcdefg", "qwertyuiop==", "}")] == [f"key: {MASK}", MASK, "}"]


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
def test_a_value_that_ends_with_a_line_is_masked_without_it(end: str) -> None:
    """As it is read from a file, and stripped by whoever uses it."""
    assert "hunter2pass" not in Masker.of({f"hunter2pass{end}"}).text("the password is hunter2pass.")


def test_no_secret_is_in_its_repr() -> None:
    assert "hunter22" not in repr(Masker.of({"hunter22"}))


def test_many_values_of_which_each_begins_with_the_one_before() -> None:
    masker = Masker.of({"x" * n + "y" for n in range(4, 200)} | {"z" * n for n in range(4, 400)})
    assert masker.text("z" * 399 + " " + "x" * 100 + "y") == f"{MASK} {MASK}"


@given(
    st.sets(st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=12), min_size=1, max_size=40),
    st.data(),
)
def test_no_value_stays_whatever_it_is_made_of(secrets: set[str], data: st.DataObject) -> None:
    masker = Masker.of(secrets)
    chosen = data.draw(st.sampled_from(sorted(secrets)))
    around = data.draw(st.text("ab \n", max_size=5))
    for text in (masker.text(around + chosen + around), masker.data((around + chosen + around).encode()).decode()):
        assert chosen not in text or chosen in MASK


def test_hundreds_of_values_are_found_as_few_are() -> None:
    secrets = {f"value-{n * 7919:06d}-end" for n in range(500)}
    masker = Masker.of(secrets)
    assert masker.text(" ".join(sorted(secrets))) == " ".join([MASK] * 500)
    assert masker.text("value-x-end") == "value-x-end"
