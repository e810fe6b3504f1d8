"""Callers that share a call, counters and upgrades, with the model server as a real process."""

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.worlds.model_server import Connection, Instance, Start, package

pytestmark = pytest.mark.e2e

BATCH = """
    import time
    class Batch(SingleNodeService):
        def _inference_batch(self, inputs):
            if "slow" in inputs[0]:
                time.sleep(0.2)  # what the server learns the cost of a call from
            if "wait" in inputs[0]:
                open(os.environ["GATE"]).read()  # a FIFO: waits until the test writes
            if any("poison" in each for each in inputs):
                raise ValueError("a poisoned row")
            with open("computed", "a") as file:
                file.writelines(f"{each.get('n')}\\n" for each in inputs)
            return [{"n": each.get("n"), "together": len(inputs)} for each in inputs]
"""


class Asking:
    """Callers that wait, each in a thread."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.answers: dict[Any, tuple[int, Any]] = {}
        self.threads: list[threading.Thread] = []

    def ask(self, name: Any, body: Any, path: str = "/") -> None:
        def wait() -> None:
            self.answers[name] = self.instance.request("POST", path, body)[:2]

        thread = threading.Thread(target=wait)
        thread.start()
        self.threads.append(thread)
        self.in_flight(len(self.threads))

    def in_flight(self, count: int) -> None:
        self.instance.until(lambda: self.instance.health()[2]["x-in-flight"] == str(count))

    def all(self) -> dict[Any, tuple[int, Any]]:
        for thread in self.threads:
            thread.join(20)
        return self.answers


def settled(instance: Instance) -> None:
    """What was sent has reached the queue: each of these goes through the same threads, behind it."""
    for _ in range(5):
        instance.health()


@pytest.fixture
def batching(start: Start, tmp_path: Path, gate: Path) -> Instance:
    instance = start(package(tmp_path / "model", BATCH), GATE=str(gate), MODELYARD_METRICS_SOCKET="m")
    instance.until_ready()
    return instance


def test_what_arrives_during_a_call_is_the_next_call(batching: Instance, gate: Path) -> None:
    asking = Asking(batching)
    asking.ask("first", {"wait": 1})
    with gate.open("w"):  # opens when the call has
        for n in range(4):
            asking.ask(n, {"n": n})
        settled(batching)
    answers = asking.all()
    assert answers.pop("first") == (200, {"n": None, "together": 1})
    assert answers == {n: (200, {"n": n, "together": 4}) for n in range(4)}


def test_requests_of_both_protocols_share_a_call(batching: Instance, gate: Path) -> None:
    asking = Asking(batching)
    asking.ask("first", {"wait": 1})
    with gate.open("w"):
        asking.ask("plain", {"n": [1]})
        for name in ("two", "three"):
            tensor = {"name": "n", "datatype": "INT64", "shape": [1], "data": [len(name)]}
            asking.ask(name, {"inputs": [tensor]}, "/v2/models/m/infer")
        settled(batching)
    answers = asking.all()
    assert answers["plain"] == (200, {"n": [1], "together": 3})
    for name in ("two", "three"):
        n, together = answers[name][1]["outputs"]
        assert (n["data"], together["data"]) == ([len(name)], [3])


ALONE = """
    class Alone(SingleNodeService):
        def _inference(self, data):
            if "wait" in data:
                open(os.environ["GATE"]).read()  # a FIFO: waits until the test writes
            with open("computed", "a") as file:
                file.write(f"{data.get('n')}\\n")
            return data
"""


def test_beyond_a_number_of_waiting_requests_the_next_is_refused(start: Start, tmp_path: Path, gate: Path) -> None:
    instance = start(package(tmp_path / "model", ALONE), GATE=str(gate), MODELYARD_MAX_WAITING="2")
    instance.until_ready()
    asking = Asking(instance)
    asking.ask("first", {"wait": 1})
    with gate.open("w"):
        for n in range(2):
            asking.ask(n, {"n": n})
        settled(instance)
        status, body, headers = instance.request("POST", "/", {"n": "refused"})
        assert (status, body["error_code"], headers["retry-after"]) == (503, "ModelArts.4302", "1")
        tensors = {"inputs": [{"name": "n", "datatype": "INT64", "shape": [1], "data": [1]}]}
        status, body, headers = instance.request("POST", "/v2/models/m/infer", tensors)
        assert (status, list(body), headers["retry-after"]) == (503, ["error"], "1")
    assert {status for status, _ in asking.all().values()} == {200}
    assert (instance.path.parent / "computed").read_text().splitlines() == ["None", "0", "1"]


def test_who_has_left_the_queue_of_a_model_that_does_not_batch_is_not_computed(
    start: Start, tmp_path: Path, gate: Path
) -> None:
    instance = start(package(tmp_path / "model", ALONE), GATE=str(gate))
    instance.until_ready()
    asking = Asking(instance)
    asking.ask("first", {"wait": 1})
    with gate.open("w"):
        leaver = Connection(instance.path)
        leaver.request("POST", "/", b'{"n": "left"}')
        asking.in_flight(2)
        settled(instance)
        leaver.close()
        settled(instance)
    asking.all()
    asking.in_flight(0)
    assert (instance.path.parent / "computed").read_text().splitlines() == ["None"]


def test_a_poisoned_request_fails_alone(batching: Instance, gate: Path) -> None:
    asking = Asking(batching)
    asking.ask("first", {"wait": 1})
    with gate.open("w"):
        for n in range(3):
            asking.ask(n, {"n": n, "poison": 1} if n == 1 else {"n": n})
        settled(batching)
    answers = asking.all()
    assert answers[1][0] == 500
    assert [answers[n] for n in (0, 2)] == [(200, {"n": n, "together": 1}) for n in (0, 2)]


def test_who_has_left_is_not_computed(batching: Instance, gate: Path) -> None:
    batching.request("POST", "/", {"slow": 1})
    asking = Asking(batching)
    asking.ask("first", {"wait": 1})
    with gate.open("w"):
        leaver = Connection(batching.path)
        leaver.request("POST", "/", b'{"n": "left"}')
        asking.in_flight(2)
        settled(batching)
        leaver.close()
        settled(batching)
    asking.all()
    assert "left" not in (batching.path.parent / "computed").read_text()
    asking.in_flight(0)
    assert "modelyard_callers_left_total 1" in metrics(batching)


def metrics(instance: Instance) -> list[str]:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(20)
        caller.connect(str(instance.path.parent / "m"))
        caller.sendall(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n")
        return caller.makefile("rb").read().decode().splitlines()


def test_counters_are_on_a_socket_of_their_own(batching: Instance) -> None:
    for n in range(3):
        assert batching.request("POST", "/", {"n": n})[0] == 200
    assert batching.request("POST", "/metrics", {})[0] == 404
    assert batching.request("GET", "/metrics")[0] == 404
    Asking(batching).in_flight(0)
    found = metrics(batching)
    assert 'modelyard_answers_total{status="2xx"} 3' in found
    assert 'modelyard_answers_total{status="4xx"} 2' in found
    assert 'modelyard_batch_rows_bucket{le="1"} 3' in found
    assert "modelyard_request_seconds_count 5" in found
    assert "modelyard_in_flight 0" in found
    assert os.stat(batching.path.parent / "m").st_mode & 0o777 == 0o600  # noqa: PTH116


def test_an_upgrade_is_refused(batching: Instance) -> None:
    status, answer, _ = batching.request("GET", "/", None, Connection="Upgrade", Upgrade="websocket")
    assert (status, answer["error_code"]) == (400, "ModelArts.4204")
    assert "WebSocket" in answer["error_msg"]


def test_a_socket_for_counters_that_cannot_be_is_no_reason_not_to_serve(start: Start, tmp_path: Path) -> None:
    instance = start(package(tmp_path / "model", BATCH), MODELYARD_METRICS_SOCKET="no/such/directory/m")
    instance.until_ready()
    assert instance.request("POST", "/", {"n": 1})[0] == 200


def test_who_is_refused_may_finish_sending(batching: Instance) -> None:
    image = b" " * 8_000_000
    for _ in range(3):
        assert batching.request("POST", "/nowhere", image)[0] == 404
    Asking(batching).in_flight(0)
