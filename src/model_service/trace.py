"""The W3C trace context of the request that is being answered: `from model_service import trace`.

    trace.headers()     {"traceparent": "00-…-…-01", "tracestate": "…"}, to be sent along with calls of your own
    trace.trace_id()    the 32 hexadecimal digits by which the request is found among traces

Empty outside of a request, for one that came without a context, and where several requests share a call. Import it
where the script begins: a script that does not pays for nothing. A model that has imported `opentelemetry` needs
none of it: its current context is the request's, so its own spans and calls belong to the same trace.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
_NONE: Mapping[str, str] = {}
_present: ContextVar[Mapping[str, str]] = ContextVar("trace", default=_NONE)


def headers() -> dict[str, str]:
    return dict(_present.get())


def trace_id() -> str:
    """ "" where there is none."""
    found = _PARENT.fullmatch(_present.get().get("traceparent", ""))
    return found.group(1) if found else ""


@contextmanager
def during(context: Mapping[str, str]) -> Iterator[None]:
    """What is done inside belongs to the request with this context; the model server says so."""
    before = _present.set(context)
    try:
        yield
    finally:
        _present.reset(before)
