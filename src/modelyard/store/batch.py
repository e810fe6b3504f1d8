"""The ledger of batch services: tasks, their sources, their splits. A task goes with its service.

Every change of a split is conditional on its attempt: whoever holds an older one changes nothing and is told so.
The counts of a task change in the same transaction as its splits, and only there: `save_task` leaves them alone.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from modelyard.domain.batch import Publication, Source, Split, Task


class BatchReads(Protocol):
    async def task(self, task_id: str) -> Task | None: ...

    async def tasks(self, service_id: str, limit: int = 200) -> Sequence[Task]:
        """Newest first."""

    async def latest_tasks(self, service_ids: Collection[str] | None = None) -> Sequence[Task]:
        """The newest task of each service that has one (None: of every service)."""

    async def sources(self, task_id: str, first: int = 0, limit: int = 1000) -> Sequence[Source]:
        """From number `first` on, in order."""

    async def taken_results(self, task_id: str, names: Collection[str]) -> Collection[str]:
        """Those of `names` that a source of the task has as its `result`."""

    async def splits(
        self, task_id: str, first: int = 0, last: int | None = None, limit: int = 1000, after: int = -1
    ) -> Sequence[Split]:
        """Of the sources `first` to `last` (None: all further ones), in the order of the input; those of source
        `first` only from behind the start `after`."""

    async def objects_of(
        self, task_id: str, after: tuple[int, int] = (0, -1), limit: int = 1000
    ) -> Sequence[tuple[int, int, str]]:
        """(source, start, name of the part) of splits whose part is an object, those behind the place `after`."""

    async def leased(self, task_id: str) -> Sequence[Split]: ...


class BatchWrites(BatchReads, Protocol):
    async def add_task(self, task: Task) -> None: ...

    async def save_task(self, task: Task) -> None:
        """All of it but what the ledger itself keeps: its counts, `planned`, `cursor`, `started_ms`, `retries`."""

    async def plan(
        self,
        task_id: str,
        sources: Sequence[Source],
        splits: Sequence[Split],
        cursor: str,
        *,
        planned: bool = False,
    ) -> None:
        """More of the input, in its order. What is there already (planned again after a crash) is left as it is
        and not counted twice; splits of a source that has failed meanwhile are left out."""

    async def lease(self, task_id: str, worker: str, now_ms: int) -> Split | None:
        """The next pending split in the order of the input, now leased, its attempt one higher. None: there is
        none now, or the task is not ACTIVE. The task's first lease sets its `started_ms`."""

    async def lease_bundle(self, task_id: str, worker: str, now_ms: int, most: int) -> Sequence[Split]:
        """As `lease`, of up to `most` splits, as far as these may be given out together
        (`core.batch.ledger.bundled`)."""

    async def publish(self, task_id: str, publication: Publication) -> bool:
        """False, and nothing is written, when the attempt is no longer the split's. The rest stays leased under
        the same attempt. A retried split's former failures no longer count. Raises ImpossiblePublicationError for
        one that would lose rows or count them twice (`core.batch.ledger`)."""

    async def publish_all(self, task_id: str, publications: Sequence[Publication]) -> Sequence[bool]:
        """The same of several splits."""

    async def release(self, task_id: str, source: int, start: int, attempt: int, *, died: bool = False) -> bool:
        """Give a leased split back; `died`: its worker did."""

    async def release_all(self, task_id: str) -> int:
        """Give back every leased split; their attempts are void. Returns how many."""

    async def fail_source(self, task_id: str, number: int, error: str) -> None:
        """The source cannot be read: its splits go, its rows count nowhere any more. ValueError where it shares
        its split with others (format FILE): there it is a row that fails."""

    async def save_results(self, task_id: str, sources: Sequence[Source]) -> None:
        """Their `result_version`."""

    async def clear_parts(self, task_id: str) -> None:
        """The results are assembled: no split has a part any more (their sizes stay)."""

    async def reopen_failed(self, task_id: str) -> int:
        """Every published split with failed rows is pending again, as a retry; its failures count nowhere until
        then, and the task's `retries` is one higher. Returns how many rows that are (0: nothing changed)."""
