"""Text as it may be stored, and as people are shown it. Pure.

`shown` quotes a value that somebody sent in a message: as JSON (`null`, `true`), never as Python, and bounded
however long the value is.
"""

import json
import math
import re
from enum import Enum

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""What neither a database nor a process environment can hold."""

SURROGATE = re.compile("[\ud800-\udfff]")
NOT_TEXT = "contains the character NUL or half a surrogate pair"

REPLACEMENT = "\ufffd"
MAX_SHOWN = 80
MAX_MESSAGE = 1000


def storable(text: str) -> str:
    """The text, with whatever cannot be stored or sent as UTF-8 replaced."""
    return UNSTORABLE.sub(REPLACEMENT, text)


def sound(value: object) -> object:
    """The JSON value in a form that everybody can read: valid Unicode, and null in place of infinite numbers."""
    if isinstance(value, str):
        return SURROGATE.sub(REPLACEMENT, value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(sound(key)): sound(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [sound(inner) for inner in value]
    return value


def shown(value: object, most: int = MAX_SHOWN) -> str:
    """A value for a message: text in quotes, anything else as JSON; at most about `most` characters."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return f"'{shortened(printable(value[: most + 1]), most)}'"
    if isinstance(value, list | tuple | set | frozenset):
        value = [*list(value)[:most]]
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):
        text = "…"
    return shortened(printable(text), most)


def printable(text: str) -> str:
    """The text, with control characters escaped as in JSON and halves of surrogate pairs replaced."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def shortened(text: str, most: int) -> str:
    """The beginning of the text, with an ellipsis if there is more."""
    return text if len(text) <= most else text[: most - 1] + "…"


def message(text: str, most: int = MAX_MESSAGE) -> str:
    """A message, storable and bounded. The middle of a long one is left out, since its end tells the cause."""
    text = storable(text)
    return text if len(text) <= most else f"{text[: most * 2 // 3]}…{text[-(most // 4) :]}"
