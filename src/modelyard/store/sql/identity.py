"""Projects, users, roles, access keys: statements."""

from collections.abc import Sequence

from sqlalchemy import and_, case, delete, select

from modelyard.domain.identity import SYSTEM, AccessKey, Grant, Project, Revocations, Role, Standing, User
from modelyard.store.sql import convert
from modelyard.store.sql.session import Session
from modelyard.store.sql.tables import access_keys, grants, projects, revocations, users

_TOKEN = "token:"  # noqa: S105 - how the revocation of one token is stored beside those of users, who have no colon


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

    async def access_key(self, access_key: str) -> AccessKey | None:
        row = await self._row(select(access_keys).where(access_keys.c.access_key == access_key))
        if row is None:
            return None
        secret = self._box.open(access_key, row.sealed_secret)
        return AccessKey(access_key, row.user_id, row.project_id, secret)

    async def access_keys(self, user_id: str) -> Sequence[AccessKey]:
        a = access_keys.c
        rows = await self._rows(
            select(a.access_key, a.project_id).where(a.user_id == user_id).order_by(a.access_key)
        )
        return [AccessKey(row.access_key, user_id, row.project_id) for row in rows]

    async def grants(self, *, user_id: str | None = None, project_id: str | None = None) -> Sequence[Grant]:
        g = grants.c
        statement = select(grants).order_by(g.project_id, g.user_id, g.role)
        if user_id is not None:
            statement = statement.where(g.user_id == user_id)
        if project_id is not None:
            statement = statement.where(g.project_id == project_id)
        return [Grant(row.user_id, row.project_id, convert.role(row)) for row in await self._rows(statement)]

    async def standing(self, user_id: str, project_id: str | None, token_id: str | None) -> Standing | None:
        u, g, r = users.c, grants.c, revocations.c
        revoked = select(r.before_ms).where(r.user_id == user_id).scalar_subquery()
        token = select(r.before_ms).where(r.user_id == _token(user_id, token_id or "")).scalar_subquery()
        project = [column.label(f"in_{column.name}") for column in projects.c]
        there = users.outerjoin(projects, projects.c.id == project_id).outerjoin(
            grants, and_(g.user_id == u.id, g.project_id.in_((project_id or SYSTEM, SYSTEM)))
        )
        columns = (*u, *project, g.project_id, g.role, revoked.label("revoked"), token.label("token_revoked"))
        rows = await self._rows(select(*columns).select_from(there).where(u.id == user_id))
        if not rows:
            return None
        one = rows[0]
        inside = Project(one.in_id, one.in_name, one.in_domain_id, one.in_domain_name, one.in_enabled)
        return Standing(
            user=convert.user(one),
            project=None if one.in_id is None else inside,
            roles=frozenset(convert.role(row) for row in rows if row.project_id == project_id is not None),
            system_roles=frozenset(convert.role(row) for row in rows if row.project_id == SYSTEM),
            revoked_before_ms=one.revoked,
            token_revoked=one.token_revoked is not None,
        )

    async def revocations(self) -> Revocations:
        of_users: dict[str, int] = {}
        of_tokens: dict[tuple[str, str], int] = {}
        for row in await self._rows(select(revocations)):
            subject, time_ms = row.user_id, row.before_ms
            if subject.startswith(_TOKEN):
                user_id, _, token_id = subject.removeprefix(_TOKEN).rpartition(":")
                of_tokens[user_id, token_id] = time_ms
            else:
                of_users[subject] = time_ms
        return Revocations(of_users, of_tokens)


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

    async def revoke_tokens(self, user_id: str, before_ms: int) -> None:
        await self._revoke(user_id, before_ms)

    async def revoke_token(self, user_id: str, token_id: str, until_ms: int) -> None:
        await self._revoke(_token(user_id, token_id), until_ms)

    async def _revoke(self, subject: str, time_ms: int) -> None:
        r = revocations.c
        insertion = self._dialect.insert(revocations).values(user_id=subject, before_ms=time_ms)
        later = case((insertion.excluded.before_ms > r.before_ms, insertion.excluded.before_ms), else_=r.before_ms)
        await self._run(insertion.on_conflict_do_update(index_elements=[r.user_id], set_={"before_ms": later}))


def _token(user_id: str, token_id: str) -> str:
    return f"{_TOKEN}{user_id}:{token_id}"
