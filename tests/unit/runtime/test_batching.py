"""When a call waits for more, what it learns about its costs, and what config.json may say."""

from typing import Any

import pytest

from modelyard_runtime.errors import LoadError, RequestError, bad_input
from modelyard_runtime.execution.batch_queue import Batcher, Times
from modelyard_runtime.execution.batching import (
    Costs,
    Gaps,
    Patience,
    linger_s,
)
from modelyard_runtime.execution.sharing import results_of, rows_joint
from modelyard_runtime.loading.declared import limits
from modelyard_runtime.model import Limits, Question, Rows


def costs(overhead_s: float, each_s: float) -> Costs:
    learned = Costs()
    for n in range(400):
        rows = 1 + n % 16
        learned.record(rows, overhead_s + each_s * rows)
    return learned


def test_costs_are_learned_from_calls_of_several_sizes() -> None:
    learned = costs(0.002, 0.0005)
    assert learned.overhead_s == pytest.approx(0.002, rel=0.01)
    assert learned.each_s == pytest.approx(0.0005, rel=0.01)
    assert learned.answered_in_s(100, 50) == pytest.approx(2 * 0.002 + 100 * 0.0005, rel=0.01)


def test_steady_load_does_not_make_it_forget() -> None:
    learned = costs(0.002, 0.0005)
    for _ in range(10_000):
        learned.record(8, 0.002 + 8 * 0.0005)
    assert learned.overhead_s == pytest.approx(0.002, rel=0.01)


def test_calls_of_one_size_tell_no_overhead() -> None:
    learned = Costs()
    assert (learned.overhead_s, learned.each_s) == (0.0, 0.0)
    for _ in range(100):
        learned.record(8, 0.004)
    assert learned.overhead_s == 0.0
    assert learned.each_s == pytest.approx(0.0005)


@pytest.mark.parametrize(
    ("overhead_s", "gap_s", "rows", "waited_s", "expected_s"),
    [
        pytest.param(0.002, 0.0004, 4, 0.0, 0.0008, id="they keep coming"),
        pytest.param(0.002, 0.0001, 4, 0.0, 0.00025, id="an eighth of a call, for those just answered"),
        pytest.param(0.002, 0.0001, 4, 0.00195, 0.0, id="waited as long as a call costs"),
        pytest.param(0.002, 0.0100, 1, 0.0, 0.0, id="they come too far apart"),
        pytest.param(0.0001, 0.0001, 4, 0.0, 0.0, id="nothing to save"),
        pytest.param(0.002, 0.0001, 128, 0.0, 0.0, id="full"),
        pytest.param(1.0, 0.0040, 4, 0.0, 0.005, id="never longer than max_delay"),
        pytest.param(1.0, 0.0001, 4, 0.005, 0.0, id="max_delay is over"),
    ],
)
def test_linger(overhead_s: float, gap_s: float, rows: int, waited_s: float, expected_s: float) -> None:
    gaps = Gaps()
    gaps.mean_s = gap_s
    found = linger_s(rows, waited_s, gaps.mean_s, costs(overhead_s, 0.0005), Limits())
    assert found == pytest.approx(expected_s, rel=0.05)


def test_no_delay_when_none_is_allowed() -> None:
    assert linger_s(1, 0.0, 0.0, costs(0.002, 0.0005), Limits(max_delay_s=0.0)) == 0.0


def test_a_burst_is_recognised_and_forgotten() -> None:
    gaps = Gaps()
    for n in range(40):
        gaps.record(100 + n * 0.0001)
    assert gaps.mean_s < 0.0005
    for n in range(40):
        gaps.record(200 + n * 0.5)
    assert gaps.mean_s > 0.1


def test_requests_whose_bodies_overtake_each_other_make_no_negative_gap() -> None:
    gaps = Gaps()
    for n in range(200):
        gaps.record(100 - n * 0.01)
        assert gaps.mean_s >= 0.0
        assert linger_s(4, 0.0, gaps.mean_s, costs(0.002, 0.0005), Limits()) >= 0.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, Limits(), id="not said"),
        pytest.param(True, Limits(), id="on"),
        pytest.param("auto", Limits(), id="auto"),
        pytest.param(False, None, id="off"),
        pytest.param({"max_batch_size": 8, "max_delay_ms": 2}, Limits(8, 0.002, stated=True), id="both"),
        pytest.param({"max_batch_size": "8"}, Limits(8, stated=True), id="strings are numbers"),
        pytest.param({"max_wait_s": 5, "mode": "rows"}, Limits(max_wait_s=5.0), id="wait"),
    ],
)
def test_limits(value: Any, expected: Limits | None) -> None:
    assert limits(value) == expected


@pytest.mark.parametrize(
    "value", [8, "on", [], {"max_batch_size": 0}, {"max_delay_ms": -1}, {"max_delay_ms": "nan"}, {"max_size": 3}]
)
def test_limits_that_are_wrong(value: Any) -> None:
    with pytest.raises(LoadError, match=r"config\.json: batching"):
        limits(value)


def test_only_the_guilty_fails() -> None:
    def predict(items: list[int]) -> list[int]:
        if 0 in items:
            raise ZeroDivisionError
        return [100 // item for item in items]

    found = results_of(predict, [1, 0, 4])
    assert found[0] == 100
    assert isinstance(found[1], ZeroDivisionError)
    assert found[2] == 25


def test_rows_of_several_requests_are_one_call() -> None:
    calls: list[list[int]] = []

    def run(rows: Any) -> list[int]:
        calls.append(list(rows))
        return [row * 10 for row in rows]

    def read(data: Any) -> Question:
        if not isinstance(data, list):
            raise bad_input("No.")
        return Question(data, lambda predictions: {"is": predictions})

    joint = rows_joint(Rows(read, run), Limits())
    asked = [joint.prepare(data) for data in ([1, 2], [], [3])]
    assert [joint.rows(each) for each in asked] == [2, 0, 1]
    shares = joint.predict(asked)
    assert calls == [[1, 2, 3]]
    assert [joint.finish(a, s) for a, s in zip(asked, shares, strict=True)] == [
        {"is": [10, 20]},
        {"is": []},
        {"is": [30]},
    ]
    with pytest.raises(RequestError):
        joint.prepare({})


def test_a_model_that_loses_rows_is_found_out() -> None:
    joint = rows_joint(Rows(lambda data: Question(data, list), lambda rows: rows[1:]), Limits())
    with pytest.raises(ValueError, match="1 predictions for 2 rows"):
        joint.predict([joint.prepare([1]), joint.prepare([2])])


class Request:
    """One that waits, and its job, in one."""

    def __init__(self, rows: int = 1) -> None:
        self.rows = rows
        self.came_s = 0.0
        self.left = False
        self.watched = False
        self.ends: list[Any] = []

    @property
    def job(self) -> "Request":
        return self

    def watch(self) -> None:
        self.watched = True

    def take(self) -> None:
        self.ends.append("taken")

    def abandon(self) -> None:
        self.ends.append("abandoned")

    def refuse(self, error: RequestError) -> None:
        self.ends.append(error.status)


def test_a_queue_that_cannot_be_answered_in_time_refuses() -> None:
    batcher = Batcher(lambda _: None, Limits(max_size=4, max_wait_s=1.0), Times(lambda: 0.0))
    for _ in range(10):
        batcher.costs.record(4, 0.4)  # 0.1 s a row
    taken = [Request() for _ in range(10)]
    assert all(batcher.offer(each) for each in taken)
    assert [each.watched for each in taken] == [False] + [True] * 9
    assert not batcher.offer(Request())
    assert batcher.offer(Request(0))
    batcher.turn()
    assert batcher.offer(Request(4))
    assert batcher.waiting_rows == 10


def test_what_has_waited_too_long_is_not_computed() -> None:
    ran: list[int] = []
    now = [0.0]
    times = Times(lambda: now[0])
    batcher = Batcher(lambda batch: ran.append(len(batch)), Limits(max_wait_s=60.0), times)
    old, fresh = Request(2), Request()
    fresh.came_s = 30.0
    assert batcher.offer(old)
    assert batcher.offer(fresh)
    now[0] = 60.5
    batcher.turn()
    assert (old.ends, fresh.ends) == (["taken", 504], ["taken"])
    assert ran == [1]
    assert batcher.waiting_rows == 0


def willing(patience: Patience, calls: int) -> str:
    return "".join("w" if patience.willing() else "-" for _ in range(calls))


def test_a_wait_in_vain_is_tried_ever_more_rarely() -> None:
    patience = Patience()
    seen = ""
    for _ in range(5):
        seen += willing(patience, 1)
        patience.record(in_vain=True)
        while (found := willing(patience, 1)) != "w":
            seen += found
        seen += "."
    assert seen == "w-.w--.w----.w--------.w----------------."


def test_one_that_paid_is_tried_again_at_once() -> None:
    patience = Patience()
    for _ in range(3):
        patience.record(in_vain=True)
    assert willing(patience, 5) == "----w"
    patience.record(in_vain=False)
    assert willing(patience, 3) == "www"
    patience.record(in_vain=True)
    assert willing(patience, 2) == "-w"


class Arriving:
    """A queue to which requests come while a call waits for them: `more` in all, one with each pause."""

    def __init__(self, more: int) -> None:
        self.now_s = 0.0
        self.more = more
        self.pauses = 0
        self.sizes: list[int] = []
        limits = Limits(max_size=16, max_delay_s=0.005)
        self.batcher = Batcher(
            lambda batch: self.sizes.append(len(batch)), limits, Times(lambda: self.now_s, self.pause)
        )
        self.batcher.costs = costs(0.002, 0.0)

    def pause(self, seconds: float) -> None:
        self.pauses += 1
        self.now_s += seconds
        if self.more:
            self.more -= 1
            self.come()

    def come(self) -> None:
        asked = Request()
        asked.came_s = self.now_s
        self.batcher.offer(asked)
        self.batcher.gaps.mean_s = 0.0002

    def call(self) -> None:
        self.come()
        self.batcher.turn()


@pytest.mark.parametrize(
    ("more", "then_willing"),
    [
        pytest.param(3, True, id="they stop coming"),
        pytest.param(15, False, id="they come for longer than a call costs"),
    ],
)
def test_a_call_knows_whether_its_wait_was_in_vain(more: int, then_willing: bool) -> None:
    world = Arriving(more)
    world.call()
    assert world.pauses
    assert world.batcher.patience.willing() is then_willing


def test_a_full_call_was_worth_the_wait() -> None:
    world = Arriving(99)
    for _ in range(12):
        world.come()
    world.call()
    assert world.sizes == [16]
    assert world.batcher.patience.willing()
