"""Any order of arrivals, departures, failures and calls, through the data plane and the queue, without threads.

A caller has one request in flight. The model fails whenever a poisoned row is in its call, as models do; it must
then be the poisoned request that fails, and no other.
"""

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from modelyard_runtime.batcher import Times
from modelyard_runtime.batching import Joint, Limits
from modelyard_runtime.dataplane import DataPlane
from modelyard_runtime.errors import bad_input
from modelyard_runtime.ledger import Ledger
from modelyard_runtime.model import Model
from modelyard_runtime.together import Together

CALLERS = 6
LIMITS = Limits(max_size=5, max_delay_s=0.005, max_wait_s=0.3)
callers = st.integers(0, CALLERS - 1)
kinds = st.sampled_from(("good", "good", "good", "poison", "refused", "own error", "not json", "broken"))


class Call:
    """One request of one caller, and everything that happened to it."""

    def __init__(self, world: "Batching", number: int, kind: str, rows: int) -> None:
        self.world = world
        self.number = number
        self.kind = kind
        self.rows = rows
        self.began_s = world.now
        self.answers: list[tuple[int, Any]] = []
        self.abandoned = 0
        self.gone = False
        self.watchers: list[Any] = []

    @property
    def over(self) -> bool:
        return bool(self.answers) or bool(self.abandoned)

    def content_type(self) -> str:
        return "application/json"

    def reply(self, status: int, body: bytes) -> None:
        self.answers.append((status, json.loads(body)))
        self.world.ledger.finish(status)

    def abandon(self) -> None:
        self.abandoned += 1
        self.world.ledger.finish()

    def disconnected(self) -> Any:
        return None if self.gone else self

    def add_done_callback(self, callback: Any) -> None:
        self.watchers.append(callback)


class Batching(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.paused: list[float] = []
        self.ledger = Ledger()
        self.calls: list[Call] = []
        self.outstanding: dict[int, Call] = {}
        self.computed: list[int] = []
        self.sizes: list[tuple[int, int]] = []
        self.during: list[tuple[int, str, int]] = []
        self.seen: set[int] = set()
        joint = Joint(
            self.predict, self.prepare, lambda item, result: {"is": result}, lambda item: item["rows"], LIMITS
        )
        plane = DataPlane(Model(routes={}, predict=lambda data: data, joint=joint), "m 1")
        plane._failed = lambda error: (500, json.dumps(str(error)).encode())  # type: ignore[method-assign]
        self.together = Together(plane, joint, self.ledger, Times(lambda: self.now, self.pause))
        self.slow = 1

    @initialize(slow=st.booleans())
    def begin(self, slow: bool) -> None:
        """Short calls run where they were received; of long ones a queue builds up, and callers are watched."""
        self.slow = 100 if slow else 1
        for _ in range(0 if slow else 100):
            self.together.batcher.pace.record(0.0001)

    # The model.

    def prepare(self, data: Any) -> Any:
        if data["kind"] == "refused":
            raise bad_input("No.")
        return data

    def predict(self, items: list[Any]) -> list[Any]:
        rows = sum(item["rows"] for item in items)
        self.sizes.append((len(items), rows))  # an assertion here would be taken for a failing model
        self.now += self.slow * (0.0005 + 0.0001 * rows)
        while self.during:
            self.arrive_now(*self.during.pop())
        if any(item["kind"] == "poison" for item in items):
            raise ValueError("poisoned")
        self.computed += [item["n"] for item in items]
        made = {"own error": KeyError("own"), "not json": object()}
        return [made.get(item["kind"], item["n"]) for item in items]

    def pause(self, seconds: float) -> None:
        assert 0 < seconds <= LIMITS.max_delay_s
        self.paused.append(seconds)
        self.now += seconds
        if self.during:
            self.arrive_now(*self.during.pop())

    # The world.

    def arrive_now(self, caller: int, kind: str, rows: int) -> None:
        if caller in self.outstanding and not self.outstanding[caller].over:
            return
        self.seen.add(caller)
        call = Call(self, len(self.calls), kind, rows)
        self.calls.append(call)
        self.outstanding[caller] = call
        self.ledger.begun += 1
        body = b"{" if kind == "broken" else json.dumps({"n": call.number, "kind": kind, "rows": rows}).encode()
        self.together.receive(call, body)

    @rule(caller=callers, kind=kinds, rows=st.sampled_from((1, 1, 1, 2, 9)))
    def arrive(self, caller: int, kind: str, rows: int) -> None:
        self.arrive_now(caller, kind, rows)

    @rule(kinds=st.lists(kinds, min_size=3, max_size=CALLERS))
    def a_burst(self, kinds: list[str]) -> None:
        for caller, kind in enumerate(kinds):
            self.arrive_now(caller, kind, 2)

    @rule(arrivals=st.lists(st.tuples(callers, kinds, st.just(1)), max_size=4))
    def arrive_during_the_next_call(self, arrivals: list[tuple[int, str, int]]) -> None:
        self.during = arrivals

    @rule(caller=callers)
    def leave(self, caller: int) -> None:
        call = self.outstanding.get(caller)
        if call is not None and not call.over:
            call.gone = True
            for told in call.watchers:
                told(call)

    @rule(seconds=st.sampled_from((0.0001, 0.001, 0.02, 3.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def turn(self) -> None:
        left = {c.number for c in self.calls if c.gone and c.watchers and not c.over}
        before, paused = len(self.computed), len(self.paused)
        self.together.batcher.turn()
        assert not left & set(self.computed[before:]), "who is known to have left is not computed"
        assert sum(self.paused[paused:]) <= 2 * LIMITS.max_delay_s

    @precondition(lambda self: not self.during and self.together.batcher.waiting_rows == 0)
    @rule()
    def a_lone_caller_is_answered_without_a_pause(self) -> None:
        self.now += 10.0
        paused = len(self.paused)
        self.arrive_now(CALLERS, "good", 1)
        if not self.outstanding[CALLERS].over:
            self.together.batcher.turn()
        assert self.outstanding[CALLERS].answers == [(200, {"is": self.outstanding[CALLERS].number})]
        assert len(self.paused) == paused

    # What always holds.

    @invariant()
    def each_request_is_answered_at_most_once_and_with_its_own_answer(self) -> None:
        for call in self.calls:
            assert len(call.answers) + call.abandoned <= 1
            assert not call.abandoned or call.gone
            for status, body in call.answers:
                self.check(call, status, body)

    def check(self, call: Call, status: int, body: Any) -> None:
        if status == 503:
            assert body["error_code"] == "ModelArts.4302"
            assert self.slow > 1
            return
        expected = {"good": 200, "refused": 400, "broken": 400}.get(call.kind, 500)
        assert status == expected
        if call.kind == "good":
            assert body == {"is": call.number}
        if call.kind == "poison":
            assert body == "poisoned"

    @invariant()
    def calls_take_requests_in_order(self) -> None:
        assert self.computed == sorted(self.computed)
        assert len(set(self.computed)) == len(self.computed), "computed twice"

    @invariant()
    def calls_are_not_larger_than_allowed(self) -> None:
        assert all(items == 1 or rows <= LIMITS.max_size for items, rows in self.sizes)

    @invariant()
    def the_books_add_up(self) -> None:
        assert self.ledger.in_flight == sum(not call.over for call in self.calls)

    def teardown(self) -> None:
        self.during = []
        for _ in range(len(self.calls) + 1):
            self.together.batcher.turn()
        assert all(call.over for call in self.calls), "somebody waits for ever"
        assert self.together.batcher.waiting_rows == 0


Batching.TestCase.settings = settings(
    max_examples=100, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestBatching = Batching.TestCase
