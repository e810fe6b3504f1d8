"""Requests as values: what is sent, whoever sends it, and as often as it is sent."""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import httpx

Params = Mapping[str, str | int]
NOTHING: Mapping[str, str] = MappingProxyType({})
NO_PARAMS: Params = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One request. `timeout_s` None: that of the session. `authenticated`: with the session's token."""

    method: str
    url: str
    content: bytes | None = None
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
    files: Mapping[str, Upload] | None = None,
    headers: Mapping[str, str] = NOTHING,
    timeout_s: float | None = None,
) -> Outgoing:
    """What to ask a model. With `files` a form (`multipart/form-data`) whose other fields are `body`, a mapping;
    otherwise an Upload as it is, bytes as JSON that is written already, anything else as JSON."""
    if files is not None:
        fields = {str(k): str(v) for k, v in body.items()} if isinstance(body, Mapping) else {}
        parts = [(name, (one.name, one.content, one.type)) for name, one in files.items()]
        content, own = _encoded("POST", url, files=[*parts, *((k, (None, v)) for k, v in fields.items())])
    elif isinstance(body, Upload):
        content, own = body.content, {"Content-Type": body.type}
    elif isinstance(body, bytes):
        content, own = body, {"Content-Type": "application/json"}
    else:
        content, own = _encoded("POST", url, json=body)
    said = {name.lower() for name in headers}
    kept = {name: value for name, value in own.items() if name.lower() not in said}
    return Outgoing(method="POST", url=url, content=content, headers={**kept, **headers}, timeout_s=timeout_s)


def _encoded(method: str, url: str, **body: object) -> tuple[bytes, dict[str, str]]:
    request = httpx.Request(method, url, **body)  # type: ignore[arg-type]
    return request.read(), {"Content-Type": request.headers["Content-Type"]}
