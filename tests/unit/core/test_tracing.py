"""Trace contexts as W3C has them, by its own examples and by what it forbids."""

import pytest

from modelyard.core.tracing import parsed
from modelyard.domain.tracing import TraceContext

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("traceparent", "state", "found"),
    [
        (f"00-{TRACE}-{SPAN}-01", "", TraceContext(TRACE, SPAN)),
        (f"00-{TRACE}-{SPAN}-00", "a=b", TraceContext(TRACE, SPAN, "a=b", sampled=False)),
        (f"00-{TRACE}-{SPAN}-03", "", TraceContext(TRACE, SPAN)),
        (f" 00-{TRACE}-{SPAN}-01 ", "", TraceContext(TRACE, SPAN)),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", "", TraceContext(TRACE, SPAN)),
        (f"00-{TRACE}-{SPAN}-01", "a" * 513, TraceContext(TRACE, SPAN)),
        (f"00-{TRACE}-{SPAN}-01", "a=\x00", TraceContext(TRACE, SPAN)),
    ],
)
def test_a_context_is_read(traceparent: str, state: str, found: TraceContext) -> None:
    assert parsed(traceparent, state) == found


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        "x" * 10_000,
    ],
)
def test_what_is_none_begins_a_trace_of_its_own(traceparent: str) -> None:
    assert parsed(traceparent) is None
