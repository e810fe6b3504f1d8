"""What a model sees of the trace context that its request came with, in the real model server."""

import importlib.util
import json
import signal
from pathlib import Path

import pytest
from tests.worlds.model_server import Connection, Start, package

pytestmark = pytest.mark.e2e

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CONTEXT = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "tracestate": "congo=t61rcWkgMzE"}

OURS = """
from model_service import trace
class M(SingleNodeService):
    def __init__(self, *names): pass
    {step}
"""
STEPS = {
    "a step": "def _inference(self, data): return [trace.headers(), trace.trace_id()]",
    "a step of a coroutine": """
    async def _inference(self, data):
        import asyncio
        await asyncio.sleep(0.01)
        return [trace.headers(), trace.trace_id()]
    """,
}


@pytest.mark.parametrize("step", STEPS)
def test_a_script_sees_the_context_of_its_request_and_of_no_other(start: Start, tmp_path: Path, step: str) -> None:
    model = package(tmp_path / "model", OURS.format(step=STEPS[step]))
    instance = start(model)
    instance.until_ready()
    assert instance.request("POST", "/", {}, **CONTEXT)[1] == [CONTEXT, TRACE]
    assert instance.request("POST", "/", {})[1] == [{}, ""]
    assert instance.request("POST", "/", {}, traceparent="what?")[1] == [{"traceparent": "what?"}, ""]


def test_each_item_of_a_stream_is_made_in_the_context_of_its_request(start: Start, tmp_path: Path) -> None:
    script = OURS.format(step="def _inference(self, data):\n        for _ in range(3): yield trace.trace_id()")
    instance = start(package(tmp_path / "model", script))
    instance.until_ready()
    connection = Connection(instance.path)
    connection.request("POST", "/", "{}", CONTEXT)
    assert connection.getresponse().read().decode().split() == ["data:", json.dumps(TRACE)] * 3
    connection.close()


@pytest.mark.skipif(importlib.util.find_spec("opentelemetry.context") is None, reason="no opentelemetry-api here")
def test_a_model_with_opentelemetry_has_the_request_as_its_current_context(start: Start, tmp_path: Path) -> None:
    script = """
    from opentelemetry import propagate, trace
    class M(SingleNodeService):
        def __init__(self, *names): pass
        def _inference(self, data):
            carrier = {}
            propagate.inject(carrier)
            return [carrier, format(trace.get_current_span().get_span_context().trace_id, "032x")]
    """
    instance = start(package(tmp_path / "model", script))
    instance.until_ready()
    assert instance.request("POST", "/", {}, **CONTEXT)[1] == [CONTEXT, TRACE]
    assert instance.request("POST", "/", {})[1] == [{}, "0" * 32]


def test_a_model_that_asks_for_nothing_imports_nothing(start: Start, tmp_path: Path) -> None:
    script = """
    import sys
    class M(SingleNodeService):
        def __init__(self, *names): pass
        def _inference(self, data):
            from modelyard_runtime.http import tracing
            found = [name for name in sys.modules if "opentelemetry" in name or name == tracing.OURS]
            return [found, tracing.exchange().__name__]
    """
    instance = start(package(tmp_path / "model", script))
    instance.until_ready()
    assert instance.request("POST", "/", {}, **CONTEXT)[1] == [[], "Exchange"]


def test_a_failure_is_found_in_the_log_by_its_trace(start: Start, tmp_path: Path) -> None:
    script = """
    ONE = ValueError("broken")
    class M(SingleNodeService):
        def __init__(self, *names): pass
        def _inference(self, data): raise ONE
    """
    instance = start(package(tmp_path / "model", script))
    instance.until_ready()
    for _ in range(3):
        assert instance.request("POST", "/", {}, **CONTEXT)[0] == 500
    assert instance.request("POST", "/", {}, traceparent="x\\nforged")[0] == 500
    instance.process.send_signal(signal.SIGTERM)
    _, log = instance.end()
    assert log.count(f"traceparent: {CONTEXT['traceparent']}\n") == 3
    assert "forged" not in log
