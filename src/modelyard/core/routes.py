"""What the gateway should answer for one service.

Between tracks the weights in force count (`Situation.switched`), inside a track every ready instance shares
alike. A track that has nothing ready hands its share to the others. While anything of the service is alive the
table is never empty; the last resorts, in this order: ready instances of tracks with weight 0, draining ones
that are still healthy, and those that were ready once and fail their health check now.

    weights 70:30, both ready             → 70, 30
    weights 50:30:20, the 20 has none     → 63, 37       (scaled to 100, largest remainder)
    weights 100:0, the 100 crashed        → the other: 100
"""

from collections.abc import Callable, Mapping

from modelyard.core.situation import Sight, Situation, Track
from modelyard.domain.instance import LIVE, Phase
from modelyard.domain.routing import Endpoint, RouteState, ServiceRoute, TrackRoute
from modelyard.domain.service import Desired


def route(situation: Situation) -> ServiceRoute | None:
    """The wanted route; None: the gateway should know nothing of the service (it is being deleted)."""
    service = situation.service
    if service.desired is Desired.DELETED:
        return None
    is_open = service.desired is Desired.RUNNING
    return ServiceRoute(
        service_id=service.id,
        project_id=service.project_id,
        state=RouteState.OPEN if is_open else RouteState.STOPPED,
        tracks=_shares(situation.tracks()) if is_open else (),
        request_timeout_s=service.request_timeout_s,
        max_body_bytes=service.max_body_bytes,
    )


def _ready(sight: Sight) -> bool:
    return sight.phase is Phase.READY


def _draining(sight: Sight) -> bool:
    return sight.phase is Phase.DRAINING and sight.healthy


def _unwell(sight: Sight) -> bool:
    return sight.phase in LIVE and sight.instance.ready_ms is not None


def _shares(tracks: tuple[Track, ...]) -> tuple[TrackRoute, ...]:
    endpoints = _endpoints([t for t in tracks if t.weight > 0], _ready)
    for resort in (_ready, _draining, _unwell):
        if endpoints:
            break
        endpoints = _endpoints(tracks, resort)
    shares = scaled({t.number: t.weight for t in tracks if t.number in endpoints})
    return tuple(TrackRoute(number, share, endpoints[number]) for number, share in sorted(shares.items()))


def _endpoints(
    tracks: tuple[Track, ...] | list[Track], wanted: Callable[[Sight], bool]
) -> dict[int, tuple[Endpoint, ...]]:
    found = {
        t.number: tuple(sorted(Endpoint(s.id, s.address) for s in t.sights if s.address and wanted(s)))
        for t in tracks
    }
    return {number: endpoints for number, endpoints in found.items() if endpoints}


def scaled(weights: Mapping[int, int]) -> dict[int, int]:
    """The same proportions, summing to 100; without those of 0, unless all are: then alike."""
    total = sum(weights.values())
    parts = {k: w for k, w in weights.items() if w} if total else dict.fromkeys(weights, 1)
    total = total or len(parts)
    shares = {k: part * 100 // total for k, part in parts.items()}
    by_remainder = sorted(parts, key=lambda k: (-(parts[k] * 100 % total), k))
    for k in by_remainder[: 100 - sum(shares.values())]:
        shares[k] += 1
    return shares
