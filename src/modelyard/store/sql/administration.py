"""What the administrator sets, and answers kept for repeated requests: statements."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, case, delete, or_, select

from modelyard.domain.answers import StoredAnswer
from modelyard.domain.capacity import FlavorEntry, PoolEntry
from modelyard.domain.endpoints import Endpoint
from modelyard.store.sql.convert import from_json, to_json
from modelyard.store.sql.secrets import SecretBox
from modelyard.store.sql.session import Session
from modelyard.store.sql.tables import (
    bucket_endpoints,
    buckets,
    flavor_projects,
    flavors,
    idempotency,
    pools,
    quotas,
)


def _pool(row: Row[Any]) -> PoolEntry:
    return PoolEntry(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        status=row.status,
        created_ms=row.created_ms,
        attributes=row.attributes,
    )


def _endpoint(row: Row[Any], box: SecretBox) -> Endpoint:
    keys: Any = from_json(box.open(_keys_of(row.name, row.url), row.sealed_keys))
    access_key, secret_key = keys
    return Endpoint(row.url, access_key, secret_key, row.region)


def _keys_of(bucket: str, url: str) -> str:
    """Whose keys these are: whoever writes another address into the row does not get them sent there."""
    return f"keys of bucket {bucket} at {url}"


class AdministrationReading(Session):
    async def quotas(self, project_id: str) -> Mapping[str, int]:
        rows = await self._rows(select(quotas).where(quotas.c.project_id == project_id))
        return {row.name: row.value for row in rows}

    async def flavors(self) -> Sequence[FlavorEntry]:
        f, o = flavors.c, flavor_projects.c
        there = flavors.outerjoin(flavor_projects, o.flavor_id == f.id)
        rows = await self._rows(select(flavors, o.project_id).select_from(there).order_by(f.id))
        allowed: defaultdict[str, set[str]] = defaultdict(set)
        for row in rows:
            if row.project_id is not None:
                allowed[row.id].add(row.project_id)
        return [
            FlavorEntry(row.id, row.open, row.attributes, frozenset(allowed[row.id]))
            for row in {row.id: row for row in rows}.values()
        ]

    async def pools(self, project_id: str | None) -> Sequence[PoolEntry]:
        p = pools.c
        statement = select(pools).order_by(p.created_ms, p.id)
        if project_id is not None:
            statement = statement.where(p.project_id == project_id)
        return [_pool(row) for row in await self._rows(statement)]

    async def pool(self, project_id: str | None, key: str) -> PoolEntry | None:
        p = pools.c
        statement = select(pools).where(or_(p.id == key, p.name == key))
        if project_id is not None:
            statement = statement.where(p.project_id == project_id)
        row = await self._row(statement.order_by(case((p.id == key, 0), else_=1), p.id).limit(1))
        return None if row is None else _pool(row)

    async def buckets(self, project_id: str | None = None) -> Mapping[str, str]:
        statement = select(buckets).order_by(buckets.c.name)
        if project_id is not None:
            statement = statement.where(buckets.c.project_id == project_id)
        return {row.name: row.project_id for row in await self._rows(statement)}

    async def endpoints(self) -> Mapping[str, Endpoint]:
        rows = await self._rows(select(bucket_endpoints))
        return {row.name: _endpoint(row, self._box) for row in rows}

    async def answer(self, project_id: str, key: str, now_ms: int) -> StoredAnswer | None:
        i = idempotency.c
        row = await self._row(
            select(idempotency).where(i.project_id == project_id, i.key == key, i.expires_ms > now_ms)
        )
        return None if row is None else StoredAnswer(row.digest, row.status, row.answer, row.expires_ms)


class AdministrationWriting(AdministrationReading):
    async def save_quota(self, project_id: str, name: str, value: int) -> None:
        await self._upsert(quotas, [{"project_id": project_id, "name": name, "value": value}])

    async def save_flavor(self, flavor: FlavorEntry) -> None:
        row = {"id": flavor.name, "open": flavor.open, "attributes": dict(flavor.attributes)}
        await self._upsert(flavors, [row])
        o = flavor_projects.c
        await self._run(delete(flavor_projects).where(o.flavor_id == flavor.name))
        allowed = sorted(flavor.projects)
        await self._upsert(flavor_projects, [{"flavor_id": flavor.name, "project_id": p} for p in allowed])

    async def delete_flavor(self, name: str) -> None:
        await self._run(delete(flavors).where(flavors.c.id == name))

    async def save_pool(self, pool: PoolEntry) -> None:
        row = {
            "id": pool.id,
            "project_id": pool.project_id,
            "name": pool.name,
            "status": pool.status,
            "created_ms": pool.created_ms,
            "attributes": dict(pool.attributes),
        }
        await self._save(pools, row, "pool", pool.name)

    async def delete_pool(self, pool_id: str) -> None:
        await self._run(delete(pools).where(pools.c.id == pool_id))

    async def claim_bucket(self, name: str, project_id: str) -> str:
        insertion = self._dialect.insert(buckets).values(name=name, project_id=project_id)
        await self._run(insertion.on_conflict_do_nothing(index_elements=[buckets.c.name]))
        return str(await self._value(select(buckets.c.project_id).where(buckets.c.name == name)))

    async def release_bucket(self, name: str, project_id: str) -> None:
        b = buckets.c
        await self._run(delete(buckets).where(b.name == name, b.project_id == project_id))
        claimed = select(buckets.c.name).where(buckets.c.name == name)
        await self._run(delete(bucket_endpoints).where(bucket_endpoints.c.name == name, ~claimed.exists()))

    async def save_endpoint(self, bucket: str, endpoint: Endpoint | None) -> None:
        if endpoint is None:
            await self._run(delete(bucket_endpoints).where(bucket_endpoints.c.name == bucket))
            return
        keys = to_json([endpoint.access_key, endpoint.secret_key])
        row = {
            "name": bucket,
            "url": endpoint.url,
            "region": endpoint.region,
            "sealed_keys": self._box.seal(_keys_of(bucket, endpoint.url), keys),
        }
        await self._upsert(bucket_endpoints, [row])

    async def save_answer(self, project_id: str, key: str, answer: StoredAnswer, now_ms: int) -> None:
        await self._run(delete(idempotency).where(idempotency.c.expires_ms <= now_ms))
        row = {
            "project_id": project_id,
            "key": key,
            "digest": answer.digest,
            "status": answer.status,
            "answer": answer.answer,
            "expires_ms": answer.expires_ms,
        }
        await self._upsert(idempotency, [row])
