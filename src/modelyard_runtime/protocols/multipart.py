"""multipart/form-data to what scripts expect (contract §3), with nothing lost. A field becomes

    {filename: file}            files; of several with one name `{filename: [file, file]}`
    text                        one text; bytes where the part says that it is no text, or is none in its charset
    [text, text]                several of these, in order
    [text, {filename: file}]    both, the files last

RFC 7578 and 2046, with `filename*`, Content-Transfer-Encoding and charsets. Bodies are in memory already.

A delimiter is a line after CRLF with two dashes, the boundary and nothing but spaces. Any other line is content,
whatever it begins with. Where that rule would leave a field outside of all parts, the body is refused.
"""

import base64
import binascii
import io
import quopri
import re
from collections.abc import Iterator
from typing import Any

from modelyard_runtime.errors import RequestError
from modelyard_runtime.protocols.codec import charset
from modelyard_runtime.protocols.parameters import parameters

MAX_PARTS = 1000
MAX_HEADERS = 32
MAX_HEAD_BYTES = 16_384
_TEXTS = frozenset({"", "application/json", "application/xml", "application/x-www-form-urlencoded"})
_NEXT = re.compile(rb"[ \t]*+\r\n")
_LAST = re.compile(rb"--[ \t]*+(?:\r\n|\n?\Z)")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:([^\r\n\0]*)")
_FIELD = re.compile(rb"content-disposition[ \t]*:", re.IGNORECASE)
_FOLD = re.compile(rb"\r\n[ \t]+")
_READ = (b"content-disposition", b"content-type", b"content-transfer-encoding")

Headers = dict[bytes, bytes]


class UploadedFile(io.BytesIO):
    """A file object whose `name` is the file's, as code that looks at suffixes expects."""

    def __init__(self, content: bytes, name: str, content_type: str) -> None:
        super().__init__(content)
        self.name = name
        self.content_type = content_type


def boundary(content_type: str) -> bytes:
    """The boundary of a multipart content type. Raises RequestError."""
    try:
        mark = parameters(content_type)[1].get("boundary", "").encode()
    except ValueError as error:
        raise _broken(f"its Content-Type {error}") from None
    if not 1 <= len(mark) <= 200:
        raise _broken("its Content-Type names no boundary of 1 to 200 characters")
    return mark


def form(body: bytes, mark: bytes) -> dict[str, Any]:
    """Raises RequestError when the body is not what its boundary says."""
    texts: dict[str, list[Any]] = {}
    files: dict[str, dict[str, list[UploadedFile]]] = {}
    default = "utf-8"
    for n, (start, end) in enumerate(_spans(body, b"--" + mark)):
        if n == MAX_PARTS:
            raise _broken(f"it has more than {MAX_PARTS} parts")
        headers, content = _part(body, start, end)
        name, filename = _names(headers)
        content_type, options = _options(headers, b"content-type")
        content = _decoded(content, headers.get(b"content-transfer-encoding", b""))
        if filename is not None:
            file = UploadedFile(content, filename, content_type or "application/octet-stream")
            files.setdefault(name, {}).setdefault(filename, []).append(file)
            continue
        value = _text(content, content_type, options.get("charset") or default)
        if name == "_charset_" and isinstance(value, str) and value:
            default = charset(value)  # RFC 7578, 4.6: of the parts that follow
        texts.setdefault(name, []).append(value)
    return {name: _field(texts.get(name, []), files.get(name, {})) for name in (texts | files)}


def _field(texts: list[Any], files: dict[str, list[UploadedFile]]) -> Any:
    named = {name: uploads[0] if len(uploads) == 1 else uploads for name, uploads in files.items()}
    if not texts:
        return named
    if named:
        return [*texts, named]
    return texts[0] if len(texts) == 1 else texts


def _text(content: bytes, content_type: str, name: str) -> str | bytes:
    if content_type not in _TEXTS and not content_type.startswith("text/") and not content_type.endswith("+json"):
        return content
    try:
        return content.decode(charset(name))
    except UnicodeError:
        return content


def _spans(body: bytes, delimiter: bytes) -> Iterator[tuple[int, int]]:
    """Where each part lies: from behind the line before it to the CRLF before the next one."""
    end, at, ended = _first(body, delimiter)
    _nothing_lost(body, 0, end)
    while not ended:
        start = at
        end, at, ended = _following(body, delimiter, start)
        yield start, end
    _nothing_lost(body, at, len(body))


def _first(body: bytes, delimiter: bytes) -> tuple[int, int, bool]:
    """Where the preamble ends, where the first part begins, and whether there is none.

    A preamble may end its lines as it likes.
    """
    for line in re.finditer(rb"(?:\A|[\r\n])" + re.escape(delimiter), body):
        rest = _NEXT.match(body, line.end()) or _LAST.match(body, line.end())
        if rest is not None:
            return line.start(), rest.end(), rest.re is _LAST
    raise _broken("it has no boundary as its Content-Type says")


def _following(body: bytes, delimiter: bytes, start: int) -> tuple[int, int, bool]:
    """Where the part at `start` ends, where the next begins, and whether there is none."""
    line = b"\r\n" + delimiter
    end = start - 2  # the CRLF of a delimiter may be that of the next one
    while (end := body.find(line, end)) >= 0:
        rest = _NEXT.match(body, end + len(line)) or _LAST.match(body, end + len(line))
        if rest is not None:
            return end, rest.end(), rest.re is _LAST
        end += 2
    raise _broken("it does not end with its boundary")


def _nothing_lost(body: bytes, start: int, end: int) -> None:
    """What is before the first delimiter and after the last is ignored (RFC 2046, 5.1.1). What looks like a field
    there is refused: its sender writes delimiters differently, or has such a line in the content."""
    if _FIELD.search(body, start, end):
        raise _broken(
            "a field stands before its first boundary or behind its last one (boundaries are lines after CRLF)"
        )


def _part(body: bytes, start: int, end: int) -> tuple[Headers, bytes]:
    """Its headers by their names in lower case, and its content."""
    if end <= start or body.startswith(b"\r\n", start):
        return {}, body[start + 2 : end]
    blank = body.find(b"\r\n\r\n", start, min(end + 2, start + MAX_HEAD_BYTES))
    if blank < 0:
        raise _broken(f"a part has no empty line behind its headers, or more than {MAX_HEAD_BYTES} bytes of them")
    lines = _FOLD.sub(b" ", body[start:blank]).split(b"\r\n")
    if len(lines) > MAX_HEADERS:
        raise _broken(f"a part has more than {MAX_HEADERS} headers")
    headers: Headers = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise _broken(f"a part has a header that cannot be read: {_header_text(line[:80])!r}")
        name, value = header[1].lower(), header[2].strip(b" \t")
        if name in _READ and headers.get(name, value) != value:
            raise _broken(f"a part has two different headers {_header_text(header[1])}")
        headers[name] = value
    return headers, body[blank + 4 : end]


def _names(headers: Headers) -> tuple[str, str | None]:
    """The field's name, and the file's (None: it is no file)."""
    if b"content-disposition" not in headers:
        raise _broken("a part has no header Content-Disposition")
    kind, options = _options(headers, b"content-disposition")
    if kind != "form-data":
        raise _broken(f"a part has the Content-Disposition {kind[:40]!r}, must have form-data")
    name = _option(options, "name")
    if name is None:
        raise _broken("a part has no name")
    filename = _option(options, "filename")
    if filename is not None and (filename[1:3] == ":\\" or filename.startswith("\\\\")):
        filename = filename.rpartition("\\")[2]  # a path of Windows, which its reader did not ask for
    return name, filename


def _option(options: dict[str, str], name: str) -> str | None:
    """As browsers write it (HTML, 4.10.22.8), or in its extended form, which is exact."""
    if f"{name}*" in options:
        return options[f"{name}*"]
    said = options.get(name)
    return said and said.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _options(headers: Headers, name: bytes) -> tuple[str, dict[str, str]]:
    try:
        return parameters(_header_text(headers.get(name, b"")))
    except ValueError as error:
        raise _broken(f"a part's {name.decode().title()} {error}") from None


def _header_text(value: bytes) -> str:
    """UTF-8 as clients write it today; else as HTTP did."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _decoded(content: bytes, encoding: bytes) -> bytes:
    """RFC 7578 does without Content-Transfer-Encoding; clients made of mail libraries do not."""
    match encoding.lower():
        case b"" | b"7bit" | b"8bit" | b"binary":
            return content
        case b"base64":
            try:
                return base64.b64decode(b"".join(content.split()), validate=True)
            except binascii.Error as error:
                raise _broken(f"a part is not base64: {error}") from None
        case b"quoted-printable":
            return quopri.decodestring(content)
    raise _broken(f"a part has the Content-Transfer-Encoding {_header_text(encoding)[:40]!r}, which nobody knows")


def _broken(why: str) -> RequestError:
    return RequestError(400, "ModelArts.4105", f"The multipart body cannot be read: {why}.")
