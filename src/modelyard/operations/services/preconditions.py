"""What a caller binds a change to, beside what it asks for. All of it is held in the change's own transaction.

- If-Match: the service must still be as the caller saw it.
- Idempotency-Key: the answer is kept with the change, so the same request under the same key is answered again and
  never done again. Only changes that were made are kept: one that was refused changed nothing and may be repeated.
- dry run: everything is done as it would be, then rolled back (see `operations.services.dry_run`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from modelyard.domain.answers import StoredAnswer
from modelyard.domain.batch import Task
from modelyard.domain.errors import DomainError, KeyReused, Stale
from modelyard.domain.record import ServiceRecord
from modelyard.domain.service import InferType, Rollout, Service
from modelyard.domain.texts import shown
from modelyard.store.base import WriteTransaction

KEPT_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of a change: the service after it, and the rollout that its config started (None: none)."""

    service: Service
    rollout: Rollout | None = None


class Answered(DomainError):
    """This request was made before: the answer it got then."""

    def __init__(self, status: int, answer: str) -> None:
        super().__init__("this request was answered before")
        self.status = status
        self.answer = answer


class Tried(Exception):
    """The change was made in a transaction that this rolls back. `before` is None of a service that is new; `task`
    is the newest of a batch service, after the change (None: it has none)."""

    def __init__(self, before: ServiceRecord | None, after: ServiceRecord, task: Task | None = None) -> None:
        super().__init__("a dry run")
        self.before = before
        self.after = after
        self.task = task


@dataclass(frozen=True, slots=True)
class Repeat:
    """`digest` tells one request from another, `written` gives the answer as it is kept. An answer is kept only
    for somebody who was allowed to ask; the digest covers the user."""

    key: str
    digest: str
    written: Callable[[Changed], str]


@dataclass(frozen=True, slots=True)
class Preconditions:
    """`tags`: the service's must be among them (None: any will do)."""

    tags: frozenset[str] | None = None
    repeat: Repeat | None = None
    dry_run: bool = False

    async def begun(self, w: WriteTransaction, project_id: str, now_ms: int) -> None:
        """Raises Answered for a request that was made before, KeyReused for another one under its key."""
        if self.repeat is None or self.dry_run:
            return
        kept = await w.answer(project_id, self.repeat.key, now_ms)
        if kept is None:
            return
        if kept.digest != self.repeat.digest:
            raise KeyReused(
                f"the Idempotency-Key {shown(self.repeat.key)} was used for another request within the last 24 "
                "hours: repeat that request as it was, or take a new key"
            )
        raise Answered(kept.status, kept.answer)

    def hold(self, service: Service) -> None:
        """Raises Stale unless the service is one that the caller has seen."""
        if self.tags is not None and tag(service) not in self.tags:
            raise Stale(
                f'service {shown(service.name)} has changed since you read it: its ETag is "{tag(service)}" now, '
                "which If-Match does not have. Read it again, then decide"
            )

    async def concluded(
        self, w: WriteTransaction, before: ServiceRecord | None, changed: Changed, now_ms: int
    ) -> None:
        """The end of the transaction. Raises Tried, so that it is rolled back, when it is only tried."""
        service = changed.service
        if self.dry_run:
            after = await w.record(service.id)
            assert after is not None
            batch = service.infer_type is InferType.BATCH
            raise Tried(before, after, next(iter(await w.tasks(service.id, 1)), None) if batch else None)
        if self.repeat is not None:
            answer = StoredAnswer(self.repeat.digest, 200, self.repeat.written(changed), now_ms + KEPT_MS)
            await w.save_answer(service.project_id, self.repeat.key, answer, now_ms)


UNBOUND = Preconditions()


def tag(service: Service) -> str:
    """Names the state of a service: it differs after each accepted change, and after an update
    that was rolled back."""
    return f"{service.version}.{service.revision}"
