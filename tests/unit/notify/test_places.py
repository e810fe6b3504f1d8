"""Places of a channel, and whose turn it is."""

import asyncio

from modelyard.notify.places import Places


class Holder:
    """Takes places, and holds each until it is let go of."""

    def __init__(self, count: int, share: int = 99) -> None:
        self.places = Places(count, share)
        self.inside: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.leave: list[asyncio.Event] = []

    async def _hold(self, project_id: str, leave: asyncio.Event) -> None:
        async with self.places.of(project_id):
            self.inside.append(project_id)
            await leave.wait()

    async def take(self, *projects: str) -> None:
        for project_id in projects:
            self.leave.append(asyncio.Event())
            self.tasks.append(asyncio.create_task(self._hold(project_id, self.leave[-1])))
            await settled()

    async def end(self) -> None:
        for leave in self.leave:
            leave.set()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_project_has_them_all() -> None:
    held = Holder(3)
    await held.take("a", "a", "a", "a", "b")
    assert held.inside == ["a", "a", "b"]
    await held.end()
    assert sorted(held.inside) == ["a", "a", "a", "a", "b"]


async def test_a_project_has_its_share_at_most() -> None:
    held = Holder(10, 2)
    await held.take("a", "a", "a", "b")
    assert held.inside == ["a", "a", "b"]
    await held.end()


async def test_one_place_is_everybodys() -> None:
    held = Holder(1)
    await held.take("a", "a", "b")
    held.leave[0].set()
    await settled()
    assert held.inside == ["a", "a"], "the first one waited first"
    await held.end()


async def test_who_waits_has_a_turn_by_project() -> None:
    held = Holder(1)
    await held.take("a", "a", "a", "b", "c")
    for _ in range(5):
        held.leave[len(held.inside) - 1].set()
        for leave in held.leave:
            leave.set()
        await settled()
    assert held.inside == ["a", "a", "b", "c", "a"]
    await held.end()


async def test_who_gives_up_waiting_takes_no_place() -> None:
    held = Holder(1)
    await held.take("a", "b", "c")
    held.tasks[1].cancel()
    await settled()
    held.tasks[0].cancel()
    await settled()
    assert held.inside == ["a", "c"]
    await held.end()
    await held.take("d")
    assert held.inside == ["a", "c", "d"]
    await held.end()


async def test_who_gives_up_waiting_takes_no_turn_of_its_project() -> None:
    held = Holder(1)
    await held.take("a", "b", "b", "c")
    held.tasks[1].cancel()
    await settled()
    held.leave[0].set()
    await settled()
    assert held.inside == ["a", "b"]
    await held.end()
    assert held.inside == ["a", "b", "c"]


async def test_projects_that_hold_and_want_nothing_are_forgotten() -> None:
    held = Holder(2)
    await held.take("a", "b")
    await held.end()
    assert (dict(held.places._held), dict(held.places._waiting)) == ({}, {})


async def test_a_turn_that_came_while_its_waiter_ended_goes_on() -> None:
    held = Holder(1)
    await held.take("a", "b", "c")
    held.leave[0].set()
    await asyncio.sleep(0)
    held.tasks[1].cancel()
    await settled()
    assert held.inside[-1] == "c"
    await held.end()
