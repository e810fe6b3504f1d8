"""The end of an instance: whatever SIGTERM would do in a program of the model's own. Nothing is cut short."""

import os
import signal
import threading
from pathlib import Path

import pytest
from tests.worlds.model_server import Instance, Start, package

pytestmark = pytest.mark.e2e

HEAD = """
    import asyncio, atexit, multiprocessing, signal, sqlite3, sys, threading
    from concurrent.futures import ThreadPoolExecutor

    def wait():  # until the test lets go; whoever cuts us short is found out
        open(os.environ["GATE"]).read()
        os.write(1, b"done\\n")  # a handler may have interrupted a print

    def handler(*_):
        assert threading.current_thread() is threading.main_thread()
        wait()
"""
SERVICE = """
    class S(SingleNodeService):
        def _inference(self, data):
            return data
"""
SCRIPTS = {
    "a handler of the module": "    signal.signal(signal.SIGTERM, handler)" + SERVICE,
    "a handler that exits": """
    def leave(*_):
        wait()
        sys.exit(7)
    signal.signal(signal.SIGTERM, leave)"""
    + SERVICE,
    "a handler that fails": """
    def fail(*_):
        wait()
        raise ValueError
    signal.signal(signal.SIGTERM, fail)"""
    + SERVICE,
    "a handler of the constructor": """
    class S(SingleNodeService):
        def __init__(self, model_name, model_path):
            assert signal.signal(signal.SIGTERM, handler) == signal.SIG_DFL
            assert signal.getsignal(signal.SIGTERM) is handler
        def _inference(self, data):
            return data""",
    "a handler beside threads": """
    class S(SingleNodeService):
        def __init__(self, model_name, model_path):
            signal.signal(signal.SIGTERM, handler)
        def _inference(self, data):
            return data""",
    "a handler of coroutines": """
    class S(SingleNodeService):
        def __init__(self, model_name, model_path):
            signal.signal(signal.SIGTERM, handler)
        async def _inference(self, data):
            return data""",
    "a coroutine's own end": """
    class S(SingleNodeService):
        async def _stay(self):
            try:
                await asyncio.sleep(1000)
            finally:
                wait()
        async def _inference(self, data):
            self.kept = asyncio.create_task(self._stay())
            return data""",
    "atexit, on the thread of the model": """
    class S(SingleNodeService):
        def __init__(self, model_name, model_path):
            self.db = sqlite3.connect(":memory:")
            atexit.register(self.close)
        def close(self):
            self.db.execute("select 1")  # another thread must not
            wait()
        def _inference(self, data):
            return data""",
    "a thread that is no daemon": """
    asked = threading.Event()
    def work():
        asked.wait()
        wait()
    threading.Thread(target=work).start()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())"""
    + SERVICE,
    "a pool of threads": """
    pool = ThreadPoolExecutor(1)
    class S(SingleNodeService):
        def _inference(self, data):
            pool.submit(wait)
            return data""",
    "two handlers of one signal": """
    signal.signal(signal.SIGTERM, handler)
    before = signal.getsignal(signal.SIGTERM)
    def both(*more):
        os.write(1, b"both\\n")
        before(*more)
    assert signal.signal(signal.SIGTERM, both) is handler"""
    + SERVICE,
}


def let_go(instance: Instance, gate: Path) -> None:
    """As soon as it waits there."""

    def opened() -> bool:
        assert instance.process.poll() is None, instance.end()
        try:
            handle = os.open(gate, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            return False
        os.write(handle, b"go")
        os.close(handle)
        return True

    instance.until(opened)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_model_ends_when_it_is_done(
    start: Start,
    tmp_path: Path,
    gate: Path,
    name: str,
) -> None:
    runtime = {"threads": 2} if name.endswith("beside threads") else {}
    instance = start(package(tmp_path / "p", HEAD + SCRIPTS[name], runtime=runtime), GATE=str(gate))
    instance.until_ready()
    assert instance.request("POST", "/", {"a": 1})[0] == 200
    instance.process.send_signal(signal.SIGTERM)
    let_go(instance, gate)
    code, log = instance.end()
    assert log.count("done\n") == 1
    assert code == 0, log


def test_a_handler_that_exits_does_not_end_a_request(
    start: Start,
    tmp_path: Path,
    gate: Path,
) -> None:
    script = """
    def leave(*_):
        os.write(1, b"told\\n")
        sys.exit(7)
    signal.signal(signal.SIGTERM, leave)
    class S(SingleNodeService):
        def _inference(self, data):
            os.kill(os.getpid(), signal.SIGTERM)
            wait()
            return {"answered": True}
    """
    instance = start(package(tmp_path / "p", HEAD + script), GATE=str(gate))
    instance.until_ready()
    answers: list[object] = []
    caller = threading.Thread(target=lambda: answers.append(instance.request("POST", "/", {})[:2]))
    caller.start()
    let_go(instance, gate)
    caller.join(20)
    assert answers == [(200, {"answered": True})]
    code, log = instance.end()
    assert (code, log.count("told\n")) == (0, 1)


def test_a_child_that_is_ended_ends_and_does_not_end_the_instance(start: Start, tmp_path: Path) -> None:
    script = """
    class S(SingleNodeService):
        def _inference(self, data):
            child = multiprocessing.get_context("fork").Process(target=threading.Event().wait)
            child.start()
            child.terminate()
            child.join(20)
            return {"ended": child.exitcode}
    """
    instance = start(package(tmp_path / "p", HEAD + script))
    instance.until_ready()
    for _ in range(3):
        assert instance.request("POST", "/", {})[:2] == (200, {"ended": -signal.SIGTERM})
    assert instance.health()[0] == 200
    instance.process.send_signal(signal.SIGTERM)
    assert instance.end()[0] == 0


def test_a_handler_runs_while_the_model_loads(start: Start, tmp_path: Path, gate: Path) -> None:
    script = """
    signal.signal(signal.SIGTERM, handler)
    atexit.register(print, "left", flush=True)
    class S(SingleNodeService):
        def __init__(self, model_name, model_path):
            print("loads", flush=True)
            threading.Event().wait()
    """
    instance = start(package(tmp_path / "p", HEAD + script), GATE=str(gate))
    assert instance.process.stdout is not None
    while "loads" not in instance.process.stdout.readline():
        pass
    instance.process.send_signal(signal.SIGTERM)
    let_go(instance, gate)
    code, log = instance.end()
    assert (code, log.count("done\n"), log.count("left\n")) == (0, 1, 1), log
