"""Any order of arrivals, departures, failures and calls, through both protocols and the queue, without threads.

A caller has one request in flight. The model fails whenever a poisoned row is in its call, as models do; it must
then be the poisoned request that fails, and no other.
"""

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from modelyard_runtime.errors import RequestError, bad_input
from modelyard_runtime.execution.batch_queue import BatchExecutor, Times
from modelyard_runtime.execution.job import Asked
from modelyard_runtime.http.disconnect import Presence
from modelyard_runtime.ledger import Ledger
from modelyard_runtime.model import Joint, Limits, Model, Tensors
from modelyard_runtime.protocols.modelarts import ModelArts
from modelyard_runtime.protocols.plane import Plane, Reply
from modelyard_runtime.protocols.v2 import OpenInference

CALLERS = 6
LIMITS = Limits(max_size=5, max_delay_s=0.005, max_wait_s=0.3)
callers = st.integers(0, CALLERS - 1)
KINDS = ("good", "poison", "refused", "own error", "not json", "broken")
kinds = st.sampled_from(("good", "good", *KINDS))
widths = st.sampled_from((0, 0, 2, 3))


class Call:
    """One request of one caller, and everything that happened to it. `width`: of its tensor; 0: none."""

    def __init__(self, world: "Batching", number: int, kind: str, rows: int, width: int) -> None:
        self.world = world
        self.number = number
        self.kind = kind
        self.rows = rows
        self.width = width
        self.began_s = world.now
        self.answers: list[tuple[int, Any]] = []
        self.abandoned = 0
        self.gone = False
        self.watchers: list[Any] = []
        self.presence: Presence | None = None

    @property
    def over(self) -> bool:
        return bool(self.answers) or bool(self.abandoned)

    @property
    def plane(self) -> Plane:
        return self.world.tensors if self.width else self.world.requests

    @property
    def body(self) -> bytes:
        if self.kind == "broken":
            return b"{"
        if not self.width:
            return json.dumps({"n": self.number, "kind": self.kind, "rows": self.rows}).encode()
        row = [self.number, KINDS.index(self.kind), 7][: self.width]
        tensor = {"name": "x", "datatype": "INT64", "shape": [self.rows, self.width], "data": row * self.rows}
        return json.dumps({"inputs": [tensor]}).encode()

    def decode(self) -> Asked | None:
        asked = self.plane.decode(self.body, lambda _: "")
        if isinstance(asked, Asked):
            return asked
        self.reply(asked)
        return None

    def answer(self, asked: Asked, result: Any) -> None:
        self.reply(self.plane.encode(asked, result))

    def refuse(self, error: RequestError) -> None:
        self.reply(self.plane.refused(error))

    def reply(self, reply: Reply) -> None:
        assert isinstance(reply.body, bytes)
        self.answers.append((reply.status, json.loads(reply.body)))
        self.world.ledger.finish(reply.status)

    def abandon(self) -> None:
        self.abandoned += 1
        self.world.ledger.finish()

    def watch(self) -> None:
        self.presence = Presence(None if self.gone else self)

    @property
    def left(self) -> bool:
        return self.presence is not None and self.presence.left

    def take(self) -> None:
        if self.presence is not None:
            self.presence.forget()

    def add_done_callback(self, callback: Any) -> None:
        self.watchers.append(callback)

    def cancel(self) -> None:
        self.watchers.clear()


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
        self.during: list[tuple[int, str, int, int]] = []
        self.seen: set[int] = set()
        joint = Joint(
            self.predict, self.prepare, lambda item, result: {"is": result}, lambda item: item["rows"], LIMITS
        )
        model = Model({}, lambda data: data, joint=joint, tensors=Tensors("p", (), (), self.run, self.fit))
        self.requests = Plane(ModelArts(model, "m 1", str))
        self.tensors = Plane(OpenInference(model, "m", "1", str))
        self.executor = BatchExecutor(LIMITS, self.ledger, times=Times(lambda: self.now, self.pause))
        self.slow = 1

    @initialize(slow=st.booleans())
    def begin(self, slow: bool) -> None:
        """Of long calls a queue builds up, and callers are watched."""
        self.slow = 100 if slow else 1

    # The model.

    def prepare(self, data: Any) -> Any:
        if data["kind"] == "refused":
            raise bad_input("No.")
        return data

    def predict(self, items: list[Any]) -> list[Any]:
        rows = sum(item["rows"] for item in items)
        self.compute([item["n"] for item in items], rows, poisoned=any(i["kind"] == "poison" for i in items))
        made = {"own error": KeyError("own"), "not json": object()}
        return [made.get(item["kind"], item["n"]) for item in items]

    def fit(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["x"][0, 1] == KINDS.index("refused"):
            raise bad_input("No.")
        return given

    def run(self, given: dict[str, Any], _wanted: Any) -> dict[str, Any]:
        numbers = given["x"][:, 0].tolist()
        poisoned = KINDS.index("poison") in given["x"][:, 1]
        self.compute(list(dict.fromkeys(numbers)), len(numbers), poisoned=poisoned)
        return {"is": given["x"][:, 0]}

    def compute(self, numbers: list[int], rows: int, *, poisoned: bool) -> None:
        self.sizes.append((len(numbers), rows))  # an assertion here would be taken for a failing model
        self.now += self.slow * (0.0005 + 0.0001 * rows)
        while self.during:
            self.arrive_now(*self.during.pop())
        if poisoned:
            raise ValueError("poisoned")
        self.computed += numbers

    def pause(self, seconds: float) -> None:
        assert 0 < seconds <= LIMITS.max_delay_s
        self.paused.append(seconds)
        self.now += seconds
        if self.during:
            self.arrive_now(*self.during.pop())

    # The world.

    def arrive_now(self, caller: int, kind: str, rows: int, width: int = 0) -> None:
        if caller in self.outstanding and not self.outstanding[caller].over:
            return
        self.seen.add(caller)
        call = Call(self, len(self.calls), kind, rows, width)
        self.calls.append(call)
        self.outstanding[caller] = call
        self.ledger.begun += 1
        self.executor.submit(call)  # type: ignore[arg-type]

    @rule(caller=callers, kind=kinds, rows=st.sampled_from((1, 1, 1, 2, 9)), width=widths)
    def arrive(self, caller: int, kind: str, rows: int, width: int) -> None:
        self.arrive_now(caller, kind, rows, width)

    @rule(arrivals=st.lists(st.tuples(kinds, widths), min_size=3, max_size=CALLERS))
    def a_burst(self, arrivals: list[tuple[str, int]]) -> None:
        for caller, (kind, width) in enumerate(arrivals):
            self.arrive_now(caller, kind, 2, width)

    @rule(arrivals=st.lists(st.tuples(callers, kinds, st.just(1), widths), max_size=4))
    def arrive_during_the_next_call(self, arrivals: list[tuple[int, str, int, int]]) -> None:
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
        self.executor.batcher.turn()
        assert not left & set(self.computed[before:]), "who is known to have left is not computed"
        assert sum(self.paused[paused:]) <= 2 * LIMITS.max_delay_s

    @precondition(lambda self: not self.during and self.executor.batcher.waiting_rows == 0)
    @rule()
    def a_lone_caller_is_answered_without_a_pause(self) -> None:
        self.now += 10.0
        paused = len(self.paused)
        self.arrive_now(CALLERS, "good", 1)
        if not self.outstanding[CALLERS].over:
            self.executor.batcher.turn()
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
        if status in (503, 504):
            assert call.number not in self.computed
            assert call.width or body["error_code"] == {503: "ModelArts.4302", 504: "ModelArts.4503"}[status]
            assert self.slow > 1 if status == 503 else self.now - call.began_s > LIMITS.max_wait_s
            return
        expected = {"good": 200, "refused": 400, "broken": 400}.get(call.kind, 500)
        if call.width and call.kind in ("own error", "not json"):  # which tensors cannot say
            expected = 200
        assert status == expected
        if status == 200 and call.width:
            data = [call.number] * call.rows
            output = {"name": "is", "datatype": "INT64", "shape": [call.rows], "data": data}
            assert body == {"model_name": "m", "model_version": "1", "outputs": [output]}
            return
        if call.width:
            assert "poisoned" in body["error"] or call.kind != "poison"
            return
        if call.kind == "good":
            assert body == {"is": call.number}
        if call.kind == "poison":
            assert "poisoned" in body["error_msg"]

    @invariant()
    def calls_take_requests_in_order(self) -> None:
        for width in (0, 2, 3):  # what cannot share a call has one after the others of its turn
            computed = [n for n in self.computed if self.calls[n].width == width]
            assert computed == sorted(computed)
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
            self.executor.batcher.turn()
        assert all(call.over for call in self.calls), "somebody waits for ever"
        assert self.executor.batcher.waiting_rows == 0


Batching.TestCase.settings = settings(
    max_examples=100, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestBatching = Batching.TestCase
