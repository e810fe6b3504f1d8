"""What a model declares of its apis in config.json: where it is asked, and what a request of it looks like. Pure.

The model server answers `POST /` whatever is declared, so that api is always there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from modelyard.core import json_text

BINARY = ("image/", "audio/", "video/", "application/octet-stream", "application/pdf")
"""Content types whose body is one file as it is."""


@dataclass(frozen=True, slots=True)
class Api:
    """`schema`: the JSON schema of its request, {} when none is declared."""

    url: str = "/"
    method: str = "POST"
    content_type: str = ""
    schema: Mapping[str, object] = field(default_factory=dict)

    @property
    def takes_body(self) -> bool:
        return self.method not in {"GET", "DELETE"}

    @property
    def takes_bytes(self) -> bool:
        return self.content_type.lower().startswith(BINARY)

    @property
    def parameters(self) -> Mapping[str, object]:
        """What is in the request, by name."""
        properties = self.schema.get("properties")
        return properties if isinstance(properties, Mapping) else {}


def declared(config: Mapping[str, object]) -> tuple[Api, ...]:
    """In their order, the implied one last."""
    found = tuple(_apis(config.get("apis")))
    return found if any(one.url == "/" and one.takes_body for one in found) else (*found, Api())


def at(config: Mapping[str, object], url: str) -> Api | None:
    """The api that is asked there; of several methods the first that takes a body."""
    there = [one for one in declared(config) if one.url == url]
    return next((one for one in there if one.takes_body), there[0] if there else None)


def _apis(value: object) -> Iterator[Api]:
    for one in value if isinstance(value, list) else ():
        if not isinstance(one, Mapping):
            continue
        url, method, request = one.get("url"), one.get("method"), one.get("request")
        said = request if isinstance(request, Mapping) else {}
        kind = next((value for key, value in said.items() if str(key).lower() == "content-type"), "")
        yield Api(
            url if isinstance(url, str) and url else "/",
            method.upper() if isinstance(method, str) and method else "POST",
            kind if isinstance(kind, str) else "",
            _schema(said.get("data")),
        )


def _schema(value: object) -> Mapping[str, object]:
    """The page types it as a string, and shows an object."""
    if isinstance(value, str):
        try:
            value = json_text.read(value, max_depth=100)
        except json_text.Malformed:
            return {}
    return value if isinstance(value, Mapping) else {}
