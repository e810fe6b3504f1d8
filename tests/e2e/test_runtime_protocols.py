"""The model server as callers see it: tensors over HTTP, events from generators, and logs of what goes wrong."""

import json
import signal
import socket
import struct
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.worlds.model_server import Connection, Instance, Start, package

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore")]


STREAM = """
    class S(SingleNodeService):
        def _inference(self, data):
            return self.tokens(data["n"]) if "n" in data else data
        def tokens(self, n):
            try:
                for i in range(n):
                    if i == 2:
                        open(os.environ["GATE"]).read()  # a FIFO: waits until the test writes
                    yield {"token": i}
            finally:
                print("closed", flush=True)
"""
STREAM_ASYNC = """
    import asyncio
    class S(SingleNodeService):
        async def _inference(self, data):
            try:
                for i in range(data["n"]):
                    if i == 2:
                        await asyncio.to_thread(lambda: open(os.environ["GATE"]).read())
                    yield {"token": i}
            finally:
                print("closed", flush=True)
"""


def opened(instance: Instance, body: Any) -> tuple[Connection, Any]:
    connection = Connection(instance.path)
    connection.request("POST", "/", json.dumps(body))
    return connection, connection.getresponse()


def in_flight(instance: Instance) -> int:
    return int(instance.health()[2]["x-in-flight"])


@pytest.mark.parametrize("script", [STREAM, STREAM_ASYNC], ids=["generator", "async generator"])
def test_a_generator_is_sent_as_it_yields(start: Start, tmp_path: Path, gate: Path, script: str) -> None:
    instance = start(package(tmp_path / "model", script), GATE=str(gate))
    instance.until_ready()
    connection, reply = opened(instance, {"n": 4})
    assert reply.getheader("content-type") == "text/event-stream"
    assert [reply.readline() for _ in range(4)] == [b'data: {"token":0}\n', b"\n", b'data: {"token":1}\n', b"\n"]
    assert in_flight(instance) == 1, "until its end"
    gate.write_text("go")
    assert reply.read() == b'data: {"token":2}\n\ndata: {"token":3}\n\n'
    instance.until(lambda: in_flight(instance) == 0)
    connection.close()


def test_other_requests_are_answered_between_two_items(start: Start, tmp_path: Path) -> None:
    script = """
        import itertools
        class S(SingleNodeService):
            def _inference(self, data):
                return ({"n": n} for n in itertools.count()) if data["forever"] else data
    """
    instance = start(package(tmp_path / "model", script))
    instance.until_ready()
    connection, reply = opened(instance, {"forever": True})
    assert reply.readline() == b'data: {"n":0}\n'
    assert instance.request("POST", "/", {"forever": False})[0] == 200
    reply.close()
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    instance.until(lambda: in_flight(instance) == 0)


ENDLESS = """
    import itertools, threading
    class S(SingleNodeService):
        def _inference(self, data):
            try:
                for n in itertools.count():
                    threading.Event().wait(0.002)  # a generator that never waits would fill memory
                    yield n
            finally:
                print("closed", flush=True)
"""
SILENT_ASYNC = """
    import asyncio
    class S(SingleNodeService):
        async def _inference(self, data):
            try:
                yield 0
                await asyncio.Event().wait()  # for ever
            finally:
                print("closed", flush=True)
"""


@pytest.mark.parametrize("script", [ENDLESS, SILENT_ASYNC], ids=["generator", "silent async generator"])
def test_a_caller_that_leaves_closes_the_generator(start: Start, tmp_path: Path, script: str) -> None:
    instance = start(package(tmp_path / "model", script))
    instance.until_ready()
    connection, reply = opened(instance, {})
    assert reply.readline() == b"data: 0\n"
    assert in_flight(instance) == 1
    reply.close()
    connection.close()
    instance.until(lambda: in_flight(instance) == 0)
    instance.process.send_signal(signal.SIGTERM)
    code, log = instance.end()
    assert code == 0
    assert "closed" in log


def test_a_failure_within_a_stream_is_an_event(start: Start, tmp_path: Path) -> None:
    script = """
        class S(SingleNodeService):
            def _inference(self, data):
                for n in range(data["good"]):
                    yield n
                raise ValueError("secret")
    """
    instance = start(package(tmp_path / "model", script))
    instance.until_ready()
    _, reply = opened(instance, {"good": 1})
    text = reply.read().decode()
    assert text.startswith("data: 0\n\nevent: error\ndata: {")
    assert "secret" not in text
    status, answer, _ = instance.request("POST", "/", {"good": 0})
    assert (status, answer["error_code"]) == (500, "ModelArts.4204")
    assert in_flight(instance) == 0


def test_tensors_over_http(start: Start, tmp_path: Path) -> None:
    from tests.unit.runtime.saved_models import FORMATS, ROWS
    from tests.unit.runtime.saved_models import package as saved

    (tmp_path / "model").mkdir()
    expected = saved(tmp_path / "model", FORMATS["sklearn-joblib"]).tolist()
    instance = start(tmp_path / "model")
    instance.until(lambda: instance.request("GET", "/v2/health/live")[0] == 200)
    instance.until(lambda: instance.request("GET", "/v2/health/ready")[0] == 200)
    assert instance.request("GET", "/v2/models/m")[1]["platform"] == "sklearn"
    raw = b"".join(struct.pack("<4d", *row) for row in ROWS)
    tensor = {"name": "x", "datatype": "FP64", "shape": [3, 4], "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [tensor]}).encode()
    callers = [
        threading.Thread(target=lambda: instance.request("POST", "/", {"instances": ROWS}), daemon=True)
        for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    status, answer, _ = instance.request(
        "POST",
        "/v2/models/m/versions/1.0.0/infer",
        head + raw,
        **{"Inference-Header-Content-Length": str(len(head))},
    )
    assert (status, answer["outputs"][0]["data"]) == (200, expected)
    for caller in callers:
        caller.join(20)
    assert instance.request("POST", "/v2/models/x/infer", {})[0] == 404
    assert in_flight(instance) == 0


def test_a_script_cannot_break_the_health_check(start: Start, tmp_path: Path) -> None:
    script = """
        class S(SingleNodeService):
            def _inference(self, data): return {"garbage": True}
    """
    apis = [{"url": "/health", "method": "get"}, {"url": "/v2/models/m", "method": "get"}]
    instance = start(package(tmp_path / "model", script, apis=apis))
    instance.until_ready()
    assert instance.health()[:2] == (200, {"status": "ok"})


BAD = {
    "broken pickle": ({"model.pkl": b"\x80\x04nonsense"}, "model.pkl cannot be unpickled: "),
    "no model": ({}, "holds neither customize_service.py nor a model file"),
    "import error": (
        {"customize_service.py": b"import no_such_thing\n"},
        "imports 'no_such_thing', which is not installed: add it to config.json: \"dependencies\": ",
    ),
    "import error in a sibling": (
        {"customize_service.py": b"import helper\n", "helper.py": b"import no_such_thing\n"},
        '"package_name": "no_such_thing"}]}] (helper.py, line 1)',
    ),
    "missing file": (
        {
            "customize_service.py": textwrap.dedent("""
                from model_service.model_service import SingleNodeService
                class S(SingleNodeService):
                    def __init__(self, model_name, model_path):
                        open(model_path + "/labels.json")
            """).encode()
        },
        "No such file or directory",
    ),
    "weights without code": ({"model.pt": b"PK"}, "model.pt"),
}


@pytest.mark.parametrize("case", BAD)
def test_the_last_line_of_the_log_names_the_cause(start: Start, tmp_path: Path, case: str) -> None:
    files, cause = BAD[case]
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    for name, content in files.items():
        (model / name).write_bytes(content)
    code, log = start(model).end()
    assert code == 3
    assert cause in log.splitlines()[-1]


def test_a_crash_in_native_code_leaves_its_place_in_the_log(start: Start, tmp_path: Path) -> None:
    script = """
        import faulthandler
        class S(SingleNodeService):
            def _inference(self, data):
                faulthandler._sigsegv()
    """
    instance = start(package(tmp_path / "model", script))
    instance.until_ready()
    with pytest.raises(OSError):
        instance.request("POST", "/", {})
    code, log = instance.end()
    assert code == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in log
    assert 'customize_service.py", line 7 in _inference' in log


def test_a_load_that_takes_long_says_where_it_is(start: Start, tmp_path: Path, gate: Path) -> None:
    script = """
        class S(SingleNodeService):
            def __init__(self, model_name, model_path):
                self.load()
            def load(self):
                open(os.environ["GATE"]).read()
    """
    instance = start(package(tmp_path / "model", script), GATE=str(gate), MODELYARD_LOAD_REPORT_S="1")
    assert instance.process.stdout is not None
    said = next(line for line in instance.process.stdout if "still loading" in line)
    assert "still loading after 1 s: in customize_service.py:8 (load)" in said
    gate.write_text("go")
    instance.until_ready()
    ready = next(line for line in instance.process.stdout if "ready in" in line)
    assert all(f"{phase} " in ready for phase in ("start", "imports", "load", "warm-up"))


@pytest.mark.parametrize("name", ["model.pkl", "extra/weights.joblib"])
def test_safe_formats_only(start: Start, tmp_path: Path, name: str) -> None:
    import joblib

    model = package(tmp_path / "model", "class S(SingleNodeService): pass\n")
    (model / name).parent.mkdir(exist_ok=True)
    joblib.dump({"a": 1}, model / name)
    code, log = start(model, MODELYARD_SAFE_FORMATS_ONLY="1").end()
    assert code == 3
    assert f"{name} is a pickle, which runs code when it is loaded" in log.splitlines()[-1]
