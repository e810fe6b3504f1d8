"""The bounds of what is kept of logs (`control/log_bounds.py`)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from modelyard.control.log_bounds import DAY_MS, bound
from modelyard.domain.logs import Line, Origin
from modelyard.logs.memory import MemoryLogs

NOW = 100 * DAY_MS


class Known:
    """A store that knows of services, and of nothing else."""

    def __init__(self, *service_ids: str) -> None:
        self.ids = service_ids

    @asynccontextmanager
    async def read(self) -> AsyncIterator["Known"]:
        yield self

    async def service_ids(self) -> Sequence[str]:
        return self.ids


async def written(logs: MemoryLogs, service_id: str, *days_ago: int) -> None:
    origin = Origin("p", service_id, "i")
    for days in days_ago:
        await logs.append(origin, [Line(0, NOW - days * DAY_MS, f"{days} days", origin)], "")


async def test_what_is_too_old_goes_of_every_service() -> None:
    logs = MemoryLogs()
    await written(logs, "there", 20, 3)
    await written(logs, "deleted", 20, 3)
    await written(logs, "long-gone", 20)
    await bound(logs, Known("there"), lambda: NOW, most_bytes=0, days=7)  # type: ignore[arg-type]
    assert logs.texts("there") == ["3 days"]
    assert logs.texts("deleted") == ["3 days"]
    assert await logs.services() == ["deleted", "there"]


async def test_without_days_only_size_counts() -> None:
    logs = MemoryLogs()
    await written(logs, "there", 50, 3)
    await bound(logs, Known("there"), lambda: NOW, most_bytes=0, days=0)  # type: ignore[arg-type]
    assert logs.texts("there") == ["50 days", "3 days"]
    await bound(logs, Known("there"), lambda: NOW, most_bytes=7, days=0)  # type: ignore[arg-type]
    assert logs.texts("there") == ["3 days"]
