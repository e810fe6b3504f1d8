"""What registries of images are told about who pulls: read from a file as `docker login` writes it.

    {"auths": {"registry.example.com": {"auth": "<base64 of USER:PASSWORD>"}}}

The file is the administrator's (0600), read anew before each pull, so that a new password needs no restart. What
it says goes to the engine over its own socket, and nowhere else.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from modelyard import files

HUB = "docker.io"
MOST_BYTES = 1024 * 1024


class Credentials(Protocol):
    def header(self, registry: str) -> str:
        """`X-Registry-Auth` for it; "": none is known."""


class NoCredentials:
    """Every registry is asked as anybody."""

    def header(self, registry: str) -> str:
        return ""


class CredentialsFile:
    """A file as Docker has it. One that cannot be read has none, and says so."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def header(self, registry: str) -> str:
        entry = self._entries().get(registry)
        if entry is None:
            return ""
        user, _, password = _decoded(entry.get("auth")).partition(":")
        return header(
            user or str(entry.get("username") or ""),
            password or str(entry.get("password") or ""),
            registry,
            token=str(entry.get("identitytoken") or ""),
        )

    def secrets(self) -> frozenset[str]:
        """What no log may tell."""
        passwords = (_decoded(entry.get("auth")).partition(":")[2] for entry in self._entries().values())
        return frozenset(passwords) - {""}

    def _entries(self) -> Mapping[str, Mapping[str, object]]:
        try:
            said = files.read_object(self._path, MOST_BYTES)
        except (OSError, ValueError):
            return {}
        entries = said.get("auths")
        if not isinstance(entries, dict):
            return {}
        return {_plain(name): entry for name, entry in entries.items() if isinstance(entry, dict)}


def header(user: str, password: str, registry: str, *, token: str = "") -> str:
    """As the engine takes it."""
    told = {"username": user, "password": password, "identitytoken": token, "serveraddress": registry}
    return base64.urlsafe_b64encode(json.dumps({k: v for k, v in told.items() if v}).encode()).decode()


def registry_of(reference: str) -> str:
    """`registry.example.com:5000/a/b:1` → `registry.example.com:5000`; `a/b` → `docker.io`."""
    first, slash, _ = reference.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else HUB


def _plain(name: str) -> str:
    """The host in the name of an entry, which may be a URL."""
    host = name.partition("://")[2] or name
    host = host.partition("/")[0]
    return HUB if host in {"index.docker.io", "registry-1.docker.io"} else host


def _decoded(auth: object) -> str:
    try:
        return base64.b64decode(str(auth or ""), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
