"""Quantiles of a histogram as Prometheus' text format has it. Pure.

buckets 0.1: 50, 0.2: 100, +Inf: 100    → half within 0.1 s, 99 of 100 within 0.198 s
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

_BUCKET = re.compile(r'modelyard_request_seconds_bucket\{(?:[^}]*,)?le="([^"]+)"\} ([0-9.e+]+)')
_IN_FLIGHT = re.compile(r"modelyard_in_flight(?:\{[^}]*\})? ([0-9.e+]+)")

Buckets = Mapping[float, float]
"""Upper bound in seconds → how many were within."""


def buckets(lines: Iterable[str]) -> Buckets:
    """Of all the instances whose lines these are, together."""
    found: defaultdict[float, float] = defaultdict(float)
    for line in lines:
        if match := _BUCKET.fullmatch(line):
            found[float(match[1])] += float(match[2])
    return dict(found)


def in_flight(lines: Iterable[str]) -> int:
    return round(sum(float(match[1]) for line in lines if (match := _IN_FLIGHT.fullmatch(line))))


def quantile(found: Buckets, share: float) -> float | None:
    """Seconds within which this share of the requests was answered; between the bounds of a bucket, as if they
    were spread evenly in it. The last finite bound, when it took longer; None when there were no requests."""
    bounds = sorted(found)
    total = found[bounds[-1]] if bounds else 0
    if not total:
        return None
    below, before = 0.0, 0.0
    for bound in bounds:
        count = found[bound]
        if count >= share * total:
            if bound == float("inf"):
                return below
            inside = count - before
            return below + (bound - below) * ((share * total - before) / inside if inside else 1.0)
        below, before = bound, count
    return below
