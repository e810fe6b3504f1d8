"""What is taken of what the gateway tells."""

import pytest

from modelyard.domain.tracing import GATEWAY
from modelyard.otlp.attributes import fill
from modelyard.otlp.messages import ExportTraceServiceRequest
from modelyard.traces.otlp import of_gateway


@pytest.mark.parametrize(("state", "taken"), [("a=b", "a=b"), ("x" * 512, "x" * 512), ("x" * 513, "")])
def test_what_callers_send_along_is_bounded(state: str, taken: str) -> None:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_state = state
    fill(span.attributes, {"modelyard.service.id": "s", "long": "y" * 5000})
    (came,) = of_gateway(request.SerializeToString())
    assert (came.state, came.origin, len(str(came.attributes["long"]))) == (taken, GATEWAY, 4096)
