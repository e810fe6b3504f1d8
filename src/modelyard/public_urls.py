"""Where callers reach an installation."""

import os
import socket
from dataclasses import dataclass

from modelyard.settings import Settings


@dataclass(frozen=True, slots=True)
class Urls:
    """Where callers reach us, without a slash at the end."""

    api: str
    gateway: str

    @property
    def auth(self) -> str:
        return f"{self.api}/v3"


def public(settings: Settings, near: Urls) -> Urls:
    """What callers are told: where a proxy is, if one was named. Commands on this machine go on without it."""
    api = settings.public_url.rstrip("/")
    return Urls(api or near.api, settings.public_gateway_url.rstrip("/") or api or near.gateway)


def url(host: str, port: int) -> str:
    """Where a client on this machine, or one that knows its name, reaches us."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = os.environ.get("MODELYARD_PUBLIC_HOST") or socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
