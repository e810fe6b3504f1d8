"""What stands behind the first semicolon of a header: `form-data; name="a"; filename*=UTF-8''b.txt`.

    name=text, name="text; with = signs"    under `name`; within quotes only `\\"` and `\\\\` are escapes, so that
                                            the backslashes of a path stay
    name*=UTF-8''t%C3%A9xt                  under `name*`, decoded (RFC 8187)
    name*0="te"; name*1*=xt                 under `name*`, put together (RFC 2231)

Names come in lower case. A text within quotes is never taken for another parameter. RFC 9110, 5.6.6.
"""

import re
from typing import TypeVar
from urllib.parse import unquote_to_bytes

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_ONE = re.compile(
    r"""[ \t]*+([^=;" \t]*+)[ \t]*+          # a name, or nothing between two semicolons
        (?:=[ \t]*+("(?:[^"\\]|\\.)*+"|[^;"]*+))?+
        [ \t]*+(?:;|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_EXTENDED = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")
_QUOTED = re.compile(r'\\(["\\])')


def parameters(header: str) -> tuple[str, dict[str, str]]:
    """The value in lower case, and its parameters. Raises ValueError, whose text follows the header's name."""
    value, _, rest = header.partition(";")
    values: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bool, str]]] = {}
    at = 0
    while at < len(rest):
        one = _ONE.match(rest, at)
        if one is None:
            raise ValueError(f"has a parameter that cannot be read: {rest[at : at + 80].strip()!r}")
        at = one.end()
        name, text = one[1].lower(), one[2]
        if not name or text is None:
            continue
        text = _QUOTED.sub(r"\1", text[1:-1]) if text.startswith('"') else text.rstrip(" \t")
        extended = _EXTENDED.fullmatch(name)
        if extended is None or (extended[2] is None and extended[3] is None):
            _keep(values, name, text)
        else:
            _keep(pieces.setdefault(extended[1], {}), int(extended[2] or 0), (extended[3] is not None, text))
    return value.strip().lower(), values | {f"{name}*": _joined(name, parts) for name, parts in pieces.items()}


def _keep(values: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    if values.setdefault(key, value) != value:
        raise ValueError("says two different things under one name")


def _joined(name: str, pieces: dict[int, tuple[bool, str]]) -> str:
    charset = "utf-8"
    content = b""
    for n in range(len(pieces)):
        if n not in pieces:
            raise ValueError(f"lacks the piece {name}*{n}")
        encoded, text = pieces[n]
        if encoded and n == 0:
            said, quote, text = text.partition("'")
            _, second, text = text.partition("'")
            if not said or not quote or not second:
                raise ValueError(f"has a {name}* without a charset")
            charset = said
        try:
            content += unquote_to_bytes(text) if encoded else text.encode(charset)
        except (LookupError, UnicodeError):
            raise ValueError(f"has a {name}* that is not in its charset") from None
    try:
        return content.decode(charset)
    except (LookupError, UnicodeError):
        raise ValueError(f"has a {name}* that is not in its charset") from None
