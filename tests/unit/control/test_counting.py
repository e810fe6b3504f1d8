"""What was counted while the store was away is stored when it is back; the log says each once."""

import logging
from pathlib import Path

import pytest
from tests.worlds.plane import plane_world, variant_request

from modelyard.control.counting import Counting, Minute
from modelyard.domain.service import Invocations
from modelyard.gateway.base import CounterReading
from modelyard.store.base import StoreUnavailableError


def unreadable() -> None:
    raise StoreUnavailableError("disk I/O error")


async def test_a_store_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with plane_world(tmp_path) as world:
        service_id = await world.create(variant_request(await world.model("iris")))
        await world.settle()
        requests = 0

        async def counters() -> CounterReading:
            return CounterReading("gateway", {service_id: Invocations(requests, 0)})

        monkeypatch.setattr(world.gateway, "counters", counters)
        counting = Counting(world.store, world.gateway, world.clock.now_ms)
        for outage in (1, 2):
            caplog.clear()
            with monkeypatch.context() as patch:
                patch.setattr(world.store, "read", unreadable)
                for _ in range(5):
                    requests += 1
                    await counting.take()
            for _ in range(3):
                requests += 1
                await counting.take()
            assert [(r.levelno, r.exc_info) for r in caplog.records if r.name == "modelyard.control.counting"] == [
                (logging.ERROR, None),
                (logging.WARNING, None),
            ]
            async with world.store.read() as r:
                assert (await r.counters((service_id,)))[service_id].totals.total == requests == outage * 8


def test_what_came_in_the_last_minute() -> None:
    minute = Minute()
    assert minute.requests("s", 0) == 0
    minute.note("s", 5, 1_000)
    minute.note("s", 0, 2_000)
    minute.note("s", 7, 30_000)
    minute.note("other", 1, 30_000)
    assert minute.requests("s", 60_999) == 12
    assert minute.requests("s", 61_000) == 7
    assert minute.requests("s", 90_000) == 0
