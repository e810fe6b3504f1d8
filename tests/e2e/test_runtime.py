"""The model server as a real process: requests, refusals, failures, the end, and what scripts are given."""

import ast
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.worlds.model_server import EXAMPLES, Connection, Start, package

pytestmark = pytest.mark.e2e

GATE = """
    class Gate(SingleNodeService):
        def _inference(self, data):
            if data.get("wait"):
                open(os.environ["GATE"]).read()  # a FIFO: waits until the test writes
            return data
"""


def test_health_then_predict_then_stop(start: Start) -> None:
    instance = start(EXAMPLES / "echo")
    instance.until_ready()
    status, answer, headers = instance.request("POST", "/", {"a": 1, "meta": {"uuid": "7"}})
    assert (status, answer) == (200, {"a": 1, "meta": {"uuid": "7"}})
    assert headers["content-type"] == "application/json"
    status, _, headers = instance.health()
    assert (status, headers["x-in-flight"], headers["x-requests"]) == (200, "0", "1")
    instance.process.send_signal(signal.SIGTERM)
    assert instance.end()[0] == 0


def test_no_thread_takes_the_cpu_from_the_gateway_by_waking_up(start: Start) -> None:
    instance = start(EXAMPLES / "echo")
    instance.until_ready()
    threads = [int(task.name) for task in Path(f"/proc/{instance.process.pid}/task").iterdir()]
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_BATCH}


def test_a_request_in_flight_is_counted_answered_and_does_not_keep_health_waiting(
    start: Start, tmp_path: Path, gate: Path
) -> None:
    answers: list[tuple[int, Any, dict[str, str]]] = []
    slow = start(package(tmp_path / "slow", GATE), GATE=str(gate))
    slow.until_ready()
    caller = threading.Thread(target=lambda: answers.append(slow.request("POST", "/", {"wait": 1})))
    caller.start()
    slow.until(lambda: slow.health()[2]["x-in-flight"] == "1")
    slow.process.send_signal(signal.SIGTERM)
    gate.write_text("go")
    caller.join(20)
    assert [a[:2] for a in answers] == [(200, {"wait": 1})]
    code, log = slow.end()
    assert code == 0, log


def test_a_caller_that_leaves_while_sending_is_no_longer_in_flight(start: Start) -> None:
    instance = start(EXAMPLES / "echo")
    instance.until_ready()
    caller = Connection(instance.path)
    caller.connect()
    caller.sock.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf")
    instance.until(lambda: instance.health()[2]["x-in-flight"] == "1")
    caller.close()
    instance.until(lambda: instance.health()[2]["x-in-flight"] == "0")


def test_idle_connections_do_not_delay_the_exit(start: Start) -> None:
    instance = start(EXAMPLES / "echo")
    instance.until_ready()
    idle = [Connection(instance.path) for _ in range(8)]
    for each in idle:
        each.request("POST", "/", b"{}")
        assert each.getresponse().read() == b"{}"
    began = time.monotonic()
    instance.process.send_signal(signal.SIGTERM)
    assert instance.end()[0] == 0
    assert time.monotonic() - began < 3
    for each in idle:
        each.close()


def test_loading_answers_503_at_once(start: Start, tmp_path: Path, gate: Path) -> None:
    script = """
        class Late(SingleNodeService):
            def __init__(self, model_name, model_path):
                open(os.environ["GATE"]).read()
    """
    instance = start(package(tmp_path / "model", script), GATE=str(gate))
    assert instance.health()[:2] == (503, {"status": "loading"})
    status, answer, _ = instance.request("POST", "/", {})
    assert (status, answer["error_code"]) == (503, "ModelArts.4302")
    gate.write_text("go")
    instance.until_ready()


def test_stopped_while_loading(start: Start, tmp_path: Path, gate: Path) -> None:
    script = (
        "class Late(SingleNodeService):\n    def __init__(self, model_path): open(os.environ['GATE']).read()\n"
    )
    instance = start(package(tmp_path / "model", script), GATE=str(gate))
    assert instance.health()[0] == 503
    instance.process.send_signal(signal.SIGTERM)
    assert instance.end()[0] == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        pytest.param("POST", "/nowhere", {}, 404, "ModelArts.4204", id="unknown path"),
        pytest.param("GET", "/", None, 405, "ModelArts.4204", id="undeclared method"),
        pytest.param("POST", "/", b"{", 400, "ModelArts.4105", id="bad JSON"),
        pytest.param("POST", "/", b"", 400, "ModelArts.4202", id="no body"),
    ],
)
def test_refusals(start: Start, method: str, path: str, body: Any, status: int, code: str) -> None:
    instance = start(EXAMPLES / "echo")
    instance.until_ready()
    found, answer, _ = instance.request(method, path, body)
    assert (found, answer["error_code"]) == (status, code)
    assert instance.health()[2]["x-in-flight"] == "0"


def test_failures_of_the_model_stay_in_the_log(start: Start, tmp_path: Path) -> None:
    script = "class Bad(SingleNodeService):\n    def _inference(self, data): raise ValueError('secret')\n"
    instance = start(package(tmp_path / "model", script))
    instance.until_ready()
    status, answer, _ = instance.request("POST", "/", {})
    assert status == 500
    assert "secret" not in str(answer)
    instance.process.send_signal(signal.SIGTERM)
    _, log = instance.end()
    assert "ValueError: secret" in log
    assert answer["error_msg"].rstrip(".").split()[-1] in log


@pytest.mark.parametrize(
    ("script", "last"),
    [
        pytest.param("def broken(:\n", "syntax error in customize_service.py, line 3", id="syntax"),
        pytest.param("import no_such_thing\n", "imports 'no_such_thing', which is not installed", id="import"),
        pytest.param("class S: pass\n", "defines no class that derives from", id="no service"),
        pytest.param("raise SystemExit(1)\n", "ended with SystemExit: 1", id="exits"),
    ],
)
def test_load_failures(start: Start, tmp_path: Path, script: str, last: str) -> None:
    code, log = start(package(tmp_path / "model", script)).end()
    assert code == 3
    assert last in log.splitlines()[-1]


def test_the_broken_example(start: Start) -> None:
    code, log = start(EXAMPLES / "broken").end()
    assert code == 3
    assert "this example fails to load on purpose" in log.splitlines()[-1]
    assert "Traceback" in log


def test_the_example_of_the_package_is_the_warm_up(start: Start, tmp_path: Path) -> None:
    script = "class S(SingleNodeService):\n    def _inference(self, data): return data['x']\n"
    code, log = start(package(tmp_path / "model", script, example={"y": 1})).end()
    assert code == 3
    assert "the warm-up with the example input failed: KeyError: 'x'" in log.splitlines()[-1]


def test_logging_of_the_model_at_its_own_level(start: Start, tmp_path: Path) -> None:
    script = """
        import logging
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
        class S(SingleNodeService):
            def _inference(self, data):
                logging.getLogger(__name__).info("asked")
                print("printed")
                return data
    """
    instance = start(package(tmp_path / "model", script))
    instance.until_ready()
    instance.request("POST", "/", {})
    instance.process.send_signal(signal.SIGTERM)
    _, log = instance.end()
    assert "INFO asked\n" in log
    assert "printed\n" in log
    assert "worker-1" not in log, "the server's own lines are not the model's"


def test_coroutines_run_side_by_side(start: Start, tmp_path: Path) -> None:
    script = """
        import asyncio
        class S(SingleNodeService):
            def __init__(self, model_name, model_path):
                self.met = None
            async def _inference(self, data):
                self.met = self.met or asyncio.Barrier(2)
                await self.met.wait()
                return data
    """
    instance = start(package(tmp_path / "model", script))
    instance.until_ready()
    answers: list[int] = []
    callers = [
        threading.Thread(target=lambda: answers.append(instance.request("POST", "/", {})[0])) for _ in range(2)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(20)
    assert answers == [200, 200]


def test_files_arrive_as_scripts_expect_them(start: Start, tmp_path: Path) -> None:
    script = """
        class S(SingleNodeService):
            def _preprocess(self, data):
                return {k: {name: len(io.read()) for name, io in v.items()} for k, v in data.items()}
    """
    instance = start(package(tmp_path / "model", script))
    instance.until_ready()
    image = os.urandom(13_000_000)
    body = (
        b'--B\r\nContent-Disposition: form-data; name="images"; filename="a.jpg"\r\n\r\n'
        + image
        + b"\r\n--B--\r\n"
    )
    status, answer, _ = instance.request("POST", "/", body, **{"Content-Type": "multipart/form-data; boundary=B"})
    assert (status, answer) == (200, {"images": {"a.jpg": 13_000_000}})


TWICE = (
    b'preamble\r\n--B\r\nContent-Disposition: form-data; name="i"; filename="a"\r\n\r\n1\r\n--Bx\r\n'
    b'--B\r\nContent-Disposition: form-data; name="i"; filename="a"\r\n\r\n2\r\n'
    b'--B\r\nContent-Disposition: form-data; name="t"\r\n\r\n\xff\r\n--B--'
)
FORM_B = {"Content-Type": "multipart/form-data; boundary=B"}


@pytest.mark.parametrize(
    "parses",
    [
        pytest.param("def _preprocess(self, data): return data", id="plain"),
        pytest.param("async def _preprocess(self, data): return data", id="coroutine"),
        pytest.param(
            "def _preprocess(self, data): return json.loads(data) if isinstance(data, str) else data", id="text"
        ),
        pytest.param("def _inference_batch(self, inputs): return inputs", id="batch"),
    ],
)
def test_what_a_body_is_comes_from_its_content_type(start: Start, tmp_path: Path, parses: str) -> None:
    script = f"""
        import json
        class S(SingleNodeService):
            {parses}
            def _postprocess(self, data):
                return {{"is": repr(self._read(data))}}
            def _read(self, data):
                if isinstance(data, dict):
                    return {{k: self._read(v) for k, v in data.items()}}
                if isinstance(data, list):
                    return [self._read(v) for v in data]
                return data.read() if hasattr(data, "read") else data
    """
    instance = start(package(tmp_path / "model", script))
    instance.until_ready()
    form = {"t": b"\xff", "i": {"a": [b"1\r\n--Bx", b"2"]}}
    for headers, body, value in (
        (FORM_B, TWICE, form),
        ({"Content-Type": "application/octet-stream"}, b'{"a": 1}', b'{"a": 1}'),
        ({"Content-Type": "image/png"}, b"\x89PNG\xff", b"\x89PNG\xff"),
        ({"Content-Type": "application/json; charset=utf-16"}, '{"a": "é"}'.encode("utf-16"), {"a": "é"}),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b'{"a": 1}', {"a": 1}),
        ({}, b'{"a": 1}', {"a": 1}),
    ):
        status, answer, _ = instance.request("POST", "/", body, **headers)
        assert status == 200, answer
        assert ast.literal_eval(answer["is"]) == value
    for headers, body, told in (
        (FORM_B, b'{"a": 1}', "no boundary"),
        ({"Content-Type": "multipart/form-data"}, TWICE, "names no boundary"),
        ({"Content-Type": "application/json"}, TWICE, "Incorrect JSON"),
        ({"Content-Type": "application/json; charset=klingon"}, b"{}", "klingon"),
        ({"Content-Type": 'image/png; name="\xe9.png"'}, b"{}", "Content-Type must be ASCII"),
    ):
        status, answer, _ = instance.request("POST", "/", body, **headers)
        assert (status, told in answer["error_msg"]) == (400, True), answer
    name = "Inference-Header-Content-Length"
    status, answer, _ = instance.request("POST", "/v2/models/m/infer", b"{}", **{name: "\xe9"})
    assert (status, f"{name} must be ASCII" in answer["error"]) == (400, True), answer


def test_a_model_without_a_script_takes_json_and_says_so(start: Start, tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLES / "iris_bare" / "train.py", tmp_path / "bare"], check=True)
    instance = start(tmp_path / "bare")
    instance.until_ready()
    for headers, body in ((FORM_B, TWICE), ({"Content-Type": "image/png"}, b"\x89"), (FORM_B, b"x")):
        status, answer, _ = instance.request("POST", "/", body, **headers)
        assert (status, answer["error_code"]) == (400, "ModelArts.4105")
    flower = {"sepal_length": 6.3, "sepal_width": 2.5, "petal_length": 5.0, "petal_width": 1.9}
    text = json.dumps({"data": {"req_data": [flower]}})
    headers = {"Content-Type": "application/json; charset=utf-16"}
    assert instance.request("POST", "/", text.encode("utf-16"), **headers)[0] == 200


def test_iris_versions_say_who_they_are(start: Start, tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLES / "iris" / "train.py", tmp_path / "iris"], check=True)
    subprocess.run([sys.executable, EXAMPLES / "iris_bare" / "train.py", tmp_path / "bare"], check=True)
    flower = {"sepal_length": 6.3, "sepal_width": 2.5, "petal_length": 5.0, "petal_width": 1.9}
    body = {"data": {"req_data": [flower]}}
    expected = {"data": {"resp_data": [{"predictresult": "virginica"}]}}
    for model, version in (("iris/v1", "1.0.0"), ("iris/v2", "2.0.0"), ("bare", None)):
        instance = start(tmp_path / model)
        instance.until_ready()
        assert instance.request("POST", "/", body)[1] == {
            **expected,
            **({"model_version": version} if version else {}),
        }
