"""Applications, their codes and which services they may invoke: statements."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select

from modelyard.domain.apps import App, AppCode
from modelyard.store.sql.session import Session
from modelyard.store.sql.tables import app_bindings, app_codes, apps


def _app(row: Row[Any]) -> App:
    return App(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        owner=row.owner,
        created_ms=row.created_ms,
        description=row.description,
    )


class AppReading(Session):
    async def apps(self, project_id: str) -> Sequence[App]:
        statement = select(apps).where(apps.c.project_id == project_id).order_by(apps.c.name)
        return [_app(row) for row in await self._rows(statement)]

    async def app(self, project_id: str | None, app_id: str) -> App | None:
        statement = select(apps).where(apps.c.id == app_id)
        if project_id is not None:
            statement = statement.where(apps.c.project_id == project_id)
        row = await self._row(statement)
        return None if row is None else _app(row)

    async def app_codes(self, app_id: str) -> Sequence[AppCode]:
        c = app_codes.c
        rows = await self._rows(select(app_codes).where(c.app_id == app_id).order_by(c.created_ms, c.digest))
        return [self._code(row) for row in rows]

    async def bound_apps(self, service_id: str) -> Sequence[App]:
        b = app_bindings.c
        statement = select(apps).join(app_bindings, b.app_id == apps.c.id)
        rows = await self._rows(statement.where(b.service_id == service_id).order_by(apps.c.name))
        return [_app(row) for row in rows]

    async def bound_services(self, app_id: str) -> Sequence[str]:
        b = app_bindings.c
        rows = await self._rows(select(b.service_id).where(b.app_id == app_id).order_by(b.service_id))
        return [row.service_id for row in rows]

    async def codes_of_services(self) -> Mapping[str, Sequence[AppCode]]:
        b, c = app_bindings.c, app_codes.c
        statement = select(b.service_id.label("bound_to"), app_codes).join(app_bindings, b.app_id == c.app_id)
        codes: defaultdict[str, list[AppCode]] = defaultdict(list)
        for row in await self._rows(statement.order_by(b.service_id, c.digest)):
            codes[row.bound_to].append(self._code(row))
        return dict(codes)

    def _code(self, row: Row[Any]) -> AppCode:
        return AppCode(
            digest=row.digest,
            app_id=row.app_id,
            created_ms=row.created_ms,
            code=self._box.open(row.digest, row.sealed_code),
        )


class AppWriting(AppReading):
    async def add_app(self, app: App) -> None:
        row = {
            "id": app.id,
            "project_id": app.project_id,
            "name": app.name,
            "owner": app.owner,
            "created_ms": app.created_ms,
            "description": app.description,
        }
        await self._add(insert(apps).values(row), "app", app.name)

    async def delete_app(self, app_id: str) -> None:
        await self._run(delete(apps).where(apps.c.id == app_id))

    async def add_app_code(self, code: AppCode) -> None:
        row = {
            "digest": code.digest,
            "app_id": code.app_id,
            "created_ms": code.created_ms,
            "sealed_code": self._box.seal(code.digest, code.code),
        }
        await self._add(insert(app_codes).values(row), "app code", f"of app {code.app_id}")

    async def delete_app_code(self, app_id: str, digest: str) -> bool:
        c = app_codes.c
        return await self._run(delete(app_codes).where(c.app_id == app_id, c.digest == digest)) > 0

    async def bind_app(self, app_id: str, service_id: str) -> None:
        await self._upsert(app_bindings, [{"app_id": app_id, "service_id": service_id}])

    async def unbind_app(self, app_id: str, service_id: str) -> None:
        b = app_bindings.c
        await self._run(delete(app_bindings).where(b.app_id == app_id, b.service_id == service_id))
