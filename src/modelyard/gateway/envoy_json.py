"""The configuration that Envoy is started with, as JSON: what the parts of it share."""

from collections.abc import Mapping

Json = Mapping[str, object]


def typed(name: str, **fields: object) -> Json:
    """A message of a type that Envoy finds by its name."""
    return {"@type": f"type.googleapis.com/{name}", **fields}
