"""A worker that is given the next split before one is over: it reads meanwhile, and mixes nothing up."""

import json
import threading
from typing import Any

import pytest
from tests.worlds.batch_worker import Plane, parsed, serving, split, wait_for

from modelyard_runtime.model import Model

NUMBER = {"format": "csv", "mapping": {"leaf": "number", "index": 0}}
FIRST, SECOND = b"1\n2\n", b"3\n4\n"


class Gate:
    """A model that waits at the row 2."""

    def __init__(self) -> None:
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, data: Any) -> Any:
        if data == 2:
            self.reached.set()
            assert self.open.wait(60)
        return data


def gated() -> tuple[Gate, Model]:
    gate = Gate()
    return gate, Model({"/": frozenset({"POST"})}, predict=gate)


def say(plane: Plane, number: int, content: bytes, **more: Any) -> None:
    asked = split(NUMBER, content, content.count(b"\n"), number=number, **more)
    plane.send(b"S", json.dumps(asked).encode())


def hear(plane: Plane) -> tuple[bytes, Any]:
    kind, payload = plane.receive()
    return kind, [json.loads(line) for line in parsed(payload).lines] if kind == b"P" else json.loads(payload)


def wanted(plane: Plane) -> tuple[int, int]:
    kind, asked = hear(plane)
    assert kind == b"R"
    return asked["split"], asked["length"]


def test_the_next_split_is_read_while_one_is_predicted_and_told_of_behind_it() -> None:
    gate, model = gated()
    with serving(model) as plane:
        say(plane, 1, FIRST)
        assert wanted(plane) == (1, 4)
        plane.send(b"D", FIRST)
        assert gate.reached.wait(60)
        say(plane, 2, SECOND)
        assert wanted(plane) == (2, 4)  # although the first is not over
        plane.send(b"D", SECOND)
        gate.open.set()
        heard = [hear(plane) for _ in range(4)]
    end = (b"E", {"abandoned": False})
    assert heard == [(b"P", [1, 2]), end, (b"P", [3, 4]), end]


def test_an_answer_goes_to_whoever_asked_also_behind_splits_that_were_given_up() -> None:
    _, model = gated()
    with serving(model) as plane:
        content = b"1\n" * 100_000
        say(plane, 1, content)
        late = [content[: wanted(plane)[1]], content[: wanted(plane)[1]]]
        say(plane, 2, FIRST)
        plane.send(b"B")
        ends = []
        while len(ends) < 2:
            kind, said = hear(plane)
            if kind == b"R":
                assert said["split"] == 2
                late.append(b"9\n9\n")
            else:
                ends.append((kind, said))
        assert ends == [(b"E", {"abandoned": True})] * 2
        say(plane, 3, SECOND)
        assert wanted(plane) == (3, 4)
        for each in (*late, SECOND):
            plane.send(b"D", each)
        assert hear(plane) == (b"P", [3, 4])
        assert hear(plane) == (b"E", {"abandoned": False})


def test_what_is_abandoned_is_all_that_is_here() -> None:
    gate, model = gated()
    with serving(model) as plane:
        say(plane, 1, FIRST)
        wanted(plane)
        plane.send(b"D", FIRST)
        assert gate.reached.wait(60)
        say(plane, 2, SECOND)
        wanted(plane)
        plane.send(b"D", SECOND)
        plane.send(b"B")
        wait_for(lambda: all(turn.abandoned for turn in plane.link._turns))
        gate.open.set()
        heard = [hear(plane) for _ in range(3)]
    assert heard[0][0] == b"P"
    assert heard[2] == (b"E", {"abandoned": True})


@pytest.mark.parametrize("numbers", [(1, 2, 3), (0, 0)])
def test_who_says_more_splits_than_there_may_be_is_left(numbers: tuple[int, ...]) -> None:
    gate, model = gated()
    with serving(model) as plane:
        for number in numbers:
            say(plane, number, FIRST)
        with pytest.raises((EOFError, ConnectionError)):
            while True:
                plane.receive()
    gate.open.set()


def test_a_control_plane_of_an_earlier_release_is_asked_as_ever() -> None:
    _, model = gated()
    with serving(model) as plane:
        ran = plane.run(split(NUMBER, SECOND, 2), [SECOND])
    assert ran.reads == [{"file": 0, "offset": 0, "length": 4}]
    assert ran.lines == [3, 4]
