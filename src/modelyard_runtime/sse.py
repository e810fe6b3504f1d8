"""For instances of the release before, which outlive an upgrade and import this at their first stream."""

from modelyard_runtime.http.sse import Caller, Stream, stream

__all__ = ["Caller", "Stream", "stream"]
