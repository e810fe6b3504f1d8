"""Whether a rollout is over.

Done: every track has its count of fresh instances serving, nothing else is left, the final weights are in force
and the gateway acknowledged them. Failed: an instance did not become ready within its time, or they end again
and again, or the engine or the gateway says that it can never work.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from modelyard.core.routes import route
from modelyard.core.situation import Sight, Situation, Track
from modelyard.domain.instance import Phase

CRASHES_BEFORE_READY = 3
CRASHES_AT_ALL = 5


@dataclass(frozen=True, slots=True)
class Done:
    """The goal is reached."""


@dataclass(frozen=True, slots=True)
class Failed:
    """`instance_id` is the one whose log tells why (None: `cause` says all)."""

    cause: str
    instance_id: str | None = None


Verdict = Done | Failed | None


def verdict(situation: Situation, now_ms: int, *, rejected: str = "") -> Verdict:
    """None while it goes on. `rejected` is why the gateway refused the wanted route ("": it did not)."""
    if situation.rollout is None or not situation.rollout.active or not situation.goal:
        return None
    tracks = situation.tracks()
    if rejected:
        return Failed(f"the gateway refused the configuration: {rejected}")
    failures = sorted(
        (f for t in tracks for f in _failures(t, situation, now_ms)), key=lambda f: f.instance_id or ""
    )
    if failures:
        return failures[0]
    if situation.switched and all(_whole(t) for t in tracks) and situation.acked == route(situation):
        return Done()
    return None


def ready_for_switch(situation: Situation) -> bool:
    """Whether every track that is to get weight can take it, so that all weights may change at once."""
    return all(_can_take(t) for t in situation.tracks() if t.variant is not None and t.variant.weight > 0)


def _can_take(track: Track) -> bool:
    """With the new template; with any, where the old instances it must keep leave no room to start the new."""
    stuck = track.base_floor >= track.ceiling
    ready = track.serving if stuck else track.fresh_serving
    return ready >= max(track.floor, 1)


def _whole(track: Track) -> bool:
    return len(track.holding) == track.count and track.fresh_serving == track.count


def _failures(track: Track, situation: Situation, now_ms: int) -> Iterator[Failed]:
    if track.variant is None:
        return
    name = f"{track.variant.model_name} {track.variant.model_version}"
    limit_s = track.variant.deploy_timeout_s
    for sight in track.fresh:
        if _too_late(sight, limit_s, now_ms):
            what = f"an instance of {name} was not ready within {limit_s} s (deploy_timeout_in_seconds)"
            text = f"deployment timed out: {what}"
            yield Failed(text, sight.id)
    ended = [
        s
        for s in track.sights
        if s.phase is Phase.EXITED and track.is_fresh(s) and s.instance.phase_ms >= situation.began
    ]
    before_ready = [s for s in ended if s.instance.ready_ms is None]
    for crashes, most, when in (
        (before_ready, CRASHES_BEFORE_READY, " before they were ready"),
        (ended, CRASHES_AT_ALL, ""),
    ):
        if len(crashes) >= most:
            last = max(crashes, key=lambda s: (s.instance.phase_ms, s.id))
            text = f"instances of {name} ended {len(crashes)} times{when}: {last.instance.exit}"
            yield Failed(text, last.id)
            return


def _too_late(sight: Sight, limit_s: int, now_ms: int) -> bool:
    if sight.phase is not Phase.STARTING or sight.instance.ready_ms is not None:
        return False
    return sight.process_started_ms is not None and now_ms >= sight.process_started_ms + limit_s * 1000
