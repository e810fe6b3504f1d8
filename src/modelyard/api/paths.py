"""Paths, from the request line to the parameters of a route. Pure.

A segment of a path is decoded by itself, so that `%2F` in an id is a part of the id. While the routes are looked
up, such a slash is `SLASH`, which no decoded path can hold, and the parameters of the path have the slash again.
So it is with the end of a line (`LINE`), which no pattern of a route knows.
"""

from urllib.parse import unquote

from fastapi import Request
from starlette.types import Scope

SLASH, LINE = "\udc2f", "\udc0a"


def decode_parameters(request: Request) -> None:
    """A dependency of every route, before all others: the parameters of the path are what the segments say."""
    given = request.scope["path_params"]
    for name, value in given.items():
        given[name] = value.replace(SLASH, "/").replace(LINE, "\n") if isinstance(value, str) else value


def routed_path(raw: bytes) -> str:
    """The path of a request line, decoded segment by segment."""
    segments = raw.partition(b"?")[0].decode("latin-1").split("/")
    return "/".join(unquote(segment).replace("/", SLASH).replace("\n", LINE) for segment in segments)


def path_of(scope: Scope) -> str:
    """The path as people read it."""
    return str(scope["path"]).replace(SLASH, "%2F").replace(LINE, "%0A")
