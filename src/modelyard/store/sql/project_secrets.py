"""Secrets of projects: statements. Values are sealed under whose they are, and which."""

from collections.abc import Sequence

from sqlalchemy import delete, select

from modelyard.domain.secrets import Secret, SecretValue
from modelyard.store.sql.secret_tables import project_secrets
from modelyard.store.sql.session import Session


def _owner(project_id: str, name: str, version: int) -> str:
    return f"secret {name} of {project_id}, version {version}"


class SecretReading(Session):
    async def secrets(self, project_id: str) -> Sequence[Secret]:
        c = project_secrets.c
        rows = await self._rows(select(project_secrets).where(c.project_id == project_id).order_by(c.name))
        return [
            Secret(
                row.project_id,
                row.name,
                row.version,
                SecretValue(self._box.open(_owner(row.project_id, row.name, row.version), row.sealed_value)),
                row.changed_ms,
            )
            for row in rows
        ]


class SecretWriting(SecretReading):
    async def save_secret(self, secret: Secret) -> None:
        owner = _owner(secret.project_id, secret.name, secret.version)
        row = {
            "project_id": secret.project_id,
            "name": secret.name,
            "version": secret.version,
            "sealed_value": self._box.seal(owner, secret.value.reveal()),
            "changed_ms": secret.changed_ms,
        }
        await self._upsert(project_secrets, [row])

    async def delete_secret(self, project_id: str, name: str) -> None:
        c = project_secrets.c
        await self._run(delete(project_secrets).where(c.project_id == project_id, c.name == name))
