"""How text lies in bytes, as far as rows are cut: bytes become *units*, one byte for each, in which the quote, the
ends of lines and the delimiter stand for themselves and nothing else looks like them. Pure.

    utf-8, latin-1 …            the bytes as they are
    utf-16, utf-32              one unit for every two, or four, bytes
    gbk and "|", utf-8 and "§"  decoded: another character's second byte may look like the delimiter, or the
                                delimiter has several bytes

A byte order mark wins over what is declared. Encodings that shift (ISO-2022, UTF-7, HZ), and those in which a line
feed is another byte (EBCDIC), cannot be cut at lines: UncuttableEncodingError.
"""

import codecs
import re
from functools import lru_cache

QUOTE, FEED, RETURN = b'"', b"\n", b"\r"
LONGEST_MARK = 4

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNMARKED = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8", "ascii": "utf-8"}
_SHIFTING = re.compile(r"iso2022|utf-7|hz$|unicode|punycode|idna")
_SUBSTITUTE = "\x1f"
"""Stands for a delimiter that is more than one byte."""
_OTHER = "x"
_ERRORS = "modelyard-units"


class UncuttableEncodingError(ValueError):
    """Rows cannot be found in it; the text says why."""


def encoding_of(declared: str, head: bytes) -> tuple[str, int]:
    """Of a file that begins with `head` (LONGEST_MARK bytes, or all): the codec, and how many bytes its mark has.
    Raises UncuttableEncodingError."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, len(mark)
    return _codec(declared), 0


@lru_cache(maxsize=64)
def _codec(declared: str) -> str:
    try:
        codec = codecs.lookup(declared)
        name = _UNMARKED.get(codec.name, codec.name)
        plain = '"\r\n,'.encode(name)
    except (LookupError, ValueError, TypeError):
        raise UncuttableEncodingError(f"the encoding {declared[:80]!r} is not known") from None
    ascii_compatible = plain == b'"\r\n,' or name.startswith(("utf-16-", "utf-32-"))
    if _SHIFTING.search(name) or not ascii_compatible:
        raise UncuttableEncodingError(f"text in {name} cannot be cut into rows: convert it to UTF-8")
    return name


class Units:
    """Turns the bytes of a file, from any beginning of a character on, into units of `width` bytes each.
    `delimiter` is what its delimiter is in them."""

    width = 1

    def __init__(self, delimiter: bytes) -> None:
        self.delimiter = delimiter

    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        """Of a character that was cut off by the end."""
        return b""


class DecodedUnits(Units):
    """For encodings in which a byte does not tell what it is."""

    def __init__(self, encoding: str, delimiter: str) -> None:
        super().__init__((delimiter if delimiter.isascii() else _SUBSTITUTE).encode())
        self.width = len("x".encode(encoding))
        self._decoder = codecs.getincrementaldecoder(encoding)(_ERRORS)
        self._table = _Table(encoding, delimiter, self.width)
        self._plain = self.width > 1 and delimiter.isascii()

    def feed(self, data: bytes) -> bytes:
        return self._units(self._decoder.decode(data))

    def finish(self) -> bytes:
        return self._units(self._decoder.decode(b"", final=True))

    def _units(self, text: str) -> bytes:
        if self._plain and text.isascii():
            return text.encode()
        return "".join(map(self._table.__getitem__, text)).encode()


class _Table(dict[str, str]):
    """What a character is in units, found out once."""

    def __init__(self, encoding: str, delimiter: str, width: int) -> None:
        super().__init__({one: one for one in '"\r\n'})
        self._encoding = encoding
        self._width = width
        self[delimiter] = self._delimiter(delimiter)

    def _delimiter(self, delimiter: str) -> str:
        length = self._length(delimiter)
        return delimiter if delimiter.isascii() else _OTHER * (length - 1) + _SUBSTITUTE

    def __missing__(self, character: str) -> str:
        self[character] = units = _OTHER * self._length(character)
        return units

    def _length(self, character: str) -> int:
        if "\udc80" <= character <= "\udcff":  # a byte that is no text
            return 1
        return len(character.encode(self._encoding, "surrogatepass")) // self._width


def units(encoding: str, delimiter: str) -> Units:
    """For the codec that `encoding_of` found. Raises UncuttableEncodingError for a delimiter that it has not."""
    try:
        encoded = delimiter.encode(encoding)
    except UnicodeError:
        raise UncuttableEncodingError(f"there is no {delimiter!r} in text in {encoding}") from None
    apart = encoded < b"0" or (encoded in _PLAIN and encoding != "johab")
    if len(encoded) == 1 and (encoding == "utf-8" or apart or _single(encoding)):
        return Units(encoded)
    return DecodedUnits(encoding, delimiter)


_PLAIN = frozenset({b":", b";", b"<", b"=", b">", b"?"})
"""Like what is below "0", these are part of no other character in any encoding that is taken, but for Johab."""


@lru_cache(maxsize=64)
def _single(encoding: str) -> bool:
    """Whether each byte is a character of its own (or none)."""
    decoder = codecs.getincrementaldecoder(encoding)
    for value in range(256):
        try:
            if len(decoder().decode(bytes((value,)))) != 1:
                return False
        except UnicodeError:
            continue
    return True


def _kept(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are no text: as many units as they are, and ends of lines among them stay what they are."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    width = 4 if error.encoding.startswith("utf-32") else 2 if error.encoding.startswith("utf-16") else 1
    if width > 1:
        return _OTHER * -(-len(bad) // width), error.end
    return "".join(chr(one) if one < 0x80 else chr(0xDC00 + one) for one in bad), error.end


codecs.register_error(_ERRORS, _kept)
