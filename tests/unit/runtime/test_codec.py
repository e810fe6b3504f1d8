"""Bodies to values."""

import json
import re
from typing import Any

import pytest

from modelyard_runtime.errors import RequestError
from modelyard_runtime.protocols.codec import decode, given


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param(b'{"a": 1}', {"a": 1}, id="object"),
        pytest.param(b"[1]", [1], id="list"),
        pytest.param(b"-1", -1, id="negative number"),
    ],
)
def test_decode(body: bytes, value: Any) -> None:
    assert decode(body, lambda _: "") == value


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"{", "ModelArts.4105", id="cut off"),
        pytest.param(b"--x", "ModelArts.4105", id="dashes"),
        pytest.param(b"\xff", "ModelArts.4105", id="not text"),
        pytest.param(b"[" * 100_000, "ModelArts.4105", id="too deep"),
        pytest.param(b"", "ModelArts.4202", id="empty"),
    ],
)
def test_bad_bodies(body: bytes, code: str) -> None:
    with pytest.raises(RequestError) as refused:
        decode(body, lambda _: "text/plain")
    assert refused.value.status == 400
    assert json.loads(refused.value.body())["error_code"] == code


OBJECT = {"a": "é"}
TEXT = '{"a": "é"}'
FORM = b'--B\r\nContent-Disposition: form-data; name="t"\r\n\r\n1\r\n--B--\r\n'


@pytest.mark.parametrize(
    ("content_type", "body", "value"),
    [
        pytest.param("", TEXT.encode(), OBJECT, id="none"),
        pytest.param("application/json", TEXT.encode(), OBJECT, id="json"),
        pytest.param("application/json", b"\xef\xbb\xbf" + TEXT.encode(), OBJECT, id="byte order mark"),
        pytest.param("Application/JSON ; Charset=UTF-8", TEXT.encode(), OBJECT, id="case"),
        pytest.param("application/json; charset=utf-16", TEXT.encode("utf-16"), OBJECT, id="utf-16"),
        pytest.param('application/json; charset="utf-16le"', TEXT.encode("utf-16-le"), OBJECT, id="quoted"),
        pytest.param("application/json;charset=latin-1", TEXT.encode("latin-1"), OBJECT, id="latin-1"),
        pytest.param(
            'application/json; x="; charset=utf-16"; charset=latin-1',
            TEXT.encode("latin-1"),
            OBJECT,
            id="in another's quotes",
        ),
        pytest.param("application/json; foo;;", TEXT.encode(), OBJECT, id="loose ends"),
        pytest.param("application/json; charset='utf-8'", TEXT.encode(), OBJECT, id="single quotes"),
        pytest.param("application/vnd.api+json", TEXT.encode(), OBJECT, id="+json"),
        pytest.param("text/plain;charset=UTF-8", TEXT.encode(), OBJECT, id="fetch"),
        pytest.param("application/x-www-form-urlencoded", TEXT.encode(), OBJECT, id="curl -d"),
        pytest.param("application/octet-stream", TEXT.encode(), TEXT.encode(), id="octet-stream"),
        pytest.param("application/octet-stream", b"", b"", id="no bytes"),
        pytest.param("application/octet-stream", FORM, FORM, id="bytes that look like a form"),
        pytest.param("image/png", b"\x89PNG", b"\x89PNG", id="image"),
        pytest.param("multipart/form-data; boundary=B", FORM, {"t": "1"}, id="form"),
        pytest.param("multipart/form-data; boundary=B", b'{"a": 1}\r\n' + FORM, {"t": "1"}, id="preamble of JSON"),
    ],
)
def test_the_content_type_says_what_a_body_is(content_type: str, body: bytes, value: Any) -> None:
    assert decode(body, lambda _: content_type) == value


@pytest.mark.parametrize(
    ("content_type", "body", "told"),
    [
        pytest.param("application/json", FORM, "Incorrect JSON format", id="form as json"),
        pytest.param("application/json; charset=klingon", b"{}", "charset 'klingon' is not known", id="charset"),
        pytest.param(
            'application/json; charset="utf-8', b"{}", "parameter that cannot be read", id="half a quote"
        ),
        pytest.param("application/json; charset=rot13", b"{}", "is not one of texts", id="no charset"),
        pytest.param("application/json; charset=utf-16", b"{}x", "not text in utf-16", id="not in its charset"),
        pytest.param("application/x-www-form-urlencoded", b"a=1", "sent as multipart/form-data", id="a form"),
        pytest.param("text/csv", b"a,b", "text/csv is read as JSON", id="a text"),
        pytest.param("multipart/form-data", FORM, "names no boundary", id="no boundary"),
        pytest.param("multipart/form-data; boundary=B", b'{"a": 1}', "no boundary as its", id="json as form"),
    ],
)
def test_what_is_not_what_it_says_is_400(content_type: str, body: bytes, told: str) -> None:
    with pytest.raises(RequestError, match=re.escape(told)) as refused:
        decode(body, lambda _: content_type)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("content_type", "body", "value"),
    [
        pytest.param("", TEXT.encode(), TEXT, id="json"),
        pytest.param("", b"\xef\xbb\xbf" + TEXT.encode(), TEXT, id="byte order mark"),
        pytest.param("application/json; charset=utf-16", TEXT.encode("utf-16"), TEXT, id="utf-16"),
        pytest.param("multipart/form-data; boundary=B", FORM, {"t": "1"}, id="form"),
        pytest.param("image/png", b"\x89\xff", b"\x89\xff", id="bytes"),
    ],
)
def test_a_script_that_parses_gets_the_text_of_json_alone(content_type: str, body: bytes, value: Any) -> None:
    assert given(decode(body, lambda _: content_type), body, lambda _: content_type) == value
