"""Requests as values: what is sent, whoever sends it, and as often as it is sent."""

import json
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import httpx

from modelyard.client.files import FilePart

Params = Mapping[str, str | int]
Part = tuple[str | None, bytes | str] | tuple[str, bytes, str]
NOTHING: Mapping[str, str] = MappingProxyType({})
NO_PARAMS: Params = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One request. `timeout_s` None: that of the session. `authenticated`: with the session's token."""

    method: str
    url: str
    content: bytes | FilePart | None = None
    params: Params = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None
    authenticated: bool = True


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send. `content_type` "" is guessed from the name."""

    name: str
    content: bytes = field(repr=False)
    content_type: str = ""

    @classmethod
    def of(cls, path: Path) -> "Upload":
        """Raises OSError."""
        return cls(path.name, path.read_bytes())

    @property
    def type(self) -> str:
        """
        >>> Upload("cat.jpg", b"").type, Upload("x", b"").type
        ('image/jpeg', 'application/octet-stream')
        """
        return self.content_type or mimetypes.guess_type(self.name)[0] or "application/octet-stream"


Files = Mapping[str, Upload | Sequence[Upload]]
"""Fields of a form that are files; several under one name go one after the other."""


def with_json(
    method: str, url: str, body: object = None, *, params: Params = NO_PARAMS, headers: Mapping[str, str] = NOTHING
) -> Outgoing:
    """A request with a JSON body, or without one for None."""
    if body is None:
        return Outgoing(method=method, url=url, params=params, headers=headers)
    content, own = _encoded(method, url, json=body)
    return Outgoing(method=method, url=url, content=content, params=params, headers={**own, **headers})


def question(
    url: str,
    body: object,
    files: Files | None = None,
    headers: Mapping[str, str] = NOTHING,
    timeout_s: float | None = None,
) -> Outgoing:
    """What to ask a model. With `files` a form (`multipart/form-data`) whose other fields are `body`, a mapping;
    otherwise an Upload as it is, bytes as JSON that is written already, anything else as JSON (None: null).

    A field of a form is a text, a number or a truth value, or a list of them: the field is then sent again for
    each. Raises TypeError for anything else, ValueError for a form without a field.
    """
    if files is not None:
        if body is not None and not isinstance(body, Mapping):
            raise TypeError(f"the fields of a form are a mapping, not {type(body).__name__}")
        parts = [*_files(files), *_fields(body or {})]
        if not parts:
            raise ValueError("a form needs a field or a file")
        content, own = _encoded("POST", url, files=parts)
    elif isinstance(body, Upload):
        content, own = body.content, {"Content-Type": body.type}
    elif isinstance(body, bytes):
        content, own = body, {"Content-Type": "application/json"}
    elif body is None:
        content, own = json.dumps(body).encode(), {"Content-Type": "application/json"}
    else:
        content, own = _encoded("POST", url, json=body)
    said = {name.lower() for name in headers}
    kept = {name: value for name, value in own.items() if name.lower() not in said}
    return Outgoing(method="POST", url=url, content=content, headers={**kept, **headers}, timeout_s=timeout_s)


def _files(files: Files) -> Iterator[tuple[str, Part]]:
    for name, value in files.items():
        for one in (value,) if isinstance(value, Upload) else value:
            yield name, (one.name, one.content, one.type)


def _fields(body: Mapping[object, object]) -> Iterator[tuple[str, Part]]:
    for name, value in body.items():
        for one in value if isinstance(value, list | tuple) else (value,):
            yield str(name), (None, _text(str(name), one))


def _text(name: str, value: object) -> str:
    """
    >>> _text("size", 64), _text("large", True), _text("word", "a")
    ('64', 'true', 'a')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError(f"the field {name!r} of a form cannot be {type(value).__name__}")


def _encoded(method: str, url: str, **body: object) -> tuple[bytes, dict[str, str]]:
    request = httpx.Request(method, url, **body)  # type: ignore[arg-type]
    return request.read(), {"Content-Type": request.headers["Content-Type"]}
