"""Projects, users, roles, access keys: statements."""

from collections.abc import Mapping, Sequence

from sqlalchemy import case, delete, select

from modelyard.domain.identity import Project, Role, User
from modelyard.store.base import Grant
from modelyard.store.sql import convert
from modelyard.store.sql.session import Session
from modelyard.store.sql.tables import access_keys, grants, projects, revocations, users


class IdentityReading(Session):
    async def project(self, key: str) -> Project | None:
        p = projects.c
        row = await self._row(
            select(projects)
            .where((p.id == key) | (p.name == key))
            .order_by(case((p.id == key, 0), else_=1), p.id)
            .limit(1)
        )
        return None if row is None else convert.project(row)

    async def projects(self, *, name: str | None = None, user_id: str | None = None) -> Sequence[Project]:
        statement = select(projects).order_by(projects.c.name, projects.c.id)
        if name is not None:
            statement = statement.where(projects.c.name == name)
        if user_id is not None:
            granted = select(grants.c.project_id).where(grants.c.user_id == user_id)
            statement = statement.where(projects.c.id.in_(granted))
        return [convert.project(row) for row in await self._rows(statement)]

    async def user(self, key: str) -> User | None:
        u = users.c
        row = await self._row(
            select(users)
            .where((u.id == key) | (u.name == key))
            .order_by(case((u.id == key, 0), else_=1), u.id)
            .limit(1)
        )
        return None if row is None else convert.user(row)

    async def users(self, *, name: str | None = None) -> Sequence[User]:
        statement = select(users).order_by(users.c.name, users.c.id)
        if name is not None:
            statement = statement.where(users.c.name == name)
        return [convert.user(row) for row in await self._rows(statement)]

    async def roles(self, user_id: str, project_id: str) -> frozenset[Role]:
        g = grants.c
        rows = await self._rows(select(g.role).where(g.user_id == user_id, g.project_id == project_id))
        return frozenset(convert.role(row) for row in rows)

    async def access_key(self, access_key: str) -> tuple[str, str, str] | None:
        row = await self._row(select(access_keys).where(access_keys.c.access_key == access_key))
        if row is None:
            return None
        return row.user_id, row.project_id, self._box.open(access_key, row.sealed_secret)

    async def access_keys(self, user_id: str) -> Sequence[tuple[str, str]]:
        a = access_keys.c
        rows = await self._rows(
            select(a.access_key, a.project_id).where(a.user_id == user_id).order_by(a.access_key)
        )
        return [(row.access_key, row.project_id) for row in rows]

    async def grants(self, *, user_id: str | None = None, project_id: str | None = None) -> Sequence[Grant]:
        g = grants.c
        statement = select(grants).order_by(g.project_id, g.user_id, g.role)
        if user_id is not None:
            statement = statement.where(g.user_id == user_id)
        if project_id is not None:
            statement = statement.where(g.project_id == project_id)
        return [Grant(row.user_id, row.project_id, convert.role(row)) for row in await self._rows(statement)]

    async def revocations(self) -> Mapping[str, int]:
        return {row.user_id: row.before_ms for row in await self._rows(select(revocations))}


class IdentityWriting(IdentityReading):
    async def save_project(self, project: Project) -> None:
        await self._save(projects, convert.project_row(project), "project", project.name)

    async def save_user(self, user: User) -> None:
        await self._save(users, convert.user_row(user), "user", user.name)

    async def delete_user(self, user_id: str) -> None:
        await self._run(delete(users).where(users.c.id == user_id))

    async def grant(self, user_id: str, project_id: str, role: Role) -> None:
        await self._upsert(grants, [{"user_id": user_id, "project_id": project_id, "role": role.value}])

    async def revoke(self, user_id: str, project_id: str, role: Role) -> None:
        g = grants.c
        await self._run(
            delete(grants).where(g.user_id == user_id, g.project_id == project_id, g.role == role.value)
        )

    async def save_access_key(self, access_key: str, user_id: str, project_id: str, secret_key: str) -> None:
        sealed = self._box.seal(access_key, secret_key)
        row = {
            "access_key": access_key,
            "user_id": user_id,
            "project_id": project_id,
            "sealed_secret": sealed,
        }
        await self._upsert(access_keys, [row])

    async def delete_access_key(self, access_key: str) -> None:
        await self._run(delete(access_keys).where(access_keys.c.access_key == access_key))

    async def save_revocation(self, user_id: str, before_ms: int) -> None:
        r = revocations.c
        insertion = self._dialect.insert(revocations).values(user_id=user_id, before_ms=before_ms)
        later = case((insertion.excluded.before_ms > r.before_ms, insertion.excluded.before_ms), else_=r.before_ms)
        await self._run(insertion.on_conflict_do_update(index_elements=[r.user_id], set_={"before_ms": later}))
