"""multipart/form-data as curl, browsers and requests write it."""

from io import BytesIO
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard_runtime.errors import RequestError
from modelyard_runtime.multipart import boundary, form


def plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {file: io.read() for file, io in value.items()} if isinstance(value, dict) else value
        for name, value in fields.items()
    }


def part(disposition: str, content: bytes, *headers: str) -> bytes:
    head = "\r\n".join([f"Content-Disposition: form-data; {disposition}", *headers])
    return b"--B\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"


END = b"--B--\r\n"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param(
            part('name="images"; filename="a.jpg"', b"\xff\xd8", "Content-Type: image/jpeg") + END,
            {"images": {"a.jpg": b"\xff\xd8"}},
            id="one file",
        ),
        pytest.param(
            part('name="i"; filename="a"', b"1") + part('name="i"; filename="b"', b"2") + END,
            {"i": {"a": b"1", "b": b"2"}},
            id="two files of one field",
        ),
        pytest.param(
            part('name="i"; filename="a"', b"1") + part('name="t"', b"text") + END,
            {"i": {"a": b"1"}, "t": "text"},
            id="file and text",
        ),
        pytest.param(part('name="i"; filename="e"', b"") + END, {"i": {"e": b""}}, id="empty file"),
        pytest.param(
            part('name="i"; filename="n"', b"a\r\n--C\r\nb") + END, {"i": {"n": b"a\r\n--C\r\nb"}}, id="dashes"
        ),
        pytest.param(END.rstrip(), {}, id="no part"),
    ],
)
def test_form(body: bytes, fields: dict[str, Any]) -> None:
    assert plain(form(body, b"B")) == fields


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"--C\r\n\r\n--C--", id="another boundary"),
        pytest.param(part('name="i"; filename="a"', b"1"), id="no end"),
        pytest.param(b"--B\r\nnothing\r\n--B--", id="no header"),
        pytest.param(part('filename="a"', b"1") + END, id="no name"),
    ],
)
def test_broken(body: bytes) -> None:
    with pytest.raises(RequestError):
        form(body, b"B")


@pytest.mark.parametrize(
    ("content_type", "mark"),
    [
        pytest.param("multipart/form-data; boundary=abc", b"abc", id="plain"),
        pytest.param('multipart/form-data; charset=utf-8; boundary="a b"', b"a b", id="quoted"),
        pytest.param("application/json", None, id="json"),
        pytest.param("", None, id="none"),
    ],
)
def test_boundary(content_type: str, mark: bytes | None) -> None:
    assert boundary(content_type) == mark


@given(
    content=st.binary(max_size=300),
    name=st.text("abcxyz0189._- ", min_size=1, max_size=12).filter(lambda s: s == s.strip()),
)
def test_what_a_client_writes_is_read_back(content: bytes, name: str) -> None:
    request = httpx.Request("POST", "http://x", files={"images": (name, BytesIO(content), "image/png")})
    mark = boundary(request.headers["content-type"])
    assert mark is not None
    fields = form(request.read(), mark)
    assert plain({"images": fields["images"]}) == {"images": {name: content}}


def test_the_file_knows_its_name_and_type() -> None:
    body = part('name="i"; filename="a.jpg"', b"1", "Content-Type: image/jpeg") + END
    file = form(body, b"B")["i"]["a.jpg"]
    assert (file.name, file.content_type) == ("a.jpg", "image/jpeg")
