"""Whether a rollout is over.

Done: every track has its count of fresh instances serving, nothing else is left, the final weights are in force
and the gateway has acknowledged them. Failed: an instance did not become ready in time, or found no room in that
time; or instances end again and again, or keep changing between ready and not ready; or the engine or the gateway
says that it can never work.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from modelyard.core.grants import asked
from modelyard.core.rollout.routes import route
from modelyard.core.rollout.situation import InstanceObservation, Situation, Track
from modelyard.domain.instance import LIVE, Phase
from modelyard.domain.revision import Template, Variant

CRASHES_BEFORE_READY = 3
CRASHES_AT_ALL = 5
LAPSES = 5
"""How often instances of a track may lapse from ready to not ready; at least twice the instance count."""


@dataclass(frozen=True, slots=True)
class Done:
    """The goal is reached."""


@dataclass(frozen=True, slots=True)
class Failed:
    """`instance_id`: the instance whose log tells why (None: `cause` says everything)."""

    cause: str
    instance_id: str | None = None


Verdict = Done | Failed | None


def verdict(situation: Situation, now_ms: int, *, rejected: str = "") -> Verdict:
    """None while the rollout goes on. `rejected`: why the gateway refused the wanted route ("": it did not)."""
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
    """Whether every track can take the weight that it is to get, so that all weights may change at once."""
    return all(_can_take(t) for t in situation.tracks() if t.variant is not None and t.variant.weight > 0)


def _can_take(track: Track) -> bool:
    """With the new template; or with any, where old instances that must stay leave no room for new ones."""
    stuck = track.base_floor >= track.ceiling
    ready = track.serving if stuck else track.fresh_serving
    return ready >= max(track.floor, 1)


def _whole(track: Track) -> bool:
    if any(o.lost and o.phase in LIVE for o in track.observations):
        return False
    return len(track.holding) == track.count and track.fresh_serving == track.count


def _failures(track: Track, situation: Situation, now_ms: int) -> Iterator[Failed]:
    if track.variant is None:
        return
    name = f"{track.variant.model_name} {track.variant.model_version}"
    for observation in track.fresh:
        deadline_ms = track.deadline_ms(observation)
        if deadline_ms is not None and now_ms >= deadline_ms:
            yield _late(track.variant, name, observation)
    ended = [
        o
        for o in track.observations
        if o.phase is Phase.EXITED and track.is_fresh(o) and o.instance.phase_ms >= situation.began
    ]
    before_ready = [o for o in ended if o.instance.ready_ms is None]
    for crashes, most, when in (
        (before_ready, CRASHES_BEFORE_READY, " before they were ready"),
        (ended, CRASHES_AT_ALL, ""),
    ):
        if len(crashes) >= most:
            last = max(crashes, key=lambda o: (o.instance.phase_ms, o.id))
            text = f"instances of {name} ended {len(crashes)} times{when}: {last.instance.exit}"
            yield Failed(text, last.id)
            return
    lapses = situation.lapses.get(track.variant.template.hash, 0)
    if lapses >= max(LAPSES, 2 * track.count):
        text = f"instances of {name} were ready and then not any more, or hung, {lapses} times"
        yield Failed(text, _unsteady(track, track.variant.template.hash))


def _late(variant: Variant, name: str, observation: InstanceObservation) -> Failed:
    within = f"within {variant.deploy_timeout_s} s (deploy_timeout_in_seconds)"
    if not observation.obstacle:
        return Failed(f"deployment timed out: an instance of {name} was not ready {within}", observation.id)
    if observation.waits:
        text = f"deployment timed out: an instance of {name} could not be started {within}: {observation.obstacle}"
        return Failed(text)
    return Failed(
        f"deployment timed out: an instance of {name} could not be started {within}, for want of room: "
        f"{observation.obstacle}. Each takes {_size(variant.template)}, and a change needs room for one more "
        "than run at a time. Stop or shrink other services, or ask for fewer instances or a smaller specification."
    )


def _size(template: Template) -> str:
    """The size of an instance: "0.34 cores and 64 MiB (custom)", "1 cores, 64 MiB and 0.5 GPU (custom)"."""
    size = template.resources
    parts = [f"{size.cpu:g} cores", f"{size.memory_mib} MiB"]
    parts += [f"{count:g} {kind.upper()}" for kind, count in asked(size).items()]
    return f"{', '.join(parts[:-1])} and {parts[-1]} ({template.specification})"


def _unsteady(track: Track, template: str) -> str | None:
    """The unhealthy instance that changed last; if none is unhealthy, the one of all that did."""
    known = [o for o in track.observations if o.instance.template == template]
    if not known:
        return None
    return max(known, key=lambda o: (o.phase is not Phase.READY or o.hung, o.instance.phase_ms, o.id)).id
