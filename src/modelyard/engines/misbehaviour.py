"""What a fake instance may do wrong, each named for what it does, and the life that follows from it.

A life is a function of the time: it keeps what was asked of the instance and when, never a state. Part of
`fake.py`, which tests import all of this from.
"""

from dataclasses import dataclass, field

from modelyard.domain.process import Process, ProcessState
from modelyard.engines.base import InstanceSpec, Observed

NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class SlowStart:
    """Takes `ms` to become ready."""

    ms: int


@dataclass(frozen=True, slots=True)
class NeverReady:
    """Runs and never answers its health check."""


@dataclass(frozen=True, slots=True)
class CrashAtStart:
    """Exits `after_ms` after its start, before it is ready."""

    after_ms: int = 10
    exit: str = "exited with status 1"


@dataclass(frozen=True, slots=True)
class CrashLater:
    """Exits `after_ms` after it became ready."""

    after_ms: int
    exit: str = "killed by signal 9 (out of memory)"


@dataclass(frozen=True, slots=True)
class Flaky:
    """Once ready, answers its health check for `up_ms`, then not for `down_ms`, and so on."""

    up_ms: int
    down_ms: int


@dataclass(frozen=True, slots=True)
class Hangs:
    """Becomes ready, stays so, and `after_ms` later its liveness check has failed too often."""

    after_ms: int


@dataclass(frozen=True, slots=True)
class Freezes:
    """Becomes ready, and `after_ms` later a signal stops it."""

    after_ms: int


@dataclass(frozen=True, slots=True)
class KeepsWaiting:
    """Becomes ready, and keeps its health check waiting from `after_ms` until `until_ms` later."""

    after_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class NoRoom:
    """Is refused for want of room."""


@dataclass(frozen=True, slots=True)
class StartLost:
    """`start` answers well and nothing comes of it: the instance never appears in `list`."""


@dataclass(frozen=True, slots=True)
class StuckInStop:
    """Ignores SIGTERM; only the end of the grace kills it."""


@dataclass(frozen=True, slots=True)
class SlowDrain:
    """Has a request inside until `ms` after `poll_fast` was first called."""

    ms: int


Misbehaviour = (
    SlowStart
    | NeverReady
    | CrashAtStart
    | CrashLater
    | Flaky
    | Hangs
    | Freezes
    | KeepsWaiting
    | NoRoom
    | StartLost
    | StuckInStop
    | SlowDrain
)


@dataclass(slots=True)
class Life:
    """What was asked about one instance and when; everything seen of it follows from this and the time."""

    spec: InstanceSpec
    started_ms: int
    start_ms: int
    stop_ms: int
    how: Misbehaviour | None = None
    stopped_ms: int = NEVER
    killed_ms: int = NEVER
    killed_exit: str = ""
    polled_fast_ms: int = NEVER
    in_flight: int = 0
    quiet_ms: int = 0
    log: list[str] = field(default_factory=list)
    node: str = ""

    @property
    def ready_ms(self) -> int:
        match self.how:
            case NeverReady() | CrashAtStart():
                return NEVER
            case SlowStart(ms):
                return self.started_ms + ms
            case _:
                return self.started_ms + self.start_ms

    @property
    def exited(self) -> tuple[int, str]:
        """When it ends and how, as far as is known."""
        ends = [(self.killed_ms, self.killed_exit)]
        if self.stopped_ms != NEVER:
            ends.append((self.stopped_ms, "exited with status 0"))
        match self.how:
            case CrashAtStart(after_ms, text):
                ends.append((self.started_ms + after_ms, text))
            case CrashLater(after_ms, text):
                ends.append((self.ready_ms + after_ms, text))
        return min(ends)

    def ready(self, now_ms: int) -> bool:
        if now_ms < self.ready_ms:
            return False
        if isinstance(self.how, Flaky):
            return (now_ms - self.ready_ms) % (self.how.up_ms + self.how.down_ms) < self.how.up_ms
        return True

    def keeps_waiting(self, now_ms: int) -> bool:
        how = self.how
        return isinstance(how, KeepsWaiting) and how.after_ms <= now_ms - self.ready_ms < how.until_ms

    def busy(self, now_ms: int) -> int:
        if isinstance(self.how, SlowDrain):
            return 1 if self.polled_fast_ms == NEVER or now_ms < self.polled_fast_ms + self.how.ms else 0
        return self.in_flight

    def changes_ms(self, now_ms: int) -> list[int]:
        """Every instant after `now_ms` at which it will look different, the first of each kind."""
        edges = [self.ready_ms, self.exited[0]]
        if isinstance(self.how, SlowDrain) and self.polled_fast_ms != NEVER:
            edges.append(self.polled_fast_ms + self.how.ms)
        if isinstance(self.how, Flaky) and now_ms >= self.ready_ms:
            period = self.how.up_ms + self.how.down_ms
            begun = now_ms - (now_ms - self.ready_ms) % period
            edges += [begun + self.how.up_ms, begun + period]
        if isinstance(self.how, Hangs | Freezes | KeepsWaiting):
            edges.append(self.ready_ms + self.how.after_ms)
        if isinstance(self.how, KeepsWaiting):
            edges.append(self.ready_ms + self.how.until_ms)
        return [edge for edge in edges if now_ms < edge <= self.exited[0] and edge < NEVER]

    def observed(self, now_ms: int, stopping: bool) -> Observed:
        spec = self.spec
        process = self._process(now_ms, stopping)
        return Observed(
            spec.instance_id,
            spec.service_id,
            spec.track,
            spec.revision,
            spec.template,
            process,
            spec.devices,
        )

    def _process(self, now_ms: int, stopping: bool) -> Process:
        exited_ms, text = self.exited
        address = f"unix:instances/{self.spec.instance_id}/s.sock"
        if now_ms >= exited_ms:
            return Process(ProcessState.EXITED, address, self.started_ms, exit=text, node=self.node)
        ready = self.ready(now_ms)
        serving = ProcessState.READY if ready else ProcessState.STARTING
        in_flight = self.busy(now_ms) if ready else None
        quiet = max(self.ready_ms, self.quiet_ms)
        if isinstance(self.how, SlowDrain) and self.polled_fast_ms != NEVER:
            quiet = self.polled_fast_ms + self.how.ms
        return Process(
            state=ProcessState.STOPPING if stopping else serving,
            address=address,
            started_ms=self.started_ms,
            in_flight=in_flight,
            quiet_since_ms=quiet if in_flight == 0 else None,
            hung=isinstance(self.how, Hangs) and now_ms >= self.ready_ms + self.how.after_ms,
            frozen=isinstance(self.how, Freezes) and now_ms >= self.ready_ms + self.how.after_ms,
            silent=self.keeps_waiting(now_ms),
            node=self.node,
        )
