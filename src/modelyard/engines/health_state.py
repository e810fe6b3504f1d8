"""What a series of health checks says about an instance. Pure: no I/O, no clock.

A check that is not answered in time says little on a busy machine, so readiness is lost only after several in a
row; a refused connection says everything, and counts at once. An instance hangs when its liveness check fails too
often in a row, or when something is inside and nothing has ended for too long: a model may block in its
prediction while the server around it answers every check.

    after(HealthState(), Answer(200, 0, 7), 1000)                 -> ready, quiet since 1000
    after(that, Answer(200, 0, 7), 2000)                     -> still quiet since 1000
    after(that, Answer(200, 0, 9), 3000)                     -> two came and went: quiet since 3000
    after(that, Answer(200, 1, 9), 4000)                     -> one inside: not quiet
    after(that, Silence(), 5000)                             -> still ready, traffic unknown
"""

from dataclasses import dataclass, replace

from modelyard.domain.health import READINESS, Check, Health


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


@dataclass(frozen=True, slots=True)
class Unasked:
    """It could not be asked, for a reason that is not its own: says nothing about it."""


Reply = Answer | Silence | Refused | Unasked


@dataclass(frozen=True, slots=True)
class HealthState:
    """What is known now. `failures` counts readiness checks in a row that a ready instance did not pass, `missed`
    those of liveness. `ended` requests of all; `stalled_since_ms`: since when some are inside and none ended, on
    the steady clock, which nobody sets and which stands still while the machine sleeps: a jump of the time makes
    nothing hang."""

    ready: bool = False
    failures: int = 0
    in_flight: int | None = None
    requests: int | None = None
    quiet_since_ms: int | None = None
    ended: int | None = None
    stalled_since_ms: int | None = None
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A readiness check that was made. `counts` False: a failure now would be too early to count. `told` False:
    its answers say nothing of traffic."""

    check: Check = READINESS
    counts: bool = True
    told: bool = True


def after(
    state: HealthState,
    reply: Reply,
    now_ms: int,
    asked: Asked = Asked(),
    *,
    steady_ms: int | None = None,
) -> HealthState:
    """What is known after one more readiness check, which ended at `now_ms`.

    `steady_ms`: the same moment on the steady clock (None: there is but one clock).
    """
    if isinstance(reply, Unasked):
        return state
    traffic = counted(state, reply, now_ms, steady_ms=steady_ms) if asked.told else state
    match reply:
        case Answer(200):
            return replace(traffic, ready=True, failures=0)
        case Refused():
            return HealthState(missed=state.missed)
        case Answer() | Silence():
            failures = state.failures + asked.counts
            ready = state.ready and failures < asked.check.failures
            return replace(traffic, ready=ready, failures=failures)


def counted(state: HealthState, reply: Reply, now_ms: int, *, steady_ms: int | None = None) -> HealthState:
    """What is known of its traffic after one more answer with counts in it, or without."""
    if not (isinstance(reply, Answer) and reply.in_flight is not None and reply.requests is not None):
        return replace(state, in_flight=None, quiet_since_ms=None)
    ended = reply.requests - reply.in_flight
    moved = ended != state.ended or state.stalled_since_ms is None
    unchanged = reply.requests == state.requests and state.quiet_since_ms is not None
    idle = reply.in_flight == 0
    steady_ms = now_ms if steady_ms is None else steady_ms
    since_ms = min(state.quiet_since_ms or 0, now_ms)  # not in the future of a clock that was set back
    return replace(
        state,
        in_flight=reply.in_flight,
        requests=reply.requests,
        ended=ended,
        quiet_since_ms=(since_ms if unchanged else now_ms) if idle else None,
        stalled_since_ms=None if idle else steady_ms if moved else state.stalled_since_ms,
    )


def beat(state: HealthState, reply: Reply, *, counts: bool = True) -> HealthState:
    """What is known after one more liveness check."""
    if isinstance(reply, Unasked):
        return state
    if isinstance(reply, Answer) and reply.status == 200:
        return replace(state, missed=0)
    return replace(state, missed=state.missed + counts)


def hangs(state: HealthState, health: Health, steady_ms: int) -> bool:
    """Whether it must be replaced, at this moment of the steady clock."""
    if state.missed >= health.liveness.failures:
        return True
    stalled = state.stalled_since_ms
    return health.stalled_s > 0 and stalled is not None and steady_ms - stalled >= health.stalled_s * 1000
