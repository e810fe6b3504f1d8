"""multipart/form-data to what scripts expect (contract §3), with nothing lost. A field becomes

    {filename: file}            files; of several with one name `{filename: [file, file]}`
    text                        one text; bytes where the part says that it is no text, or is none in its charset
    [text, text]                several of these, in order
    [text, {filename: file}]    both, the files last

RFC 7578 and 2046 by python-multipart, which finds the parts; what this adds: a preamble, padding behind a
boundary, `filename*`, Content-Transfer-Encoding, charsets. Bodies are in memory already.
"""

import base64
import binascii
import io
import quopri
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from modelyard_runtime.errors import RequestError
from modelyard_runtime.protocols.codec import charset

MAX_PARTS = 1000
MAX_HEADERS = 32
_TEXTS = frozenset({"", "application/json", "application/xml", "application/x-www-form-urlencoded"})
_EXTENDED = re.compile(rb";\s*filename\*\s*=\s*([A-Za-z0-9_.-]+)'[A-Za-z0-9-]*'([^;\s]*)", re.IGNORECASE)


class UploadedFile(io.BytesIO):
    """A file object whose `name` is the file's, as code that looks at suffixes expects."""

    def __init__(self, content: bytes, name: str, content_type: str) -> None:
        super().__init__(content)
        self.name = name
        self.content_type = content_type


@dataclass(slots=True)
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)


def boundary(content_type: str) -> bytes:
    """The boundary of a multipart content type. Raises RequestError."""
    from python_multipart.multipart import parse_options_header

    found = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not 1 <= len(found) <= 200:
        raise _broken("its Content-Type names no boundary of 1 to 200 characters")
    return found


def form(body: bytes, mark: bytes) -> dict[str, Any]:
    """Raises RequestError when the body is not what its boundary says."""
    texts: dict[str, list[Any]] = {}
    files: dict[str, dict[str, list[UploadedFile]]] = {}
    default = "utf-8"
    for part in _parts(body, mark):
        name, filename = _names(part.headers)
        content_type, options = _options(part.headers.get(b"content-type", b""))
        content = _decoded(b"".join(part.pieces), part.headers.get(b"content-transfer-encoding", b""))
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
    named = {name: found[0] if len(found) == 1 else found for name, found in files.items()}
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


def _parts(body: bytes, mark: bytes) -> list[_Part]:
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser

    reading = _Reading()
    try:
        parser = MultipartParser(mark, reading.callbacks())  # type: ignore[arg-type]  # its keys are literals
        parser.write(_from_first(body, mark))
    except FormParserError as error:
        raise _broken(str(error)) from None
    if not reading.ended:
        raise _broken("it does not end with its boundary")
    return reading.parts


class _Reading:
    """What the parser found until now. Bounded: MAX_PARTS, MAX_HEADERS of each."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.ended = False
        self._name = b""
        self._value = b""

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_name,
            "on_header_value": self._on_value,
            "on_header_end": self._header,
            "on_part_data": self._data,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.parts) == MAX_PARTS:
            raise _broken(f"it has more than {MAX_PARTS} parts")
        self.parts.append(_Part())

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header(self) -> None:
        headers = self.parts[-1].headers
        if len(headers) == MAX_HEADERS:
            raise _broken(f"a part has more than {MAX_HEADERS} headers")
        headers.setdefault(self._name.strip().lower(), self._value.strip())
        self._name = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].pieces.append(data[start:end])

    def _end(self) -> None:
        self.ended = True


def _from_first(body: bytes, mark: bytes) -> bytes:
    """The body from its first boundary on, without padding behind boundaries: both are allowed (RFC 2046, 5.1.1),
    and nothing to a reader."""
    delimiter = b"--" + mark
    line = rb"(?:\A|(?<=\r\n))" + re.escape(delimiter)
    if not body.startswith(delimiter + b"\r\n"):
        found = re.search(line + rb"(?:--)?[ \t]*(?:\r\n|\Z)", body)
        if found is None:
            raise _broken("it has no boundary as its Content-Type says")
        body = body[found.start() :]
    padded = re.compile(line + rb"[ \t]+\r\n")
    return padded.sub(lambda _: delimiter + b"\r\n", body) if padded.search(body) else body


def _names(headers: dict[bytes, bytes]) -> tuple[str, str | None]:
    """The field's name, and the file's (None: it is no file)."""
    disposition = headers.get(b"content-disposition")
    if disposition is None:
        raise _broken("a part has no header Content-Disposition")
    kind, options = _options(disposition)
    if kind != "form-data":
        raise _broken(f"a part has the Content-Disposition {kind[:40]!r}, must have form-data")
    if "name" not in options:
        raise _broken("a part has no name")
    filename = options.get("filename")
    if extended := _EXTENDED.search(disposition):
        try:
            filename = unquote_to_bytes(extended[2]).decode(charset(extended[1].decode()))
        except UnicodeError:
            raise _broken("a part has a filename* that is not in its charset") from None
    return _unescaped(options["name"]), None if filename is None else _unescaped(filename)


def _unescaped(name: str) -> str:
    """As browsers write them (HTML, 4.10.22.8)."""
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _options(value: bytes) -> tuple[str, dict[str, str]]:
    from python_multipart.multipart import parse_options_header

    kind, options = parse_options_header(value)
    return _header_text(kind).lower(), {_header_text(k).lower(): _header_text(v) for k, v in options.items()}


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
