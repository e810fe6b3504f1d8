"""What one health check after the other says about an instance. Pure: no I/O, no clock.

A check that is not answered in time says little on a busy machine, so readiness is lost only after `PATIENCE` of
them in a row; a refused connection says everything, and counts at once.

    after(Vitals(), Answer(200, 0, 7), 1000)                 -> ready, quiet since 1000
    after(that, Answer(200, 0, 7), 2000)                     -> still quiet since 1000
    after(that, Answer(200, 0, 9), 3000)                     -> two came and went: quiet since 3000
    after(that, Answer(200, 1, 9), 4000)                     -> one inside: not quiet
    after(that, Silence(), 5000)                             -> still ready, traffic unknown
"""

from dataclasses import dataclass, replace

PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; the counts are None when the instance does not tell them. `requests` only ever grows."""

    status: int
    in_flight: int | None = None
    requests: int | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer in time, or half an answer."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody has the socket open."""


Check = Answer | Silence | Refused


@dataclass(frozen=True, slots=True)
class Vitals:
    """What is known now. `failures` counts checks in a row that a ready instance did not pass."""

    ready: bool = False
    failures: int = 0
    in_flight: int | None = None
    requests: int | None = None
    quiet_since_ms: int | None = None


def after(vitals: Vitals, check: Check, now_ms: int) -> Vitals:
    """What is known after one more check, which ended at `now_ms`."""
    match check:
        case Answer(200, in_flight, requests):
            quiet = None
            if in_flight == 0 and requests is not None:
                unchanged = requests == vitals.requests and vitals.quiet_since_ms is not None
                quiet = vitals.quiet_since_ms if unchanged else now_ms
            return Vitals(True, 0, in_flight, requests, quiet)
        case Refused():
            return Vitals()
        case Answer() | Silence():
            failures = vitals.failures + 1
            ready = vitals.ready and failures < PATIENCE
            return replace(vitals, ready=ready, failures=failures, in_flight=None, quiet_since_ms=None)
