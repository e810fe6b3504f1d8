"""The access log over a gateway and a store of lines in memory."""

import json

import pytest

from modelyard.control import collecting
from modelyard.control.calls import CallsKeeper, nobodys
from modelyard.control.collecting import Collector
from modelyard.core.output_lines import BEGIN, Place
from modelyard.domain.logs import GATEWAY, LogQuery, Origin
from modelyard.domain.output import Output, Position
from modelyard.gateway.fake import FakeCalls
from modelyard.logs.base import LogsUnavailableError
from modelyard.logs.memory import MemoryLogs

PROJECTS = {"s-1": "p-1", "s-2": "p-2"}


def call(service_id: str, number: int, path: str = "/") -> str:
    return json.dumps({"access": service_id, "start_ms": number, "code": 500, "method": "POST", "path": path})


class World:
    def __init__(self) -> None:
        self.calls = FakeCalls()
        self.logs = MemoryLogs()
        self.successor()

    def successor(self) -> None:
        self.keeper = CallsKeeper(self.logs, self.project, frozenset({"hunter22"}))
        self.collector = Collector(self.calls, self.keeper, nobodys, lambda: 0)

    async def project(self, service_id: str) -> str | None:
        return PROJECTS.get(service_id)

    async def times(self, service_id: str) -> list[int]:
        return [line.at_ms for line in (await self.logs.search(service_id, LogQuery())).lines]


@pytest.fixture
def world() -> World:
    return World()


async def test_each_service_has_its_own_calls(world: World) -> None:
    world.calls.lines += [call("s-1", 1), "[warning] said by the gateway itself", call("s-2", 2), call("s-1", 3)]
    await world.collector.round()
    assert (await world.times("s-1"), await world.times("s-2")) == ([1, 3], [2])
    (line,) = (await world.logs.search("s-2", LogQuery())).lines
    assert line.origin == Origin("p-2", "s-2", GATEWAY)


async def test_a_successor_passes_over_what_each_service_has(world: World) -> None:
    world.calls.lines += [call("s-1", 1), call("s-2", 2)]
    await world.collector.round()
    world.successor()
    world.calls.lines += [call("s-2", 3)]
    await world.collector.round()
    assert (await world.times("s-1"), await world.times("s-2")) == ([1], [2, 3])


async def test_where_nothing_can_be_kept_the_log_waits_and_nothing_is_doubled(world: World) -> None:
    world.calls.lines += [call("s-1", 1), call("s-2", 2)]
    await world.collector.round()
    world.calls.lines += [call("s-1", 3), call("s-2", 4)]
    world.logs.full = True
    with pytest.raises(LogsUnavailableError):
        await world.collector.round()
    world.logs.full = False
    await world.collector.round()
    assert (await world.times("s-1"), await world.times("s-2")) == ([1, 3], [2, 4])


async def test_a_service_that_is_gone_has_no_log(world: World) -> None:
    world.calls.lines += [call("s-gone", 1)]
    await world.collector.round()
    assert await world.logs.services() == []


async def test_secrets_are_masked(world: World) -> None:
    world.calls.lines += [call("s-1", 1, "/hunter22/x")]
    await world.collector.round()
    assert "/***/x" in world.logs.texts("s-1")[0]


async def test_what_was_dropped_is_said(world: World) -> None:
    data = (call("s-1", 1) + "\n").encode()
    output = Output(Position(5000, "envoy-1"), data, ((0, 1),), dropped=5000)
    await world.keeper.take(Origin("", "", GATEWAY), output, Place(Position(0, "envoy-1")), frozenset())
    first, second = world.logs.texts("s-1")
    assert first.startswith("… 5000 bytes of the gateway's access log were dropped here")
    assert second.startswith("POST / 500")


async def test_a_service_that_cannot_be_kept_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the first piece with another, alone in the second; the third is behind both."""
    monkeypatch.setattr(collecting, "PIECE_BYTES", 2 * len(call("s-1", 1)) + 2)
    world.logs.broken = {"s-1"}
    world.calls.lines += [call("s-1", 1), call("s-2", 2), *(call("s-1", 3),) * 2, call("s-2", 4)]
    await world.collector.round()
    await world.collector.round()
    world.logs.broken = set()
    assert (await world.times("s-1"), await world.times("s-2")) == ([], [2, 4])
    world.calls.lines += [call("s-1", 5), call("s-1", 6)]
    await world.collector.round()
    told, *texts = world.logs.texts("s-1")
    lost = 3 * len(call("s-1", 1)) + 3
    assert told.startswith(f"… {lost} bytes of the gateway's access log were dropped here")
    assert (await world.times("s-1"), len(texts)) == ([5, 5, 6], 2)


async def test_another_process_of_the_gateway_is_read_from_its_beginning(world: World) -> None:
    world.calls.lines += [call("s-1", 1)]
    await world.collector.round()
    assert await world.keeper.place(Origin("", "", "fake")) != BEGIN
    assert await world.keeper.place(Origin("", "", "another")) == BEGIN


async def test_who_starts_reads_what_is_there_and_tells_of_nothing_dropped(world: World) -> None:
    data = (call("s-1", 1) + "\n").encode()
    output = Output(Position(5000, "envoy-1"), data, ((0, 1),), dropped=5000)
    await world.keeper.take(Origin("", "", GATEWAY), output, BEGIN, frozenset())
    assert len(world.logs.texts("s-1")) == 1
