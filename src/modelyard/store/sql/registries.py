"""What projects are known by to registries of images: statements. Passwords are sealed under whose and where."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, select

from modelyard.domain.registries import RegistryLogin
from modelyard.store.sql.registry_tables import registry_logins
from modelyard.store.sql.session import Session


def _owner(project_id: str, registry: str) -> str:
    return f"login of {project_id} at {registry}"


class RegistryReading(Session):
    async def registry_logins(self, project_id: str) -> Sequence[RegistryLogin]:
        c = registry_logins.c
        rows = await self._rows(select(registry_logins).where(c.project_id == project_id).order_by(c.registry))
        return [self._login(row) for row in rows]

    async def registry_login(self, project_id: str, registry: str) -> RegistryLogin | None:
        c = registry_logins.c
        row = await self._row(select(registry_logins).where(c.project_id == project_id, c.registry == registry))
        return None if row is None else self._login(row)

    def _login(self, row: Row[Any]) -> RegistryLogin:
        password = self._box.open(_owner(row.project_id, row.registry), row.sealed_password)
        return RegistryLogin(row.project_id, row.registry, row.user_name, password, row.changed_ms)


class RegistryWriting(RegistryReading):
    async def save_registry_login(self, login: RegistryLogin) -> None:
        row = {
            "project_id": login.project_id,
            "registry": login.registry,
            "user_name": login.user,
            "sealed_password": self._box.seal(_owner(login.project_id, login.registry), login.password),
            "changed_ms": login.changed_ms,
        }
        await self._upsert(registry_logins, [row])

    async def delete_registry_login(self, project_id: str, registry: str) -> None:
        c = registry_logins.c
        await self._run(delete(registry_logins).where(c.project_id == project_id, c.registry == registry))
