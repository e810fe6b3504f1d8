"""What the administrator sets, which project owns a bucket, and answers that are kept."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from modelyard.domain.answers import StoredAnswer
from modelyard.domain.capacity import FlavorEntry, PoolEntry
from modelyard.domain.endpoints import Endpoint


class AdministrationReads(Protocol):
    async def quotas(self, project_id: str) -> Mapping[str, int]:
        """Only those that were set; all others have the product's defaults."""

    async def flavors(self) -> Sequence[FlavorEntry]: ...

    async def pools(self, project_id: str | None) -> Sequence[PoolEntry]: ...

    async def pool(self, project_id: str | None, key: str) -> PoolEntry | None:
        """By id, else by name."""

    async def buckets(self, project_id: str | None = None) -> Mapping[str, str]:
        """Bucket → project."""

    async def endpoints(self) -> Mapping[str, Endpoint]:
        """Bucket → where it is, of those that have an endpoint of their own."""

    async def answer(self, project_id: str, key: str, now_ms: int) -> StoredAnswer | None:
        """What was answered under this Idempotency-Key, unless it expired."""


class AdministrationWrites(AdministrationReads, Protocol):
    async def save_quota(self, project_id: str, name: str, value: int) -> None: ...

    async def save_flavor(self, flavor: FlavorEntry) -> None: ...

    async def delete_flavor(self, name: str) -> None: ...

    async def save_pool(self, pool: PoolEntry) -> None: ...

    async def delete_pool(self, pool_id: str) -> None: ...

    async def claim_bucket(self, name: str, project_id: str) -> str:
        """The project that owns the bucket from now on: this one, if no other did."""

    async def release_bucket(self, name: str, project_id: str) -> None:
        """Its endpoint is forgotten with it."""

    async def save_endpoint(self, bucket: str, endpoint: Endpoint | None) -> None:
        """None: it has none of its own any more."""

    async def save_answer(self, project_id: str, key: str, answer: StoredAnswer, now_ms: int) -> None:
        """Keep an answer, and forget those that expired before `now_ms`."""
