"""What the gateway should answer for one service.

Tracks share the traffic by the weights in force (`Situation.switched`); the ready instances of one track share
alike. An instance that has left its health check unanswered gets no new requests while others of its track answer:
it may be busy, or hang. A track without a ready instance leaves its share to the others. The table is never empty
while anything of the service is alive. Its last resorts, in this order: ready instances of tracks with weight 0;
one healthy draining instance of each track (only one, since the others must make room for new instances);
instances that were ready once and now fail their health check. A failed service has nothing that should answer.

    weights 70:30, both ready             → 70, 30
    weights 50:30:20, the 20 has none     → 63, 37       (scaled to 100, largest remainder)
    weights 100:0, the 100 crashed        → the other: 100
"""

import re
from collections.abc import Callable, Mapping, Sequence

from modelyard.core.rollout.situation import InstanceObservation, Situation, Track
from modelyard.domain.instance import LIVE, Phase
from modelyard.domain.routing import Endpoint, RouteState, ServiceRoute, TrackRoute
from modelyard.domain.service import Desired

ABSENCE_MAX = 400
PLACE = re.compile(r"(?<![\w.:/])/[\w.@+-]+(?:/[\w.@+-]*)+")
"""An absolute path with at least two parts."""


def route(situation: Situation) -> ServiceRoute | None:
    """The wanted route; None: the gateway should know nothing of the service (it is being deleted)."""
    service = situation.service
    if service.desired is Desired.DELETED:
        return None
    is_open, settings = service.desired is Desired.RUNNING, service.settings
    tracks = _shares(situation) if situation.goal else ()
    return ServiceRoute(
        service_id=service.id,
        project_id=service.project_id,
        state=RouteState.OPEN if is_open else RouteState.STOPPED,
        tracks=tracks,
        request_timeout_s=settings.requests.timeout_s,
        max_body_bytes=settings.requests.max_body_bytes,
        load_balancer=settings.load_balancer,
        traffic_limit=settings.traffic_limit,
        attempts=settings.requests.attempts,
        websocket=settings.websocket,
        access_log=settings.access_log,
        app_codes=situation.app_codes,
        absence=absence(situation) if is_open and not tracks else "",
    )


def absence(situation: Situation) -> str:
    """Why nothing can answer for a service that should run, as a sentence for its callers. It tells what was
    recorded, but no log lines (they may contain anything) and no paths of this machine."""
    service, rollout = situation.service, situation.rollout
    if rollout is not None and rollout.active:
        if any(o.obstacle for o in situation.observations):
            waits = any(o.obstacle and o.waits for o in situation.observations)
            return "it waits for what it needs to start" if waits else "it waits for room to start"
        return "it is being deployed, and no instance is ready yet"
    if service.failed:
        return _told(f"it failed: {service.error}")
    ended = [o for o in situation.observations if o.phase is Phase.EXITED]
    if not ended:
        return "its instances are being started, and none is ready yet"
    last = max(ended, key=lambda o: (o.instance.phase_ms, o.id))
    return _told(f"none of its instances is ready; the last one ended: {last.instance.exit}")


def _told(text: str) -> str:
    line = PLACE.sub("…", text.partition("\n")[0])
    return line if len(line) <= ABSENCE_MAX else f"{line[: ABSENCE_MAX - 1]}…"


def _ready(track: Track) -> list[InstanceObservation]:
    """The ready instances; without unresponsive ones, unless the track has no others."""
    ready = [o for o in track.observations if o.phase is Phase.READY]
    return [o for o in ready if o.process.responsive] or ready


def _draining(track: Track) -> list[InstanceObservation]:
    healthy = [o for o in track.observations if o.phase is Phase.DRAINING and o.answers]
    return sorted(healthy, key=lambda o: (o.instance.phase_ms, o.id))[-1:]


def _unwell(track: Track) -> list[InstanceObservation]:
    return [o for o in track.observations if o.phase in LIVE and o.instance.ready_ms is not None]


def _shares(situation: Situation) -> tuple[TrackRoute, ...]:
    tracks = situation.tracks()
    resorts = (_endpoints(situation, tracks, resort) for resort in (_ready, _draining, _unwell))
    endpoints = next((reachable for reachable in resorts if reachable), {})
    shares = scaled({t.number: t.weight for t in tracks if t.number in endpoints})
    return tuple(TrackRoute(number, share, endpoints[number]) for number, share in sorted(shares.items()))


def _endpoints(
    situation: Situation, tracks: Sequence[Track], resort: Callable[[Track], list[InstanceObservation]]
) -> dict[int, tuple[Endpoint, ...]]:
    reachable = {
        t.number: tuple(sorted(_endpoint(situation, o) for o in resort(t) if o.process.address)) for t in tracks
    }
    return {number: endpoints for number, endpoints in reachable.items() if endpoints}


def _endpoint(situation: Situation, seen: InstanceObservation) -> Endpoint:
    variant = situation.variant_of(seen)
    model = f"{variant.model_name}:{variant.model_version}" if variant else ""
    return Endpoint(seen.id, seen.process.address, model)


def scaled(weights: Mapping[int, int]) -> dict[int, int]:
    """The same proportions, summing to 100. Weights of 0 are left out, unless all are 0: then shares are equal."""
    total = sum(weights.values())
    parts = {k: w for k, w in weights.items() if w} if total else dict.fromkeys(weights, 1)
    total = total or len(parts)
    shares = {k: part * 100 // total for k, part in parts.items()}
    by_remainder = sorted(parts, key=lambda k: (-(parts[k] * 100 % total), k))
    for k in by_remainder[: 100 - sum(shares.values())]:
        shares[k] += 1
    return shares
