"""An engine in memory, for tests and for dry run: no process, no clock of its own, the same every time.

Every state is computed from `now_ms()`, so a test moves its clock and asks. Instances misbehave on demand, each
misbehaviour named for what it does:

    engine = FakeEngine(clock.now_ms, start_ms=100)
    engine.behave("bad0", CrashAtStart())            # every instance of template "bad0"
    engine.behave_next(SlowStart(5_000), StartLost())  # the next two starts, whatever they are
    engine.unavailable = True                        # list, start, stop and remove raise
    engine.cut(Scope(node="n1"))                     # what is there cannot be seen or told anything, and goes on
    engine.mend(Scope(node="n1"))                    # … as it was all along
    engine.lose("n1")                                # everything on it is gone, seen or not
    at_ms = engine.next_change_ms()                  # where to move the clock to
    engine.announce()                                # after moving it: watchers hear what changed
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from modelyard.domain.output import Output, OutputSource, Position
from modelyard.domain.process import ProcessState
from modelyard.engines.base import (
    DiskStatus,
    EngineUnavailableError,
    InstanceSpec,
    Listing,
    NoRoomError,
    Observed,
    Scope,
    Usage,
    Watcher,
)
from modelyard.engines.misbehaviour import (
    NEVER,
    CrashAtStart,
    CrashLater,
    Flaky,
    Freezes,
    Hangs,
    KeepsWaiting,
    Life,
    Misbehaviour,
    NeverReady,
    NoRoom,
    SlowDrain,
    SlowStart,
    StartLost,
    StuckInStop,
)

__all__ = [
    "CrashAtStart",
    "CrashLater",
    "FakeEngine",
    "Flaky",
    "Freezes",
    "Hangs",
    "KeepsWaiting",
    "Misbehaviour",
    "NeverReady",
    "NoRoom",
    "SlowDrain",
    "SlowStart",
    "StartLost",
    "StuckInStop",
]


class FakeEngine:
    """Implements `engines.base.Engine`. `start_ms` and `stop_ms`: how long the well-behaved take; `capacity`: how
    many may hold resources at a time (0: any number); `nodes`: where they are put, each on the emptiest in reach.
    """

    def __init__(
        self,
        now_ms: Callable[[], int],
        *,
        start_ms: int = 100,
        stop_ms: int = 10,
        capacity: int = 0,
        nodes: tuple[str, ...] = ("",),
    ) -> None:
        self._now_ms = now_ms
        self.start_ms = start_ms
        self.stop_ms = stop_ms
        self.capacity = capacity
        self.nodes = nodes
        self.unavailable = False
        self.unreachable: set[Scope] = set()
        self.started: list[InstanceSpec] = []
        self.usages: dict[str, Usage] = {}
        self.counted: dict[str, bytes] = {}
        self._lives: dict[str, Life] = {}
        self._stopping: set[str] = set()
        self._lost: set[str] = set()
        self._written: dict[str, Life] = {}
        self._by_template: dict[str, Misbehaviour] = {}
        self._next: deque[Misbehaviour | None] = deque()
        self._watchers: list[Watcher] = []
        self._announced: dict[str, Observed] = {}

    def behave(self, template: str, how: Misbehaviour | None) -> None:
        """How instances of a template started from now on behave; None: well."""
        if how is None:
            self._by_template.pop(template, None)
        else:
            self._by_template[template] = how

    def behave_next(self, *how: Misbehaviour | None) -> None:
        """How the next instances behave, in the order of their starts, before any rule for a template."""
        self._next.extend(how)

    def kill(self, instance_id: str, text: str = "killed by signal 9") -> None:
        """It dies now, as from `kill -9`."""
        life = self._lives[instance_id]
        life.killed_ms, life.killed_exit = min(life.killed_ms, self._now_ms()), text
        self.announce()

    def serve(self, instance_id: str, in_flight: int) -> None:
        """From now on this many requests are inside it."""
        life = self._lives[instance_id]
        life.in_flight, life.quiet_ms = in_flight, self._now_ms()
        self.announce()

    def cut(self, scope: Scope) -> None:
        """From now on nobody gets there; what is there goes on."""
        self.unreachable.add(scope)
        self.announce()

    def mend(self, scope: Scope) -> None:
        self.unreachable.discard(scope)
        self.announce()

    def lose(self, node: str) -> None:
        """The node breaks: nothing of what was there is left."""
        self._lives = {i: life for i, life in self._lives.items() if life.node != node}
        self.announce()

    def write_log(self, instance_id: str, *lines: str) -> None:
        self._lives[instance_id].log.extend(lines)

    def intrude(self, spec: InstanceSpec) -> None:
        """A stranger: an instance that nobody recorded, running since now."""
        self._lives[spec.instance_id] = Life(spec, self._now_ms(), self.start_ms, self.stop_ms)

    def next_change_ms(self) -> int | None:
        """The next instant at which some instance will look different by itself; None: never."""
        now = self._now_ms()
        return min((at for life in self._lives.values() for at in life.changes_ms(now)), default=None)

    def announce(self) -> None:
        """Tell the watchers of every service whose instances look different from the last time."""
        seen = {
            observed.instance_id: observed for observed in self._observe() if self._reached(observed.instance_id)
        }
        either = self._announced.keys() | seen.keys()
        changed = [seen.get(i) or self._announced[i] for i in either if seen.get(i) != self._announced.get(i)]
        self._announced = seen
        for service_id in sorted({observed.service_id for observed in changed}):
            for watcher in self._watchers:
                watcher(service_id)

    async def open(self) -> None:
        """Nothing to do: what exists is in memory."""

    async def close(self) -> None:
        """The instances live on; another control plane may `open` this engine again."""
        self._watchers.clear()

    async def list(self, service_id: str | None = None) -> Listing:
        self._check()
        return Listing(
            tuple(
                o
                for o in self._observe()
                if self._reached(o.instance_id) and (service_id is None or o.service_id == service_id)
            ),
            frozenset(self.unreachable),
        )

    async def start(self, spec: InstanceSpec) -> None:
        self._check()
        if spec.instance_id in self._lives or spec.instance_id in self._lost:
            return
        how = self._next.popleft() if self._next else self._by_template.get(spec.template)
        held = sum(observed.process.state is not ProcessState.EXITED for observed in self._observe())
        if isinstance(how, NoRoom) or (self.capacity and held >= self.capacity):
            raise NoRoomError(f"room for {self.capacity} instances, {held} there")
        node = self._place(spec.pool)
        self.started.append(spec)
        if isinstance(how, StartLost):
            self._lost.add(spec.instance_id)
            return
        self._lives[spec.instance_id] = Life(spec, self._now_ms(), self.start_ms, self.stop_ms, how, node=node)
        self.announce()

    async def stop(self, instance_id: str, grace_s: float) -> None:
        self._check()
        life = self._lives.get(instance_id)
        if life is None or not self._reached(instance_id) or self._now_ms() >= life.exited[0]:
            return
        self._stopping.add(instance_id)
        killed_ms = self._now_ms() + round(grace_s * 1000)
        ended_ms = self._now_ms() + life.stop_ms
        if isinstance(life.how, StuckInStop) or ended_ms > killed_ms:
            if killed_ms < life.killed_ms:
                life.killed_ms, life.killed_exit = killed_ms, "killed by signal 9"
        else:
            life.stopped_ms = min(life.stopped_ms, ended_ms)
        self.announce()

    async def remove(self, instance_id: str) -> None:
        self._check()
        life = self._lives.get(instance_id)
        if life is not None and self._reached(instance_id) and self._now_ms() >= life.exited[0]:
            del self._lives[instance_id]
            if life.log:
                self._written[instance_id] = life
            self._stopping.discard(instance_id)
            self.announce()

    async def log_tail(self, instance_id: str, lines: int) -> str:
        life = self._lives.get(instance_id)
        return "\n".join(life.log[-lines:]) if life and lines > 0 else ""

    async def outputs(self) -> Sequence[OutputSource]:
        self._check()
        removed = [(instance_id, life, True, True) for instance_id, life in self._written.items()]
        alive = [
            (i, life, self._now_ms() >= life.exited[0], False)
            for i, life in self._lives.items()
            if self._reached(i)
        ]
        return [
            OutputSource(
                instance_id,
                (spec := life.spec).service_id,
                spec.revision,
                spec.model_name,
                spec.model_version,
                f"{len(life.log)}",
                ended,
                gone,
                spec.envs,
                spec.secret_names,
            )
            for instance_id, life, ended, gone in (*alive, *removed)
        ]

    async def output(self, instance_id: str, after: Position | None, most_bytes: int) -> Output:
        self._check()
        life = self._lives.get(instance_id) or self._written.get(instance_id)
        after = after or Position()
        if life is None:
            return Output(after, last=True)
        written = "".join(f"{line}\n" for line in life.log).encode()
        data = written[after.offset : after.offset + most_bytes]
        over = after.offset + len(data) >= len(written) and self._now_ms() >= life.exited[0]
        return Output(after, data, ((0, self._now_ms()),) if data else (), last=over)

    async def release(self, instance_id: str, before: Position, *, last: bool = False) -> None:
        if last:
            self._written.pop(instance_id, None)

    async def usage(self, service_id: str) -> Mapping[str, Usage]:
        return {i: self.usages.get(i, Usage()) for i, life in self._lives.items() if self._runs(life, service_id)}

    def _runs(self, life: Life, service_id: str) -> bool:
        return (
            life.spec.service_id == service_id
            and self._reached(life.spec.instance_id)
            and self._now_ms() < life.exited[0]
        )

    async def metrics(self, instance_id: str, limit_s: float) -> bytes | None:
        life = self._lives.get(instance_id)
        return self.counted.get(instance_id) if life and self._now_ms() < life.exited[0] else None

    def poll_fast(self, instance_id: str) -> None:
        life = self._lives.get(instance_id)
        if life is not None and life.polled_fast_ms == NEVER:
            life.polled_fast_ms = self._now_ms()

    def enforced(self) -> Mapping[str, str]:
        return {}

    def disk(self) -> DiskStatus:
        return DiskStatus()

    def watch(self, watcher: Watcher) -> None:
        self._watchers.append(watcher)

    def _check(self) -> None:
        if self.unavailable:
            raise EngineUnavailableError("it was told to be unavailable")

    def _reached(self, instance_id: str) -> bool:
        life = self._lives[instance_id]
        return not any(scope.covers(life.spec.pool, life.node) for scope in self.unreachable)

    def _place(self, pool: str) -> str:
        """Raises NoRoomError."""
        open_ = [
            n for n in self.nodes if Scope(pool, n) not in self.unreachable and Scope(pool) not in self.unreachable
        ]
        held = Counter(life.node for life in self._lives.values() if self._now_ms() < life.exited[0])
        if not open_:
            raise NoRoomError("no node can be reached")
        return min(open_, key=lambda node: held[node])

    def _observe(self) -> tuple[Observed, ...]:
        now = self._now_ms()
        return tuple(life.observed(now, i in self._stopping) for i, life in self._lives.items())
