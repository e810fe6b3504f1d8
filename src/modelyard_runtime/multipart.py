"""For instances of the release before, which outlive an upgrade and import this at their first form."""

from modelyard_runtime.protocols.multipart import boundary, form

__all__ = ["boundary", "form"]
