"""The fake misbehaves as its words say, at the time they say."""

from dataclasses import replace

import pytest

from modelyard.domain.process import ProcessState
from modelyard.engines.base import InstanceSpec, NoRoomError
from modelyard.engines.fake import (
    CrashAtStart,
    CrashLater,
    FakeEngine,
    Flaky,
    Misbehaviour,
    NeverReady,
    NoRoom,
    SlowStart,
    StartLost,
    StuckInStop,
)

SPEC = InstanceSpec("i-1", "s", 1, 1, "t", "d", "m", "1")


class Clock:
    now = 0

    def ms(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(clock: Clock) -> FakeEngine:
    return FakeEngine(clock.ms, start_ms=100, stop_ms=10)


async def story(engine: FakeEngine, clock: Clock, until_ms: int) -> list[tuple[int, str]]:
    """(instant, state or exit) whenever `next_change_ms` says something changes, up to a time."""
    told: list[tuple[int, str]] = []
    while True:
        (seen,) = (await engine.list()).instances
        now = seen.process.exit or seen.process.state.value
        if not told or told[-1][1] != now:
            told.append((clock.now, now))
        at = engine.next_change_ms()
        if at is None or at > until_ms:
            return told
        clock.now = at


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        pytest.param(None, [(0, "starting"), (100, "ready")], id="well"),
        pytest.param(SlowStart(180), [(0, "starting"), (180, "ready")], id="slow"),
        pytest.param(NeverReady(), [(0, "starting")], id="never"),
        pytest.param(
            CrashAtStart(5, "exited with status 3"), [(0, "starting"), (5, "exited with status 3")], id="at start"
        ),
        pytest.param(CrashLater(50, "x"), [(0, "starting"), (100, "ready"), (150, "x")], id="later"),
        pytest.param(
            Flaky(30, 5),
            [
                (0, "starting"),
                (100, "ready"),
                (130, "starting"),
                (135, "ready"),
                (165, "starting"),
                (170, "ready"),
            ],
            id="flaky",
        ),
    ],
)
async def test_story(
    engine: FakeEngine, clock: Clock, how: Misbehaviour | None, expected: list[tuple[int, str]]
) -> None:
    engine.behave("t", how)
    await engine.start(SPEC)
    assert await story(engine, clock, 190) == expected


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        pytest.param(None, [(0, "stopping"), (10, "exited with status 0")], id="well"),
        pytest.param(StuckInStop(), [(0, "stopping"), (2000, "killed by signal 9")], id="stuck"),
    ],
)
async def test_stop(
    engine: FakeEngine, clock: Clock, how: Misbehaviour | None, expected: list[tuple[int, str]]
) -> None:
    engine.behave_next(how)
    await engine.start(SPEC)
    await engine.stop("i-1", 2)
    assert await story(engine, clock, 5000) == expected


async def test_refused_and_lost(engine: FakeEngine) -> None:
    engine.behave_next(NoRoom(), StartLost())
    with pytest.raises(NoRoomError):
        await engine.start(SPEC)
    await engine.start(SPEC)
    assert (await engine.list()).instances == ()
    assert engine.started == [SPEC]


async def test_capacity_counts_what_holds_resources(engine: FakeEngine, clock: Clock) -> None:
    engine.capacity = 1
    await engine.start(SPEC)
    with pytest.raises(NoRoomError):
        await engine.start(replace(SPEC, instance_id="i-2"))
    await engine.stop("i-1", 1)
    clock.now = 10
    await engine.start(replace(SPEC, instance_id="i-2"))
    assert [o.process.state for o in (await engine.list()).instances] == [
        ProcessState.EXITED,
        ProcessState.STARTING,
    ]


async def test_watchers_hear_once_of_each_change(engine: FakeEngine, clock: Clock) -> None:
    told: list[str] = []
    engine.watch(told.append)
    await engine.start(SPEC)
    await engine.start(replace(SPEC, instance_id="i-2", service_id="other"))
    assert told == ["s", "other"]
    clock.now = 100
    engine.announce()
    engine.announce()
    assert told == ["s", "other", "other", "s"]


async def test_requests_inside(engine: FakeEngine, clock: Clock) -> None:
    await engine.start(SPEC)
    clock.now = 200
    engine.serve("i-1", 2)
    assert [(o.process.in_flight, o.process.quiet_since_ms) for o in (await engine.list()).instances] == [
        (2, None)
    ]
    clock.now = 300
    engine.serve("i-1", 0)
    clock.now = 400
    assert [(o.process.in_flight, o.process.quiet_since_ms) for o in (await engine.list()).instances] == [(0, 300)]
