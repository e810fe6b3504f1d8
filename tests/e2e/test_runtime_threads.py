"""One thread means one thread: whatever a script does when, and under which protocol it is asked."""

import json
import os
import select
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.worlds.model_server import Connection, Instance, Start, package

pytestmark = pytest.mark.e2e

TENSOR = {"inputs": [{"name": "x", "datatype": "INT64", "shape": [1], "data": [1]}]}
HERE = """
    import threading
    IMPORTED = threading.get_ident()
    assert threading.current_thread() is threading.main_thread()

    def here(*more):
        return len({IMPORTED, threading.get_ident(), *more}) == 1

    class Here(SingleNodeService):
        def __init__(self, model_name, model_path):
            self.made = threading.get_ident()
            self.ended = []
"""
PLAIN = """
        def _preprocess(self, data):
            return here(self.made)
        def _inference(self, data):
            return data and here(self.made)
        def _postprocess(self, data):
            return {"here": data and here(self.made)}
"""
BATCH = """
        def _preprocess(self, data):
            return here(self.made)
        def _inference_batch(self, inputs):
            return [each and here(self.made) for each in inputs]
        def _postprocess(self, data):
            return {"here": data and here(self.made)}
"""
COROUTINE = """
        async def _inference(self, data):
            import asyncio
            await asyncio.sleep(0)
            return {"here": here(self.made)}
"""
WHERE = {"plain": PLAIN, "batch": BATCH, "coroutine": COROUTINE}


@pytest.mark.parametrize("kind", WHERE)
def test_everything_of_a_script_is_one_thread(start: Start, tmp_path: Path, kind: str) -> None:
    instance = start(package(tmp_path / "p", HERE + WHERE[kind], example={"warm": 1}))
    instance.until_ready()
    for _ in range(100):  # more than it takes to prove that calls are short
        assert instance.request("POST", "/", {})[1] == {"here": True}
        assert instance.request("POST", "/v2/models/m/infer", TENSOR)[1]["outputs"][0]["data"] == [True]


STREAM = """
        def _inference(self, data):
            if "ended" in data:
                return {"ended": self.ended}
            return self.count(data["items"])
        def count(self, items):
            try:
                for n in range(items):
                    yield here(self.made)
                    threading.Event().wait(0.002)
            finally:
                self.ended.append(here(self.made))
"""
STREAM_OF_COROUTINES = """
        async def _inference(self, data):
            import asyncio
            if "ended" in data:
                yield {"ended": self.ended}
                return
            try:
                for n in range(data["items"]):
                    yield here(self.made)
                    await asyncio.sleep(0.002)
            finally:
                self.ended.append(here(self.made))
"""


def said(instance: Instance, body: bytes, length: int | None = None) -> str:
    with closing(Connection(instance.path)) as connection:
        connection.request("POST", "/", body)
        with connection.getresponse() as answer:
            return answer.read(length).decode()


def ended(instance: Instance) -> list[Any]:
    return json.loads(said(instance, b'{"ended": 1}').removeprefix("data: "))["ended"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("script", [STREAM, STREAM_OF_COROUTINES], ids=["generator", "asynchronous"])
def test_so_is_a_stream_and_its_end(start: Start, tmp_path: Path, script: str) -> None:
    instance = start(package(tmp_path / "p", HERE + script))
    instance.until_ready()
    for _ in range(50):
        assert ended(instance) == []
    assert said(instance, b'{"items": 3}') == "data: true\n\n" * 3
    assert said(instance, b'{"items": 1000000}', 12) == "data: true\n\n"
    instance.until(lambda: ended(instance) == [True, True])


def test_a_database_that_is_opened_late_stays_usable(start: Start, tmp_path: Path) -> None:
    script = """
    import sqlite3
    class Counter(SingleNodeService):
        database = None
        def _inference(self, data):
            if self.database is None:
                self.database = sqlite3.connect(":memory:")
                self.database.execute("create table seen (n integer)")
            self.database.execute("insert into seen values (1)")
            return {"seen": self.database.execute("select count(*) from seen").fetchone()[0]}
    """
    instance = start(package(tmp_path / "p", script))
    instance.until_ready()
    assert [instance.request("POST", "/", {})[1] for _ in range(100)] == [{"seen": n + 1} for n in range(100)]


def test_what_belongs_to_a_thread_is_there_from_the_constructor_on(start: Start, tmp_path: Path) -> None:
    script = """
    import asyncio, threading
    class Local(SingleNodeService):
        def __init__(self, model_name, model_path):
            self.mine = threading.local()
            self.mine.value = "made"
            self.loop = asyncio.get_event_loop()
        async def _inference(self, data):
            return {"value": self.mine.value, "loop": asyncio.get_running_loop() is self.loop}
    """
    instance = start(package(tmp_path / "p", script))
    instance.until_ready()
    assert instance.request("POST", "/", {})[:2] == (200, {"value": "made", "loop": True})
    instance.process.terminate()
    assert instance.end()[0] == 0


@pytest.mark.parametrize("step", ["def", "async def"])
@pytest.mark.parametrize("to", ["main", "another"])
def test_a_handler_of_the_script_is_called_while_it_is_idle(
    start: Start, tmp_path: Path, step: str, to: str
) -> None:
    """Also of a signal of which its thread hears nothing, since another one got it: just so it misses one that
    comes in the moment before it falls asleep."""
    script = f"""
    import signal
    class Told(SingleNodeService):
        told = 0
        def __init__(self, model_name, model_path):
            signal.signal(signal.SIGUSR1, self.tell)
            if {to!r} != "main":
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        def tell(self, number, frame):
            self.told += 1
            os.write(self.gate, b"!")
        gate = os.open(os.environ["GATE"], os.O_RDWR)
        {step} _inference(self, data):
            return {{"told": self.told}}
    """
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    instance = start(package(tmp_path / "p", script), GATE=str(gate))
    instance.until_ready()
    for told in range(3):
        assert instance.request("POST", "/", {})[1] == {"told": told}
        instance.process.send_signal(signal.SIGUSR1)
        with gate.open("rb", buffering=0) as file:
            assert select.select([file], [], [], 20)[0], "the handler was not called"
            assert file.read(1) == b"!"
    instance.process.terminate()
    code, log = instance.end()
    assert code == 0, log


def test_more_threads_when_the_package_says_so(start: Start, tmp_path: Path) -> None:
    script = """
    import threading
    class Meeting(SingleNodeService):
        barrier = threading.Barrier(2)
        def _inference(self, data):
            self.barrier.wait(20)
            return {"main": threading.current_thread() is threading.main_thread()}
    """
    instance = start(package(tmp_path / "p", script, threads=2))
    instance.until_ready()
    with closing(Connection(instance.path)) as one, closing(Connection(instance.path)) as other:
        for connection in (one, other):
            connection.request("POST", "/", b"{}")
        assert [json.loads(each.getresponse().read()) for each in (one, other)] == [{"main": False}] * 2
