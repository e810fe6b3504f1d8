"""Auto stop (contract §2, schedule): how long a service may run, and when its time is over.

A service keeps what it was told in `attributes["schedule"]` and the end of the countdown in
`attributes["due_time"]` (milliseconds since 1970 UTC), which is stored and so survives every restart. The
countdown runs only while the service should run: a stop ends it, the next start begins it anew, and so does every
PUT that has a schedule. It begins when the service is told to run, not when it is ready.

    [{"type": "stop", "time_unit": "HOURS", "duration": 2}] set at 12:00   → due at 14:00
    the same set again at 13:00                                          → due at 15:00
    stopped by hand at 13:30, started at 18:00                           → due at 20:00
    []                                                                   → runs on
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from modelyard.domain.errors import Violation
from modelyard.domain.service import Desired, Service
from modelyard.domain.texts import shown

SCHEDULE = "schedule"
DUE = "due_time"
STOP = "stop"
UNITS_S: Mapping[str, int] = {"MINUTES": 60, "HOURS": 3600, "DAYS": 24 * 3600}
MAX_DAYS = 3650
EXPIRED = "auto stop expired"
DISABLED = "auto stop disabled"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as asked for; None where the caller said nothing."""

    type: str | None
    time_unit: str | None
    duration: int | None


def violations(entries: Sequence[Entry], *, real_time: bool = True) -> Iterator[Violation]:
    """At most one entry; `stop` only; a known unit; 1 or more of it, ten years at most."""
    if entries and not real_time:
        yield Violation(SCHEDULE, "is for real-time services only")
    if len(entries) > 1:
        yield Violation(SCHEDULE, f"has {len(entries)} entries, at most one is allowed")
    for i, entry in enumerate(entries):
        at = f"{SCHEDULE}[{i}]"
        if entry.type is None:
            yield Violation(f"{at}.type", "is mandatory")
        elif entry.type != STOP:
            yield Violation(f"{at}.type", f"is {shown(entry.type)}, only 'stop' is supported")
        if entry.time_unit is None:
            yield Violation(f"{at}.time_unit", "is mandatory")
        elif entry.time_unit not in UNITS_S:
            yield Violation(f"{at}.time_unit", f"is {shown(entry.time_unit)}, must be DAYS, HOURS or MINUTES")
        if entry.duration is None:
            yield Violation(f"{at}.duration", "is mandatory")
        elif entry.duration < 1:
            yield Violation(f"{at}.duration", f"is {entry.duration}, must be at least 1")
        elif entry.duration * UNITS_S.get(entry.time_unit or "", 60) > MAX_DAYS * UNITS_S["DAYS"]:
            yield Violation(f"{at}.duration", f"is {entry.duration}, at most {MAX_DAYS} days are allowed")


def set_to(
    attributes: Mapping[str, object], entries: Sequence[Entry], now_ms: int, *, running: bool
) -> Mapping[str, object]:
    """The attributes with this schedule; the countdown begins now if the service should run."""
    rest = {key: value for key, value in attributes.items() if key not in {SCHEDULE, DUE}}
    shown = [{"type": e.type, "time_unit": e.time_unit, "duration": e.duration} for e in entries]
    changed: dict[str, object] = {**rest, SCHEDULE: shown} if shown else rest
    return counting(changed, now_ms) if running else changed


def counting(attributes: Mapping[str, object], now_ms: int) -> Mapping[str, object]:
    """With the countdown begun anew; unchanged without a schedule."""
    span = seconds(attributes)
    return attributes if span is None else {**attributes, DUE: now_ms + span * 1000}


def halted(attributes: Mapping[str, object]) -> Mapping[str, object]:
    """Without a countdown; the schedule stays for the next start."""
    return {k: v for k, v in attributes.items() if k != DUE} if DUE in attributes else attributes


def seconds(attributes: Mapping[str, object]) -> int | None:
    """How long the service may run; None: for ever."""
    entries = attributes.get(SCHEDULE)
    spans = [
        entry["duration"] * UNITS_S[entry["time_unit"]]
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("duration"), int) and entry.get("time_unit") in UNITS_S
    ]
    return min(spans, default=None)


def due_ms(service: Service) -> int | None:
    """When the service is to be stopped; None: not, or it is not to run anyway."""
    due = service.attributes.get(DUE)
    return due if isinstance(due, int) and service.desired is Desired.RUNNING else None


def told(before: Mapping[str, object], after: Mapping[str, object], now_ms: int) -> Iterator[str]:
    """The events of a change of attributes, in the vendor's vocabulary."""
    due = after.get(DUE)
    if isinstance(due, int) and due != before.get(DUE):
        yield f"auto stop enabled. The service will stop after {max(due - now_ms, 0) // 1000} s."
    elif before.get(SCHEDULE) and not after.get(SCHEDULE):
        yield DISABLED
