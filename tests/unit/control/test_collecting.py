"""The collector over the fake engine and a store of lines in memory."""

import asyncio

import pytest

from modelyard.control import collecting
from modelyard.control.collecting import Collector, Owner
from modelyard.core.metric_catalogue import LOG_READ
from modelyard.core.tallies import Tallies
from modelyard.domain.logs import LogQuery, Origin
from modelyard.domain.output import Output, OutputSource, Position
from modelyard.engines.base import InstanceSpec
from modelyard.engines.fake import CrashAtStart, FakeEngine
from modelyard.logs.base import LogsUnavailableError
from modelyard.logs.keeper import LogKeeper
from modelyard.logs.memory import MemoryLogs


class World:
    def __init__(self) -> None:
        self.now = 1_000_000
        self.engine = FakeEngine(lambda: self.now)
        self.logs = MemoryLogs()
        self.services = {"s-1": "p-1", "s-2": "p-2"}
        self.collector = self.successor()

    def successor(self) -> Collector:
        self.collector = Collector(self.engine, LogKeeper(self.logs), self.owner, lambda: self.now)
        return self.collector

    async def owner(self, source: OutputSource) -> Owner | None:
        if (project := self.services.get(source.service_id)) is None:
            return None
        model = f"{source.model_name}:{source.model_version}"
        origin = Origin(project, source.service_id, source.instance_id, source.revision, model)
        return Owner(origin, frozenset(value for name, value in source.envs if name == "PASSWORD"))

    async def start(self, instance_id: str, service_id: str = "s-1", **env: str) -> None:
        envs = tuple(env.items())
        await self.engine.start(InstanceSpec(instance_id, service_id, 1, 3, "t", "d", "iris", "1.0.0", envs))

    async def end(self, instance_id: str) -> None:
        await self.engine.stop(instance_id, 10)
        self.now += 1000
        await self.engine.remove(instance_id)


@pytest.fixture
def world() -> World:
    return World()


async def test_lines_are_kept_with_whose_they_are(world: World) -> None:
    await world.start("i-1")
    world.engine.write_log("i-1", "one", "two")
    assert await world.collector.round() > 0
    assert await world.collector.round() == 0
    found = await world.logs.search("s-1", LogQuery())
    assert [(line.text, line.at_ms) for line in found.lines] == [("one", world.now), ("two", world.now)]
    assert {line.origin for line in found.lines} == {Origin("p-1", "s-1", "i-1", 3, "iris:1.0.0")}
    world.engine.write_log("i-1", "three")
    await world.collector.round()
    assert world.logs.texts("s-1") == ["one", "two", "three"]


async def test_a_successor_goes_on_where_the_last_line_was_kept(world: World) -> None:
    await world.start("i-1")
    world.engine.write_log("i-1", "one")
    await world.collector.round()
    world.engine.write_log("i-1", "two")
    await world.successor().round()
    assert world.logs.texts("s-1") == ["one", "two"]


async def test_last_words_are_kept_after_the_instance_was_removed(world: World) -> None:
    world.engine.behave_next(CrashAtStart(5, "exited with status 3"))
    await world.start("i-1")
    world.engine.write_log("i-1", "cannot load")
    world.now += 10
    await world.engine.remove("i-1")
    await world.collector.round()
    await world.collector.round()
    assert world.logs.texts("s-1") == ["cannot load"]
    assert await world.engine.outputs() == []


async def test_one_that_was_read_to_its_end_is_forgotten_when_it_is_removed(world: World) -> None:
    await world.start("i-1")
    world.engine.write_log("i-1", "one")
    await world.collector.round()
    await world.engine.stop("i-1", 10)
    world.now += 1000
    await world.collector.round()
    await world.engine.remove("i-1")
    await world.collector.round()
    assert await world.engine.outputs() == []
    assert world.logs.texts("s-1") == ["one"]


async def test_what_is_nobodys_goes_when_it_was_removed(world: World) -> None:
    await world.start("i-1", "s-gone")
    world.engine.write_log("i-1", "one")
    await world.collector.round()
    assert len(await world.engine.outputs()) == 1
    await world.end("i-1")
    await world.collector.round()
    assert await world.engine.outputs() == []
    assert await world.logs.services() == []


async def test_secrets_of_the_instance_are_masked(world: World) -> None:
    await world.start("i-1", PASSWORD="hunter22")
    world.engine.write_log("i-1", "I am hunter22")
    await world.collector.round()
    assert world.logs.texts("s-1") == ["I am ***"]


async def test_nothing_is_lost_while_lines_cannot_be_kept(world: World) -> None:
    await world.start("i-1")
    world.engine.write_log("i-1", "one")
    world.logs.full = True
    with pytest.raises(LogsUnavailableError):
        await world.collector.round()
    world.logs.full = False
    await world.collector.round()
    assert world.logs.texts("s-1") == ["one"]


async def test_who_writes_without_end_leaves_turns_to_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "PIECE_BYTES", 1000)
    monkeypatch.setattr(collecting, "ROUND_BYTES", 5000)
    for name in ("i-1", "i-2", "i-3"):
        await world.start(name, "s-1" if name != "i-3" else "s-2")
    world.engine.write_log("i-1", *["loud"] * 10_000)
    world.engine.write_log("i-2", *["loud"] * 10_000)
    world.engine.write_log("i-3", "quiet")
    read = await world.collector.round()
    assert 5000 <= read < 7000
    assert world.logs.texts("s-2") == ["quiet"]
    while await world.collector.round():
        pass
    assert world.logs.texts("s-1") == ["loud"] * 20_000


async def test_it_goes_on_after_a_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUSY_S", "SILENT_S", "AWAY_S"):
        monkeypatch.setattr(collecting, name, 0.0)
    await world.start("i-1")
    world.engine.write_log("i-1", "one")
    world.engine.unavailable = True
    running = asyncio.create_task(world.collector.run())
    for _ in range(20):
        await asyncio.sleep(0)
    assert world.logs.texts("s-1") == []
    world.engine.unavailable = False
    async with asyncio.timeout(20):
        while world.logs.texts("s-1") != ["one"]:  # noqa: ASYNC110
            await asyncio.sleep(0)
    running.cancel()


async def test_one_that_cannot_be_kept_holds_up_nobody_and_is_told_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.start("i-1", "s-1")
    await world.start("i-2", "s-2")
    world.logs.broken = {"s-1"}
    world.engine.write_log("i-1", "one")
    world.engine.write_log("i-2", "two")
    assert await world.collector.round() > 0
    assert world.logs.texts("s-2") == ["two"]
    assert await world.collector.round() == 0, "nobody else wrote, and it was told"
    assert caplog.text.count("what was written waits") == 1
    world.logs.broken = set()
    await world.collector.round()
    assert world.logs.texts("s-1") == ["one"]


async def test_a_store_that_is_away_is_no_matter_of_one_service(world: World) -> None:
    await world.start("i-1", "s-1")
    await world.start("i-2", "s-2")
    world.logs.broken = {"s-1"}
    world.engine.write_log("i-1", "one")
    world.engine.write_log("i-2", "two")
    await world.collector.round()
    world.logs.broken = {"s-1", "s-2"}
    world.engine.write_log("i-2", "three")
    with pytest.raises(LogsUnavailableError):
        await world.collector.round()


async def test_a_line_that_waits_for_its_end_is_counted_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.start("i-1")
    written = b""

    async def output(_id: str, after: Position | None, _most: int) -> Output:
        at = after or Position()
        return Output(at, written[at.offset :])

    monkeypatch.setattr(world.engine, "output", output)
    tallies = Tallies()
    collector = Collector(world.engine, LogKeeper(world.logs), world.owner, lambda: 0, tallies=tallies)
    for part in (b"one", b" and", b" the same\n"):
        written += part
        world.engine.write_log("i-1", "another mark")
        await collector.round()
    assert world.logs.texts("s-1") == ["one and the same"]
    assert [one.value for one in tallies.samples() if one.family == LOG_READ] == [len(written)]


async def test_one_that_cannot_be_read_is_told_once_until_it_can(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await world.start("i-1")

    async def fails(*_: object) -> Output:
        raise OSError("input/output error")

    for number in (1, 2):
        world.engine.write_log("i-1", f"line {number}")
        with monkeypatch.context() as broken:
            broken.setattr(world.engine, "output", fails)
            for _ in range(3):
                await world.collector.round()
        assert caplog.text.count("cannot be read") == number
        await world.collector.round()
    assert world.logs.texts("s-1") == ["line 1", "line 2"]
