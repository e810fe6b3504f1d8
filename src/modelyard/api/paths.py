"""Paths, from the request line to the parameters of a route. Pure.

A segment of a path is decoded by itself, so that `%2F` in an id is a part of the id. While the routes are looked
up, such a slash is `SLASH`, which no decoded path can hold, and the parameters of the path have the slash again.
"""

from collections.abc import Iterable
from urllib.parse import unquote

from starlette.convertors import StringConvertor
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

SLASH = "\udc2f"


class _Segment(StringConvertor):
    def convert(self, value: str) -> str:
        return value.replace(SLASH, "/")


def decode_segments(routes: Iterable[BaseRoute]) -> None:
    """Have the path parameters of the routes be what the segments say."""
    for route in routes:
        if isinstance(route, Route):
            route.param_convertors = {
                name: _Segment() if isinstance(known, StringConvertor) else known
                for name, known in route.param_convertors.items()
            }


def routed_path(raw: bytes) -> str:
    """The path of a request line, decoded segment by segment."""
    segments = raw.partition(b"?")[0].decode("latin-1").split("/")
    return "/".join(unquote(segment).replace("/", SLASH) for segment in segments)


def path_of(scope: Scope) -> str:
    """The path as people read it."""
    return str(scope["path"]).replace(SLASH, "%2F")
