"""Reading JSON that somebody sent, wherever it stands: a body, a JSON string in a body, a config.json. Pure.

Refuses whatever could break a later reader of the stored text, or be read differently by another one: NUL and
half a surrogate pair, duplicate keys (the last one would silently win), NaN, Infinity and numbers too large for a
float, and unbounded nesting. An error names its place: `config[0].envs.A`.
"""

import json
import math
from collections.abc import Sequence
from typing import Any, NoReturn

from modelyard.domain.texts import NOT_TEXT, UNSTORABLE

MAX_DEPTH = 32
MAX_INTEGER_DIGITS = 308
"""Longer numbers may exceed the largest float, where readers disagree."""

Path = tuple[str | int, ...]


class Malformed(ValueError):
    """The text is not JSON that may be stored. `field`: the place in it, "" for the whole text."""

    def __init__(self, text: str, field: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.field = field

    @property
    def said(self) -> str:
        """The whole error as one line."""
        return f"{self.field} {self.text}" if self.field else f"it {self.text}"


class _Twice(dict[str, Any]):
    """An object in which `key` occurs more than once."""

    key = ""


def at(path: Path) -> str:
    """`("config", 0, "weight")` as callers write it: `config[0].weight`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def below(name: str, field: str) -> str:
    """The path of `field` inside the JSON text that is in `name`."""
    return f"{name}{field}" if field.startswith("[") else f"{name}.{field}" if field else name


def read(source: str | bytes, *, max_depth: int = MAX_DEPTH) -> object:
    """The value of the JSON text; raises Malformed."""
    try:
        text = source if isinstance(source, str) else source.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_no_constant, parse_int=_integer, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise Malformed(f"is not UTF-8 (byte {error.start})") from error
    except RecursionError as error:
        raise Malformed(f"is nested deeper than {max_depth} levels") from error
    except ValueError as error:
        raise Malformed(f"is not JSON: {error}") from error
    _check(value, max_depth)
    result: object = value
    return result


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else math.inf


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    twice = _Twice(value)
    seen: set[str] = set()
    twice.key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return twice


def _check(root: object, max_depth: int) -> None:
    left: list[tuple[object, Path]] = [(root, ())]
    while left:
        value, path = left.pop()
        if len(path) >= max_depth:
            raise Malformed(f"is nested deeper than {max_depth} levels")
        if isinstance(value, str):
            if UNSTORABLE.search(value):
                raise Malformed(NOT_TEXT, at(path))
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise Malformed("is a number that is too large", at(path))
        elif isinstance(value, dict):
            if any(UNSTORABLE.search(key) for key in value):
                raise Malformed(f"has a key that {NOT_TEXT}", at(path))
            if isinstance(value, _Twice):
                raise Malformed("is there twice", at((*path, value.key)))
            left += [(inner, (*path, key)) for key, inner in value.items()]
        elif isinstance(value, list):
            left += [(inner, (*path, i)) for i, inner in enumerate(value)]
