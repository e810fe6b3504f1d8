"""How long lines are kept: within bounds, and beyond the end of their service."""

from collections.abc import AsyncIterator

import pytest
from tests.worlds.api import ApiWorld, api_world

from modelyard.control.log_retention import DAY_MS, LogRetention
from modelyard.domain.logs import Line, LogQuery, Origin
from modelyard.logs.memory import MemoryLogs

pytestmark = pytest.mark.asyncio
NOW = 1_800_000_000_000


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


async def written(logs: MemoryLogs, service_id: str, *days_ago: int) -> None:
    origin = Origin("p1", service_id, "i")
    for days in days_ago:
        await logs.append(origin, [Line(0, NOW - days * DAY_MS, f"{days} days ago", origin)], "")


async def test_old_lines_go_and_those_of_a_deleted_service_stay_as_long(world: ApiWorld) -> None:
    logs, service_id = MemoryLogs(), await world.service()
    await written(logs, service_id, 20, 1)
    await written(logs, "deleted", 20, 1)
    await LogRetention(world.store, logs, lambda: NOW, most_bytes=10**9, days=14, days_after=14).sweep()
    assert logs.texts(service_id) == logs.texts("deleted") == ["1 days ago"]
    await LogRetention(
        world.store, logs, lambda: NOW + 14 * DAY_MS, most_bytes=10**9, days=14, days_after=14
    ).sweep()
    assert await logs.services() == [service_id]
    assert (await logs.kept(service_id)).cut_lines == 2


async def test_without_a_bound_of_days_only_deleted_services_are_cut(world: ApiWorld) -> None:
    logs, service_id = MemoryLogs(), await world.service()
    await written(logs, service_id, 400)
    await written(logs, "deleted", 400)
    await LogRetention(world.store, logs, lambda: NOW, most_bytes=0, days=0, days_after=14).sweep()
    assert await logs.services() == [service_id]
    assert logs.texts(service_id) == ["400 days ago"]


async def test_the_bytes_of_a_service_are_bounded(world: ApiWorld) -> None:
    logs, service_id = MemoryLogs(), await world.service()
    await written(logs, service_id, 3, 2, 1)
    await LogRetention(world.store, logs, lambda: NOW, most_bytes=25, days=14, days_after=14).sweep()
    assert logs.texts(service_id) == ["2 days ago", "1 days ago"]


async def test_logs_that_are_away_are_left_for_the_next_time(world: ApiWorld) -> None:
    logs = MemoryLogs()
    await written(logs, "deleted", 400)
    logs.away = True
    retention = LogRetention(world.store, logs, lambda: NOW, most_bytes=0, days=14, days_after=14)
    await retention.sweep()
    logs.away = False
    assert (await logs.search("deleted", LogQuery())).lines
    await retention.sweep()
    assert await logs.services() == []
