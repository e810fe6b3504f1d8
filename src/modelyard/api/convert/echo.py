"""Giving back what was sent."""

from collections.abc import Mapping
from typing import Any

from modelyard.api.schemas.wire import Wire

Json = dict[str, object]


def echo(model: Wire, raw: Mapping[str, Any]) -> Json:
    """What was sent and is known, or kept anyway, in the order in which it was sent; numbers are numbers."""
    shown: Json = {}
    for name in raw:
        if name in type(model).model_fields:
            if (value := getattr(model, name)) is not None:
                shown[name] = _plain(value, raw[name])
        elif model.keeps_unknown:
            shown[name] = raw[name]  # null too: it takes away what was kept before
    return shown


def _plain(value: object, raw: Any) -> object:
    if isinstance(value, Wire):
        return echo(value, raw)
    if isinstance(value, list) and len(value) == len(raw):
        return [_plain(one, sent) for one, sent in zip(value, raw, strict=True)]
    if isinstance(value, float) and not isinstance(raw, float) and value.is_integer():
        return int(value)
    return value
