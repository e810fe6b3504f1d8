"""What the gateway should answer for one service.

Between tracks the weights in force count (`Situation.switched`), inside a track every ready instance shares
alike. A track that has nothing ready hands its share to the others. While anything of the service is alive the
table is never empty; the last resorts, in this order: ready instances of tracks with weight 0, of each track the
one draining instance that is still healthy (one: the others must make room for what is started), and those that
were ready once and fail their health check now. A service that failed has nothing that should answer.

    weights 70:30, both ready             → 70, 30
    weights 50:30:20, the 20 has none     → 63, 37       (scaled to 100, largest remainder)
    weights 100:0, the 100 crashed        → the other: 100
"""

from collections.abc import Callable, Mapping, Sequence

from modelyard.core import service_properties
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
        tracks=_shares(situation.tracks()) if situation.goal else (),
        request_timeout_s=service.request_timeout_s,
        max_body_bytes=service.max_body_bytes,
        load_balancer=service_properties.load_balancer(service.attributes),
        traffic_limit=service_properties.traffic_limit(service.attributes),
        websocket=service_properties.websocket(service.attributes),
        app_codes=situation.app_codes,
    )


def _ready(track: Track) -> list[Sight]:
    return [s for s in track.sights if s.phase is Phase.READY]


def _draining(track: Track) -> list[Sight]:
    healthy = [s for s in track.sights if s.phase is Phase.DRAINING and s.answers]
    return sorted(healthy, key=lambda s: (s.instance.phase_ms, s.id))[-1:]


def _unwell(track: Track) -> list[Sight]:
    return [s for s in track.sights if s.phase in LIVE and s.instance.ready_ms is not None]


def _shares(tracks: tuple[Track, ...]) -> tuple[TrackRoute, ...]:
    resorts = (_endpoints(tracks, resort) for resort in (_ready, _draining, _unwell))
    endpoints = next((found for found in resorts if found), {})
    shares = scaled({t.number: t.weight for t in tracks if t.number in endpoints})
    return tuple(TrackRoute(number, share, endpoints[number]) for number, share in sorted(shares.items()))


def _endpoints(tracks: Sequence[Track], resort: Callable[[Track], list[Sight]]) -> dict[int, tuple[Endpoint, ...]]:
    found = {t.number: tuple(sorted(Endpoint(s.id, s.address) for s in resort(t) if s.address)) for t in tracks}
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
