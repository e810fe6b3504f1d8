"""What instances write is read piece by piece, over the fake and the process engine (`engines/base.py`)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.worlds.engines import KINDS, EngineWorld, all_in, opened, spec

from modelyard.domain.output import Output, Position
from modelyard.domain.process import ProcessState

READY, EXITED = ProcessState.READY, ProcessState.EXITED
WRITTEN = b"stub: lines\n" + b"".join(b"line %d\n" % number for number in range(10))


@pytest.fixture(params=KINDS)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EngineWorld]:
    made = await opened(request.param, tmp_path / "data", request)
    yield made
    await made.close()


async def written(world: EngineWorld) -> None:
    """It runs, and all that it writes is there: what a container writes comes by way of its engine."""
    await world.start(spec(how="lines"))
    await world.until(all_in(READY))
    async with asyncio.timeout(20):
        while len((await world.engine.output("i-1", None, 1000)).data) < len(WRITTEN):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def everything(world: EngineWorld, instance_id: str = "i-1", most_bytes: int = 7) -> tuple[bytes, Output]:
    """From the first byte on, and what was read last of all."""
    data, after = b"", None
    while True:
        piece = await world.engine.output(instance_id, after, most_bytes)
        if not piece.data:
            return data, piece
        assert len(piece.data) <= most_bytes
        assert piece.times[0][0] == 0
        assert piece.dropped == 0
        data, after = data + piece.data, piece.at(len(piece.data))


async def test_piece_by_piece_nothing_is_missing_or_doubled(world: EngineWorld) -> None:
    await written(world)
    data, end = await everything(world)
    assert data == WRITTEN
    assert end == Output(Position(len(WRITTEN), end.position.source))


async def test_a_source_says_whose_it_is_and_looks_different_after_more(world: EngineWorld) -> None:
    await written(world)
    (before,) = await world.engine.outputs()
    assert (before.instance_id, before.service_id, before.revision) == ("i-1", "service-1", 3)
    assert (before.model_name, before.model_version) == ("iris", "1.0.0")
    assert dict(before.envs) == {"STUB": "lines"}
    assert not before.ended
    (again,) = await world.engine.outputs()
    assert again == before


async def test_what_was_released_is_not_needed_to_go_on(world: EngineWorld) -> None:
    await written(world)
    piece = await world.engine.output("i-1", None, 20)
    await world.engine.release("i-1", piece.at(20))
    await world.successor()
    rest = await world.engine.output("i-1", piece.at(20), 1000)
    assert piece.data + rest.data == WRITTEN


async def test_the_last_words_of_one_that_died_are_there_after_it_was_removed(world: EngineWorld) -> None:
    await world.start(spec(how="crash"))
    await world.until(all_in(EXITED))
    first = await world.engine.output("i-1", None, 12)
    await world.engine.remove("i-1")
    assert (await world.engine.list()).instances == ()
    await world.successor()
    (source,) = await world.engine.outputs()
    assert source.ended
    rest = await world.engine.output("i-1", first.at(12), 1000)
    assert first.data + rest.data == b"stub: crash\nTraceback: no such model\n"
    end = await world.engine.output("i-1", rest.at(len(rest.data)), 1000)
    assert (end.data, end.last) == (b"", True)
    await world.engine.release("i-1", end.position, last=True)
    assert await world.engine.outputs() == []


async def test_the_end_is_the_last_only_of_one_that_ended(world: EngineWorld) -> None:
    await written(world)
    _, end = await everything(world)
    assert not end.last
    await world.engine.stop("i-1", 10)
    await world.until(all_in(EXITED))
    data, end = await everything(world)
    assert (data, end.last) == (WRITTEN, True)


async def test_the_unknown_has_ended(world: EngineWorld) -> None:
    assert (await world.engine.output("i-9", None, 10)).last
    await world.engine.release("i-9", Position(), last=True)
