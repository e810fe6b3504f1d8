"""What every engine does, over the fake, the process engine and containers (`engines/base.py`)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.worlds.engines import KINDS, EngineWorld, all_in, opened, spec

from modelyard.domain.devices import Grant, Kind
from modelyard.domain.process import ProcessState
from modelyard.engines.base import EngineUnavailableError

STARTING, READY, EXITED = ProcessState.STARTING, ProcessState.READY, ProcessState.EXITED


@pytest.fixture(params=KINDS)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EngineWorld]:
    made = await opened(request.param, tmp_path / "data", request)
    yield made
    await made.close()


async def test_a_started_instance_becomes_ready_and_keeps_its_identity(world: EngineWorld) -> None:
    await world.start(spec())
    (begun,) = (await world.engine.list()).instances
    assert begun.process.state is STARTING
    (seen,) = await world.until(all_in(READY))
    assert (seen.instance_id, seen.service_id, seen.track, seen.revision) == ("i-1", "service-1", 7, 3)
    assert (seen.template, seen.process.address) == ("0123456789abcdef", "unix:instances/i-1/s.sock")
    assert (seen.process.in_flight, seen.process.exit, seen.process.started_ms) == (
        0,
        "",
        begun.process.started_ms,
    )
    assert seen.process.quiet_since_ms is not None
    assert seen.process.quiet_since_ms >= seen.process.started_ms
    assert "service-1" in world.told


async def test_what_it_was_granted_is_told_by_whoever_comes_next(world: EngineWorld) -> None:
    """Also where it cannot start with it: a container engine without a driver for cards."""
    cards = (Grant(Kind.GPU, 3, 0.5, "GPU-1", "/dev/nvidia3"),)
    await world.start(spec(devices=cards))
    assert [o.devices for o in (await world.engine.list()).instances] == [cards]
    (ready,) = await world.until(lambda seen: seen[0].process.state in {READY, EXITED})
    await world.successor()
    (seen,) = (await world.engine.list()).instances
    assert ready.devices == seen.devices == cards
    if seen.process.state is EXITED:
        assert "nvidia" in seen.process.exit


async def test_starting_twice_starts_once(world: EngineWorld) -> None:
    await world.start(spec())
    first = await world.until(all_in(READY))
    await world.engine.start(spec())
    again = (await world.engine.list()).instances
    assert [o.process.started_ms for o in again] == [o.process.started_ms for o in first]
    assert again[0].process.state is READY


async def test_starting_what_an_earlier_control_plane_started_starts_nothing(world: EngineWorld) -> None:
    await world.start(spec())
    first = await world.until(all_in(READY))
    await world.successor()
    await world.engine.start(spec())
    assert [o.process.started_ms for o in await world.until(all_in(READY))] == [
        o.process.started_ms for o in first
    ]


async def test_list_of_one_service(world: EngineWorld) -> None:
    await world.start(spec(1))
    await world.start(spec(2, service_id="service-2"))
    assert [o.instance_id for o in (await world.engine.list("service-2")).instances] == ["i-2"]
    assert len((await world.engine.list()).instances) == 2
    assert (await world.engine.list("service-3")).instances == ()


async def test_usage_is_of_what_runs(world: EngineWorld) -> None:
    assert await world.engine.usage("service-1") == {}
    await world.start(spec(1))
    await world.start(spec(2, service_id="service-2"))
    await world.until(all_in(READY, 2))
    (used,) = (await world.engine.usage("service-1")).items()
    assert used[0] == "i-1"
    assert used[1].cpu >= 0
    assert used[1].memory_mib >= 0
    await world.engine.stop("i-1", 10)
    await world.until(lambda seen: any(o.process.state is EXITED for o in seen))
    assert await world.engine.usage("service-1") == {}


async def test_what_a_running_instance_counts_can_be_read(world: EngineWorld) -> None:
    assert await world.engine.metrics("i-1", 10) is None
    await world.start(spec())
    await world.until(all_in(READY))
    assert await world.engine.metrics("i-1", 10) == world.counted  # a door counts, the program does not
    if world.counted is None:
        await world.count("i-1", b"modelyard_in_flight 1\n")
        assert await world.engine.metrics("i-1", 10) == b"modelyard_in_flight 1\n"
    await world.engine.stop("i-1", 10)
    await world.until(all_in(EXITED))
    assert await world.engine.metrics("i-1", 10) is None


async def test_stop_ends_it_and_remove_forgets_it(world: EngineWorld) -> None:
    await world.start(spec())
    await world.until(all_in(READY))
    await world.engine.stop("i-1", 10)
    (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit == "exited with status 0"
    assert (seen.process.in_flight, seen.process.quiet_since_ms) == (None, None)
    await world.engine.remove("i-1")
    assert (await world.engine.list()).instances == ()


async def test_a_stopping_instance_says_so(world: EngineWorld) -> None:
    await world.start(spec(how="stuck"))
    await world.until(all_in(READY))
    await world.engine.stop("i-1", 1000)
    assert [o.process.state for o in (await world.engine.list()).instances] == [ProcessState.STOPPING]
    await world.successor()
    assert [o.process.state for o in (await world.engine.list()).instances] == [ProcessState.STOPPING]
    await world.engine.stop("i-1", 0)  # brings the end forward
    await world.until(all_in(EXITED))


async def test_the_end_of_the_grace_kills(world: EngineWorld) -> None:
    await world.start(spec(how="stuck"))
    await world.until(all_in(READY))
    await world.engine.stop("i-1", 0.1)
    (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit == "killed by signal 9"


async def test_stop_while_it_starts(world: EngineWorld) -> None:
    await world.start(spec())
    await world.engine.stop("i-1", 10)
    (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit


async def test_remove_leaves_a_running_one_alone(world: EngineWorld) -> None:
    await world.start(spec())
    await world.until(all_in(READY))
    await world.engine.remove("i-1")
    assert [o.process.state for o in (await world.engine.list()).instances] == [READY]


async def test_the_unknown_is_no_error(world: EngineWorld) -> None:
    await world.engine.stop("i-9", 1)
    await world.engine.remove("i-9")
    world.engine.poll_fast("i-9")
    assert await world.engine.log_tail("i-9", 10) == ""
    assert (await world.engine.list()).instances == ()


async def test_a_crash_tells_its_status_and_its_last_lines(world: EngineWorld) -> None:
    await world.start(spec(how="crash"))
    (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit == "exited with status 3"
    assert await world.engine.log_tail("i-1", 1) == "Traceback: no such model"
    assert await world.engine.log_tail("i-1", 9) == "stub: crash\nTraceback: no such model"
    assert await world.engine.log_tail("i-1", 0) == ""


async def test_one_that_never_answers_health_is_never_ready(world: EngineWorld) -> None:
    await world.start(spec(1, "never"))
    await world.start(spec(2))
    seen = await world.until(lambda all_: any(o.process.state is READY for o in all_))
    assert {o.instance_id: o.process.state for o in seen} == {"i-1": STARTING, "i-2": READY}


async def test_a_request_inside_is_seen(world: EngineWorld) -> None:
    await world.start(spec(how="busy"))
    (seen,) = await world.until(all_in(READY))
    assert (seen.process.in_flight, seen.process.quiet_since_ms) == (1, None)


async def test_a_successor_sees_the_same(world: EngineWorld) -> None:
    await world.start(spec(1))
    await world.start(spec(2))
    before = await world.until(all_in(READY, 2))
    await world.successor()
    after = (await world.engine.list()).instances
    assert {(o.instance_id, o.process.state, o.track, o.revision, o.template) for o in after} == {
        (o.instance_id, o.process.state, o.track, o.revision, o.template) for o in before
    }


async def test_a_successor_learns_how_it_ended(world: EngineWorld) -> None:
    await world.start(spec())
    await world.until(all_in(READY))
    await world.successor()
    await world.kill("i-1")
    (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit == "killed by signal 9"
    await world.successor()
    assert [(o.process.state, o.process.exit) for o in (await world.engine.list()).instances] == [
        (EXITED, "killed by signal 9")
    ]


async def test_strangers_are_listed(world: EngineWorld) -> None:
    await world.intrude(spec(5))
    (seen,) = await world.until(all_in(READY))
    assert (seen.instance_id, seen.service_id) == ("i-5", "service-1")


async def test_an_engine_that_cannot_see_raises_instead_of_answering_with_none(world: EngineWorld) -> None:
    await world.start(spec())
    await world.until(all_in(READY))
    await world.break_down()
    with pytest.raises(EngineUnavailableError):
        await world.engine.list()
    with pytest.raises(EngineUnavailableError):
        await world.engine.list("service-1")


async def test_what_cannot_be_asked_is_named_and_not_taken_for_empty(world: EngineWorld) -> None:
    await world.start(spec())
    await world.until(all_in(READY))
    if not await world.cut_off():
        assert (await world.engine.list()).unreachable == frozenset()
        return
    listing = await world.engine.list()
    assert listing.instances == ()
    assert listing.may_hide("", "")
    await world.engine.stop("i-1", 0)
    await world.engine.remove("i-1")
    assert await world.engine.usage("service-1") == {}
    await world.mend()
    assert [o.process.state for o in (await world.engine.list()).instances] == [READY]
    assert not (await world.engine.list()).may_hide("", "")


async def test_it_says_what_it_enforces_and_how_its_disk_stands(world: EngineWorld) -> None:
    assert all(isinstance(what, str) and how for what, how in world.engine.enforced().items())
    assert not world.engine.disk().low
