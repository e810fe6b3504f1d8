"""How text lies in bytes: which bytes end a line, and which bytes are no text.

A byte order mark wins over what is declared. Encodings that shift (ISO-2022, UTF-7, HZ), or in which a line feed
is not the byte of ASCII, cannot be cut at lines and are refused.
"""

import codecs
import io
import re
from dataclasses import dataclass
from typing import Any

MARK = "\udcff"
"""Stands for bytes that are no text, in what `Encoding.lenient` returns. No text has it."""
LONGEST_MARK = 4
"""Bytes of a byte order mark."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNED = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8", "ascii": "utf-8"}
_SHIFTING = re.compile(r"iso2022|utf-7|hz$|unicode|punycode|idna")
_LINES = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")


class EncodingError(ValueError):
    """The text says what is wrong with the encoding."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """`unit`: how many bytes a line feed has."""

    name: str
    unit: int

    def text(self, data: bytes) -> str:
        """Raises UnicodeError."""
        return data.decode(self.name)

    def lenient(self, data: bytes) -> str:
        """The same, with marks where it is no text."""
        return data.decode(self.name, "modelyard-mark")

    def decoder(self) -> Any:
        """`lenient`, of pieces."""
        return codecs.getincrementaldecoder(self.name)("modelyard-mark")

    def last(self, data: bytes, mark: str, start: int, end: int) -> int:
        """Where the last `mark` begins that lies in [start, end), counted from the beginning of a character at
        `start`; -1 if there is none."""
        wanted = mark.encode(self.name)
        found = data.rfind(wanted, start, end)
        while found >= 0 and (found - start) % self.unit:
            found = data.rfind(wanted, start, found + self.unit - 1)
        return found

    def lines(self, data: bytes) -> list[bytes]:
        """With their ends: CR LF, LF or CR."""
        if self.unit == 1:
            return _LINES.findall(data)
        try:
            return [line.encode(self.name) for line in io.StringIO(self.text(data), newline="")]
        except UnicodeError:
            return self._wide_lines(data)

    def _wide_lines(self, data: bytes) -> list[bytes]:
        feed, back = "\n".encode(self.name), "\r".encode(self.name)
        lines, start = [], 0
        for end in range(self.unit, len(data) + 1, self.unit):
            character = data[end - self.unit : end]
            if character == feed or (character == back and data[end : end + self.unit] != feed):
                lines.append(data[start:end])
                start = end
        return [*lines, data[start:]] if start < len(data) else lines


def encoding_of(declared: str, head: bytes) -> tuple[Encoding, int]:
    """Of a file that begins with `head`, and how many of its bytes are a mark. Raises EncodingError."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return encoding(name), len(mark)
    return encoding(declared), 0


def encoding(declared: str) -> Encoding:
    """Raises EncodingError."""
    try:
        codec = codecs.lookup(declared)
    except (LookupError, ValueError):
        raise EncodingError(f"the encoding {declared[:80]!r} is not known") from None
    name = _SIGNED.get(codec.name, codec.name)
    if not codec._is_text_encoding or _SHIFTING.search(name):
        raise EncodingError(f"text in {name} cannot be cut into rows: convert it to UTF-8")
    feed = "\n".encode(name)
    if feed not in (b"\n", b"\n".ljust(len(feed), b"\0"), b"\n".rjust(len(feed), b"\0")):
        raise EncodingError(f"text in {name} cannot be cut into rows: convert it to UTF-8")
    return Encoding(name, len(feed))


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return MARK, error.end


codecs.register_error("modelyard-mark", _mark)
