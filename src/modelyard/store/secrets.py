"""Secrets of projects."""

from collections.abc import Sequence
from typing import Protocol

from modelyard.domain.secrets import Secret


class SecretReads(Protocol):
    async def secrets(self, project_id: str) -> Sequence[Secret]:
        """By name."""


class SecretWrites(SecretReads, Protocol):
    async def save_secret(self, secret: Secret) -> None:
        """In place of the one of this name. The value is sealed."""

    async def delete_secret(self, project_id: str, name: str) -> None: ...
