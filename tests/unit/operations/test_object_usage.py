"""How much the buckets of a project hold: listed now and then, with what moved in between."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from modelyard.objects.base import ObjectInfo
from modelyard.objects.memory import MemoryObjects
from modelyard.objects.paths import ObjectPath, object_path
from modelyard.operations import object_usage
from modelyard.operations.object_usage import FRESH_S, PATIENT, Usage


class Counted(MemoryObjects):
    """Lists as far as it is let, and counts how often."""

    def __init__(self) -> None:
        super().__init__()
        self.listings = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def list(self, path: ObjectPath, *, after: str = "") -> AsyncGenerator[ObjectInfo, None]:
        self.listings += 1
        async for info in super().list(path, after=after):
            yield info
            await self.go_on.wait()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_count_is_renewed_when_it_is_old_and_moves_meanwhile() -> None:
    objects, clock = Counted(), Clock()
    usage = Usage(objects, clock)
    await objects.write(object_path("/a/k"), bytes(10))
    await objects.write(object_path("/b/k"), bytes(5))
    assert (await usage.bytes(["a", "b"]), await usage.bytes(["a"]), await usage.bytes([])) == (15, 10, 0)
    usage.moved("a", 7)
    assert await usage.bytes(["a"]) == 17
    await objects.write(object_path("/a/of others"), bytes(100))
    clock.now += FRESH_S - 1
    assert (await usage.bytes(["a"]), objects.listings) == (17, 2)
    clock.now += 1
    assert await usage.bytes(["a"]) == 17  # it is counted anew, and nobody waits for that
    await settled()
    assert (await usage.bytes(["a"]), objects.listings) == (110, 3)


async def test_what_moves_while_it_is_counted_is_not_lost() -> None:
    objects, clock = Counted(), Clock()
    usage = Usage(objects, clock)
    for number in range(3):
        await objects.write(object_path(f"/a/{number}"), bytes(10))
    assert await usage.bytes(["a"]) == 30
    clock.now += FRESH_S
    objects.go_on.clear()
    await usage.bytes(["a"])
    await settled()
    usage.moved("a", -10)
    assert await usage.bytes(["a"]) == 20
    objects.go_on.set()
    await settled()
    assert await usage.bytes(["a"]) == 20
    await usage.close()


async def test_the_first_count_is_waited_for_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_usage, "WAIT_S", 0.01)
    objects, clock = Counted(), Clock()
    usage = Usage(objects, clock)
    for number in range(3):
        await objects.write(object_path(f"/a/{number}"), bytes(10))
    objects.go_on.clear()
    assert await usage.bytes(["a"]) == 10  # as far as it came
    clock.now += 1000
    async with asyncio.timeout(5):
        assert await usage.bytes(["a"]) == 10  # whoever comes later does not wait
    objects.go_on.set()
    await settled()
    assert (await usage.bytes(["a"]), objects.listings) == (30, 1)
    clock.now += 1000 * PATIENT - 1  # it took long, so it is not done again soon
    await usage.bytes(["a"])
    await settled()
    assert objects.listings == 1
    await usage.close()


async def test_a_store_that_is_away_counts_nothing_and_is_asked_again() -> None:
    objects, clock = Counted(), Clock()
    usage = Usage(objects, clock)
    await objects.write(object_path("/a/k"), bytes(10))
    objects.away = True
    assert await usage.bytes(["a"]) == 0
    objects.away = False
    clock.now += FRESH_S
    assert await usage.bytes(["a"]) == 10
