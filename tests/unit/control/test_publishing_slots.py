"""Who publishes when: no project keeps another waiting, and nobody waits for a publication when closing."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from threading import Event

import pytest

from modelyard.artifacts.snapshots import AbandonedError, Snapshots
from modelyard.control.clock import SteadyClock
from modelyard.control.loop import KeyedLoop, Worker
from modelyard.control.publishing import Slots


async def test_a_project_takes_its_own_share_and_no_more() -> None:
    slots, working, over = Slots(everybody=4, each=2), Counter(), asyncio.Event()

    async def publish(project: str) -> None:
        async with slots.one(project):
            working.add(project)
            await over.wait()

    tasks = [asyncio.create_task(publish(project)) for project in ("big",) * 5 + ("small",)]
    await working.until(3)
    assert working.seen == ["big", "big", "small"]
    over.set()
    await asyncio.gather(*tasks)
    assert working.seen.count("big") == 5


class Counter:
    """Who began, in order."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, name: str) -> None:
        self.seen.append(name)
        task = asyncio.create_task(self._tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: len(self.seen) >= count)


@pytest.mark.parametrize("interruptible", [True, False])
async def test_closing_waits_for_what_must_not_be_cut_off(interruptible: bool) -> None:
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), []

    async def handle(key: str) -> None:
        begun.set()
        try:
            await go_on.wait()
        finally:
            ended.append(key)

    async def keys() -> Iterable[str]:
        return ()

    loop = KeyedLoop(Worker("model", keys, handle, interruptible=interruptible), SteadyClock(0))
    loop.nudge("m1")
    await begun.wait()
    closing = asyncio.create_task(loop.close())
    if interruptible:
        async with asyncio.timeout(10):
            await closing
        assert ended == ["m1"]
    else:
        done, _ = await asyncio.wait({closing}, timeout=0)
        assert not done
        go_on.set()
        await closing


def test_a_snapshot_that_nobody_waits_for_is_not_made(tmp_path: Path) -> None:
    partial = tmp_path / "partial"
    (partial / "model").mkdir(parents=True)
    (partial / "model/w.bin").write_bytes(b"weights")
    abandoned = Event()
    abandoned.set()
    with pytest.raises(AbandonedError):
        Snapshots(tmp_path).put(partial, abandoned)
    assert [p.name for p in tmp_path.iterdir()] == ["partial"]
