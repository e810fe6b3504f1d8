"""Builders: a situation is drawn as a word per track, one letter per instance.

    o  old template, serving          n  new template, serving       d  draining, out of the routing, quiet
    r  new, ready, not acknowledged   s  new, starting               S  stopping
    u  new, was ready, unhealthy      a  new, recorded, no process   e  new, ended before it was ready
    w  old, was ready, unhealthy      p  old, starting               D  draining, answers, still in the routing

Instances are named by letter, position and (beyond the first) track: "oos" on track 1 is o1, o2, s3. A later
position is younger. The clock stands at NOW.
"""

from collections.abc import Mapping
from dataclasses import replace

from tests.worlds.services import service, variant

from modelyard.core.rollout.situation import InstanceObservation, Situation
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.process import ABSENT, Process, ProcessState
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.routing import Endpoint, RouteState, ServiceRoute, TrackRoute
from modelyard.domain.service import (
    Rollout,
    RolloutKind,
    RolloutState,
    Service,
    ServiceStatus,
)
from modelyard.domain.settings import RequestLimits, ServiceSettings

NOW = 10_000_000
BEGAN = NOW - 60_000
"""When the rollout began; instances were started a little later."""

LETTERS: Mapping[str, tuple[Phase, ProcessState]] = {
    "o": (Phase.READY, ProcessState.READY),
    "p": (Phase.STARTING, ProcessState.STARTING),
    "w": (Phase.STARTING, ProcessState.STARTING),
    "n": (Phase.READY, ProcessState.READY),
    "r": (Phase.READY, ProcessState.READY),
    "s": (Phase.STARTING, ProcessState.STARTING),
    "u": (Phase.STARTING, ProcessState.STARTING),
    "a": (Phase.STARTING, ProcessState.ABSENT),
    "e": (Phase.EXITED, ProcessState.EXITED),
    "d": (Phase.DRAINING, ProcessState.READY),
    "D": (Phase.DRAINING, ProcessState.READY),
    "S": (Phase.STOPPING, ProcessState.STOPPING),
}
OLD, WAS_READY, ROUTED = "opwdDS", "ownrudDS", "onuwD"


def observation(letter: str, name: str, *, track: int, old: str, new: str, age: int = 0) -> InstanceObservation:
    phase, state = LETTERS[letter]
    started_ms = BEGAN + 1_000 + age
    instance = Instance(
        id=name,
        service_id="svc",
        track=track,
        revision=1 if letter in OLD else 2,
        template=old if letter in OLD else new,
        phase=phase,
        started_ms=started_ms,
        phase_ms=started_ms if phase is Phase.STARTING and letter not in WAS_READY else NOW - 10_000,
        ready_ms=started_ms + 100 if letter in WAS_READY else None,
        exit="exited with status 1" if letter == "e" else "",
        address=f"unix:{name}" if letter in WAS_READY else "",
    )
    process = Process(
        state,
        address=f"unix:{name}",
        started_ms=started_ms,
        quiet_since_ms=NOW - 5_000 if letter == "d" else None,
        exit="exited with status 1" if letter == "e" else "",
    )
    return InstanceObservation(
        instance,
        process if state is not ProcessState.ABSENT else ABSENT,
        unrouted_ms=None if letter in ROUTED else NOW - 5_000,
    )


def with_process(observation: InstanceObservation, **changes: object) -> InstanceObservation:
    """The same instance, whose process shows something else."""
    return replace(observation, process=replace(observation.process, **changes))  # type: ignore[arg-type]


def situation(
    *pictures: str,
    old: tuple[Variant, ...] = (variant("a1"),),
    new: tuple[Variant, ...] | None = (variant("a2"),),
    switched: bool = True,
    acked: ServiceRoute | None = None,
    rollout: Rollout | None = None,
    **fields: object,
) -> Situation:
    """One picture per track, from track 1 on. Without `new` no rollout runs and `old` is what should run.

    `acked`: by default what the letters say, weighted by `old` before the switch and by what should run after.
    """
    before = {v.track: v for v in old}
    after = before if new is None else {v.track: v for v in new}
    observations = [
        observation(
            letter,
            f"{letter}{position}" + ("" if track == 1 else f".{track}"),
            track=track,
            old=before[track].template.hash if track in before else "?",
            new=after[track].template.hash if track in after else "?",
            age=position,
        )
        for track, picture in enumerate(pictures, start=1)
        for position, letter in enumerate(picture.replace(" ", ""), start=1)
    ]
    if new is not None and rollout is None:
        rollout = Rollout("roll", "svc", RolloutKind.UPDATE, target=2, base=1, started_ms=BEGAN, switched=switched)
    number = 1 if new is None or (rollout and rollout.state is RolloutState.ROLLING_BACK) else 2
    status = ServiceStatus.DEPLOYING if rollout else ServiceStatus.RUNNING
    force = before if not switched else after
    return Situation(
        service=a_service(**{"revision": number, "status": status, **fields}),
        revisions={1: Revision("svc", 1, 0, old), **({2: Revision("svc", 2, 0, new)} if new is not None else {})},
        rollout=rollout,
        observations=tuple(observations),
        acked=acked or routed(observations, {t: v.weight for t, v in force.items()}),
    )


def a_service(**fields: object) -> Service:
    """The service of a situation: it ran its first revision once."""
    settings = ServiceSettings(requests=RequestLimits(timeout_s=30.0))
    return replace(service("svc", stable=1, settings=settings), **fields)  # type: ignore[arg-type]


def routed(observations: list[InstanceObservation], weights: Mapping[int, int]) -> ServiceRoute:
    """A route with everything that is drawn as routed."""
    tracks = sorted({o.instance.track for o in observations})
    inside = {t: tuple(o for o in observations if o.instance.track == t and o.unrouted_ms is None) for t in tracks}
    return open_route(*((t, weights.get(t, 0), tuple(o.id for o in inside[t])) for t in tracks if inside[t]))


def open_route(*tracks: tuple[int, int, tuple[str, ...]]) -> ServiceRoute:
    """(track, weight, ids) each."""
    return ServiceRoute(
        service_id="svc",
        project_id="p1",
        state=RouteState.OPEN,
        tracks=tuple(TrackRoute(t, w, tuple(Endpoint(i, f"unix:{i}") for i in ids)) for t, w, ids in tracks),
        request_timeout_s=30.0,
    )


def stopped_route() -> ServiceRoute:
    return replace(open_route(), state=RouteState.STOPPED)
