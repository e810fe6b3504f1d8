"""What projects are known by to registries of images."""

from collections.abc import Sequence
from typing import Protocol

from modelyard.domain.registries import RegistryLogin


class RegistryReads(Protocol):
    async def registry_logins(self, project_id: str) -> Sequence[RegistryLogin]:
        """By registry."""

    async def registry_login(self, project_id: str, registry: str) -> RegistryLogin | None: ...


class RegistryWrites(RegistryReads, Protocol):
    async def save_registry_login(self, login: RegistryLogin) -> None:
        """In place of the one that the project had there. The password is sealed."""

    async def delete_registry_login(self, project_id: str, registry: str) -> None: ...
