"""A dry run says what the world that the rollout machine is judged in then does, whatever the update."""

from hypothesis import given
from hypothesis import strategies as st
from tests.machine.test_rollout import configs
from tests.worlds.rollout import GOOD, RolloutWorld, variant

from modelyard.core.rollout.dry_run import dry_run
from modelyard.domain.instance import LIVE
from modelyard.domain.revision import Variant
from modelyard.domain.service import Desired


def live(world: RolloutWorld) -> dict[str, int]:
    """Instance → track."""
    return {i.id: i.track for i in world.rows.values() if i.phase in LIVE}


@given(old=configs(GOOD), new=configs(GOOD) | st.just(()))
def test_a_dry_run_comes_true(old: tuple[Variant, ...], new: tuple[Variant, ...]) -> None:
    """`new` empty: the service is stopped."""
    world = RolloutWorld()
    world.create(old)
    world.run_fairly()
    before, was = world.record(), live(world)
    assert world.put(config=new) if new else world.put(status=Desired.STOPPED)
    plan = dry_run(before, world.record(), world.now_ms)
    world.run_fairly()
    now = live(world)
    assert plan.finished
    assert {track.track for track in plan.tracks} >= {*was.values(), *now.values()}
    for track in plan.tracks:
        ids = {i for i, number in was.items() if number == track.track}
        ends = {i for i, number in now.items() if number == track.track}
        assert (track.starts, track.stops, track.stays) == (len(ends - ids), len(ids - ends), len(ids & ends))
    assert plan.room.after == len(now)
    truth = world.gateway.truth
    shares = plan.traffic[-1].shares if plan.traffic else ()
    assert {s.track: s.weight for s in shares} == {t.track: t.weight for t in (truth.tracks if truth else ())}
    assert not new or all(step.shares for step in plan.traffic)


def test_the_first_deployment_comes_true() -> None:
    world = RolloutWorld()
    world.create((variant("a1", count=2, weight=60), variant("b1", weight=40)))
    plan = dry_run(None, world.record(), world.now_ms)
    world.run_fairly()
    assert sum(track.starts for track in plan.tracks) == len(live(world)) == 3
