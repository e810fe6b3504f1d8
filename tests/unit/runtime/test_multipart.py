"""multipart/form-data as curl, browsers and requests write it."""

from io import BytesIO
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard_runtime.errors import RequestError
from modelyard_runtime.protocols.multipart import boundary, form


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.read() if isinstance(value, BytesIO) else value


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
        pytest.param(
            part('name="i"; filename="a"', b"1") + part('name="i"; filename="a"', b"2") + END,
            {"i": {"a": [b"1", b"2"]}},
            id="two files of one name",
        ),
        pytest.param(part('name="t"', b"1") + part('name="t"', b"2") + END, {"t": ["1", "2"]}, id="two texts"),
        pytest.param(
            part('name="i"; filename="a"', b"1") + part('name="i"', b"text") + END,
            {"i": ["text", {"a": b"1"}]},
            id="file and text of one field",
        ),
        pytest.param(part('name="b"', b"\xff\xfe") + END, {"b": b"\xff\xfe"}, id="no text in its charset"),
        pytest.param(
            part('name="b"', b"abc", "Content-Type: application/octet-stream") + END,
            {"b": b"abc"},
            id="said bytes",
        ),
        pytest.param(
            part('name="b"', b'{"a": 1}', "Content-Type: application/json") + END,
            {"b": '{"a": 1}'},
            id="json is text",
        ),
        pytest.param(
            part('name="t"', "é".encode("latin-1"), "Content-Type: text/plain; charset=ISO-8859-1") + END,
            {"t": "é"},
            id="charset of a part",
        ),
        pytest.param(
            part('name="_charset_"', b"utf-16-le") + part('name="t"', "é".encode("utf-16-le")) + END,
            {"_charset_": "utf-16-le", "t": "é"},
            id="charset of the form",
        ),
        pytest.param(b"preamble\r\n" + part('name="t"', b"1") + END, {"t": "1"}, id="preamble"),
        pytest.param(b"x--B\r\n\r\n" + part('name="t"', b"1") + END, {"t": "1"}, id="boundary within a preamble"),
        pytest.param(b"\r\n" + part('name="t"', b"1") + END, {"t": "1"}, id="line before"),
        pytest.param(part('name="t"', b"1") + b"--B--", {"t": "1"}, id="no line after"),
        pytest.param(part('name="t"', b"1") + END + b"epilogue\r\n--B\r\n", {"t": "1"}, id="epilogue"),
        pytest.param(
            part('name="t"', b"1").replace(b"--B", b"--B \t", 1) + b"--B  \r\n" + part('name="u"', b"2")[5:] + END,
            {"t": "1", "u": "2"},
            id="padding",
        ),
        pytest.param(
            part('name="i"; filename="n"', b"--Bxyz\r\n--B1\r\n--B-\r\n\r\n--B.") + END,
            {"i": {"n": b"--Bxyz\r\n--B1\r\n--B-\r\n\r\n--B."}},
            id="boundary begins lines",
        ),
        pytest.param(
            part('name="i"; filename="n"', b"\r\n1\r\n\r\n") + END,
            {"i": {"n": b"\r\n1\r\n\r\n"}},
            id="ends of lines",
        ),
        pytest.param(
            part("name=i; filename*=UTF-8''%e2%82%ac%20rates", b"1") + END,
            {"i": {"€ rates": b"1"}},
            id="filename*",
        ),
        pytest.param(
            part("name=i; filename=\"e\"; filename*=iso-8859-1'en'%a3", b"1") + END, {"i": {"£": b"1"}}, id="both"
        ),
        pytest.param(
            part('name="a\\"b"; filename="c\\\\d;e"', b"1") + END, {'a"b': {"c\\d;e": b"1"}}, id="quotes"
        ),
        pytest.param(part('name="a%22b%0D%0A"', b"1") + END, {'a"b\r\n': "1"}, id="as browsers"),
        pytest.param(
            b'--B\r\ncontent-DISPOSITION:form-data;name="\xc3\xbc";filename="\xc3\xa9"\r\n\r\n1\r\n' + END,
            {"ü": {"é": b"1"}},
            id="utf-8",
        ),
        pytest.param(
            part('name="i"; filename="n"', b"AP8=\r\n", "Content-Transfer-Encoding: base64") + END,
            {"i": {"n": b"\0\xff"}},
            id="base64",
        ),
        pytest.param(
            part('name="t"', b"=C3=A9", "Content-Transfer-Encoding: quoted-printable") + END, {"t": "é"}, id="qp"
        ),
        pytest.param(part('name="i"; filename=""', b"") + END, {"i": {"": b""}}, id="no file chosen"),
        pytest.param(b"\n" + part('name="t"', b"1") + END, {"t": "1"}, id="a preamble that ends with LF"),
        pytest.param(b"hello\n" + part('name="t"', b"1") + END, {"t": "1"}, id="a line of one that does"),
        pytest.param(
            part('name="a"', b"x\r\n--B--x\r\ny") + part('name="b"', b"2") + END,
            {"a": "x\r\n--B--x\r\ny", "b": "2"},
            id="nearly the last boundary",
        ),
        pytest.param(
            part('name="a"', b"x\r\n--B y\r\n--B\n") + part('name="b"', b"2") + END,
            {"a": "x\r\n--B y\r\n--B\n", "b": "2"},
            id="nearly a boundary",
        ),
        pytest.param(part('name="a"', b"x\n--B\r\ny") + END, {"a": "x\n--B\r\ny"}, id="after LF it is content"),
        pytest.param(part('name="t"', b"1") + b"--B-- \t\r\n--B\r\n", {"t": "1"}, id="padding of the last"),
        pytest.param(part('name="t"', b"1") + b"--B--\n", {"t": "1"}, id="LF at the end"),
        pytest.param(
            b'--B\r\nContent-Disposition: form-data; name="t"\r\n\r\n--B--', {"t": ""}, id="headers alone"
        ),
        pytest.param(
            b'--B\r\nContent-Disposition: form-data;\r\n name="t"\r\n\r\n1\r\n--B--',
            {"t": "1"},
            id="a long header",
        ),
        pytest.param(
            part('name="i"; filename="a; filename*=UTF-8\'\'b.txt"', b"1") + END,
            {"i": {"a; filename*=UTF-8''b.txt": b"1"}},
            id="a name that looks like another",
        ),
        pytest.param(
            part("name=\"f; filename*=UTF-8''evil\"", b"1") + END,
            {"f; filename*=UTF-8''evil": "1"},
            id="a text that looks like a file",
        ),
        pytest.param(part("name*=UTF-8''%e2%82%ac; name=e", b"1") + END, {"€": "1"}, id="name*"),
        pytest.param(
            part("name=i; filename*0*=UTF-8''%e2%82%ac; filename*1=\"; x\"; filename*2*=%20y", b"1") + END,
            {"i": {"€; x y": b"1"}},
            id="a file name in pieces",
        ),
        pytest.param(
            part("name=i; filename*=UTF-8''a%2522", b"1") + END, {"i": {"a%22": b"1"}}, id="no browser's"
        ),
        pytest.param(part('name="i"; filename="C:\\d\\a.txt"', b"1") + END, {"i": {"a.txt": b"1"}}, id="a path"),
        pytest.param(part('name="i"; filename="a\\b"', b"1") + END, {"i": {"a\\b": b"1"}}, id="a backslash"),
        pytest.param(
            part(
                'name="t"',
                "é".encode("latin-1"),
                'Content-Type: text/plain; x="; charset=utf-8"; charset="latin1"',
            )
            + END,
            {"t": "é"},
            id="a charset behind quotes",
        ),
        pytest.param(part('name=""', b"1") + END, {"": "1"}, id="an empty name"),
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
        pytest.param(b"", id="nothing"),
        pytest.param(b"hello", id="no boundary"),
        pytest.param(b"--Bx\r\n\r\n--Bx--", id="a longer boundary"),
        pytest.param(part('name="a"', b"1")[:-2], id="cut off"),
        pytest.param(b"--B\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--B--", id="no form"),
        pytest.param((part('name="t"', b"1") + END).replace(b"\r\n", b"\n"), id="line feeds alone"),
        pytest.param(part('name="t"', b"1", "Content-Transfer-Encoding: x-uuencode") + END, id="encoding"),
        pytest.param(part('name="t"', b"*", "Content-Transfer-Encoding: base64") + END, id="no base64"),
        pytest.param(part('name="t"', b"1", "Content-Type: text/plain; charset=klingon") + END, id="charset"),
        pytest.param(part('name="t"', b"1") * 1001 + END, id="many parts"),
        pytest.param(part('name="t"', b"1", *[f"X-{n}: 1" for n in range(40)]) + END, id="many headers"),
        pytest.param(part('name="t"', b"1", "X: " + "x" * 100_000) + END, id="long header"),
        pytest.param(part('name="t"', b"1").replace(b"\r\n", b"\n") + part('name="u"', b"2") + END, id="LF first"),
        pytest.param(
            part('name="t"', b"1").replace(b"--B", b"--B y") + part('name="u"', b"2") + END,
            id="something behind the first boundary",
        ),
        pytest.param(
            part('name="t"', b"1").replace(b"--B", b"--B--x") + part('name="u"', b"2") + END,
            id="nearly the last boundary first",
        ),
        pytest.param(part('name="a"', b"x") + b"--B--x", id="nearly the end"),
        pytest.param(b" " + part('name="a"', b"x") + part('name="b"', b"y") + END, id="a space before the first"),
        pytest.param(part('name="a"', b"\r\n--B--\r\n") + part('name="b"', b"y") + END, id="the end in a field"),
        pytest.param(b'--B\r\nContent-Disposition: form-data; name="t"\r\n--B--', id="no empty line"),
        pytest.param(part('name="a"; name="b"', b"1") + END, id="two names"),
        pytest.param(
            part('name="a"', b"1", "Content-Disposition: form-data; name=b") + END, id="two dispositions"
        ),
        pytest.param(part('name="a', b"1") + END, id="no quote at the end"),
        pytest.param(part('name="a"b"', b"1") + END, id="a quote too many"),
        pytest.param(part("name=i; filename*=UTF-8''%ff", b"1") + END, id="a file name not in its charset"),
        pytest.param(part("name=i; filename*=klingon''a", b"1") + END, id="a file name in no charset"),
        pytest.param(part("name=i; filename*=a", b"1") + END, id="an extended file name that is none"),
        pytest.param(part("name=i; filename*0=a; filename*2=b", b"1") + END, id="a piece is missing"),
    ],
)
def test_broken(body: bytes) -> None:
    with pytest.raises(RequestError, match=r"The multipart body cannot be read|charset") as refused:
        form(body, b"B")
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("content_type", "mark"),
    [
        pytest.param("multipart/form-data; boundary=abc", b"abc", id="plain"),
        pytest.param('multipart/form-data; charset=utf-8; boundary="a b"', b"a b", id="quoted"),
        pytest.param('multipart/form-data; boundary="a;b=c"', b"a;b=c", id="quoted signs"),
        pytest.param('multipart/form-data; x="; boundary=no"; boundary=abc;', b"abc", id="in another's quotes"),
        pytest.param("Multipart/Form-Data; BOUNDARY=abc", b"abc", id="case"),
        pytest.param("multipart/form-data", None, id="none"),
        pytest.param("multipart/form-data; boundary=", None, id="empty"),
        pytest.param(f"multipart/form-data; boundary={'x' * 300}", None, id="long"),
    ],
)
def test_boundary(content_type: str, mark: bytes | None) -> None:
    if mark is None:
        with pytest.raises(RequestError, match="names no boundary"):
            boundary(content_type)
    else:
        assert boundary(content_type) == mark


@given(
    contents=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y"]), st.binary(max_size=40)), max_size=6
    ),
    mark=st.sampled_from([b"B", b"--", b"a.b+c", b"(x)"]),
)
def test_nothing_is_lost(contents: list[tuple[str, str, bytes]], mark: bytes) -> None:
    body = b"".join(
        b'--%b\r\nContent-Disposition: form-data; name="%b"; filename="%b"\r\n\r\n%b\r\n'
        % (mark, name.encode(), file.encode(), content)
        for name, file, content in contents
    )
    if any(b"\r\n--" + mark in b"\r\n" + content for _, _, content in contents):
        return
    found = plain(form(body + b"--" + mark + b"--\r\n", mark))
    flat = [
        (name, file, each)
        for name, files in found.items()
        for file, value in files.items()
        for each in (value if isinstance(value, list) else [value])
    ]
    assert sorted(flat) == sorted(contents)


LINES = st.sampled_from([b"--B", b"--B--", b"--B--x", b"--B y", b"\r\n", b"\n", b"\r", b" ", b"x", b"-"])


@given(preamble=st.lists(LINES, max_size=6).map(b"".join), content=st.lists(LINES, max_size=9).map(b"".join))
def test_a_field_comes_whole_or_the_form_is_refused(preamble: bytes, content: bytes) -> None:
    """Whatever lines before it and in it look like."""
    field = part('name="a"; filename="f"', content) + part('name="b"; filename="g"', b"2")
    body = preamble + field + END
    try:
        found = plain(form(body, b"B"))
    except RequestError as refused:
        assert refused.status == 400
        return
    assert found == {"a": {"f": content}, "b": {"g": b"2"}}


@given(
    content=st.binary(max_size=300),
    name=st.text("abcxyz0189._- ", min_size=1, max_size=12).filter(lambda s: s == s.strip()),
)
def test_what_a_client_writes_is_read_back(content: bytes, name: str) -> None:
    request = httpx.Request("POST", "http://x", files={"images": (name, BytesIO(content), "image/png")})
    mark = boundary(request.headers["content-type"])
    fields = form(request.read(), mark)
    assert plain({"images": fields["images"]}) == {"images": {name: content}}


def test_the_file_knows_its_name_and_type() -> None:
    body = part('name="i"; filename="a.jpg"', b"1", "Content-Type: image/jpeg") + END
    file = form(body, b"B")["i"]["a.jpg"]
    assert (file.name, file.content_type) == ("a.jpg", "image/jpeg")
