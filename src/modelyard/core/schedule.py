"""Auto stop (contract §2, schedule): how long a service may run, and when its time is over.

A service knows how long it may run (`settings.auto_stop_s`) and when the countdown ends (`due_ms`), which is
stored and so survives every restart. The countdown runs only while the service should run: a stop ends it, the
next start begins it anew, and so does every PUT that has a schedule. It begins when the service is told to run,
not when the service is ready.

    [{"type": "stop", "time_unit": "HOURS", "duration": 2}] set at 12:00   → due at 14:00
    the same set again at 13:00                                          → due at 15:00
    stopped by hand at 13:30, started at 18:00                           → due at 20:00
    []                                                                   → runs on
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from modelyard.domain.errors import Violation
from modelyard.domain.service import Desired, Service
from modelyard.domain.settings import ServiceSettings
from modelyard.domain.texts import shown

SCHEDULE = "schedule"
STOP = "stop"
UNITS_S: Mapping[str, int] = {"MINUTES": 60, "HOURS": 3600, "DAYS": 24 * 3600}
MAX_DAYS = 3650
EXPIRED = "auto stop expired"
DISABLED = "auto stop disabled"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as requested; None where a field is absent."""

    type: str | None
    time_unit: str | None
    duration: int | None


def violations(entries: Sequence[Entry], *, real_time: bool = True) -> Iterator[Violation]:
    """At most one entry, of type `stop`, with a known unit; from 1 unit to ten years."""
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


def echoed(entries: Sequence[Entry]) -> list[dict[str, object]]:
    """The entries as a service stores and echoes them."""
    return [{"type": e.type, "time_unit": e.time_unit, "duration": e.duration} for e in entries]


def countdown_ms(settings: ServiceSettings, now_ms: int) -> int | None:
    """When a countdown that begins now will end; None without a schedule."""
    return None if settings.auto_stop_s is None else now_ms + settings.auto_stop_s * 1000


def due_ms(service: Service) -> int | None:
    """When the service must be stopped; None if no countdown runs, or the service should not run anyway."""
    return service.due_ms if service.desired is Desired.RUNNING else None


def told(before: Service | None, after: Service, now_ms: int) -> Iterator[str]:
    """The events of a change (None: the service is new), in the vendor's vocabulary."""
    if after.due_ms is not None and (before is None or after.due_ms != before.due_ms):
        yield f"auto stop enabled. The service will stop after {max(after.due_ms - now_ms, 0) // 1000} s."
    elif before is not None and before.settings.auto_stop_s is not None and after.settings.auto_stop_s is None:
        yield DISABLED
