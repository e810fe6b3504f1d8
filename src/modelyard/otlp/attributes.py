"""Attributes as OTLP has them."""

from collections.abc import Mapping
from typing import Any


def fill(attributes: Any, values: Mapping[str, str | int | float | bool]) -> None:
    """Add the values to `attributes`, a repeated KeyValue of a message."""
    for name, value in values.items():
        added = attributes.add()
        added.key = name
        match value:
            case bool():
                added.value.bool_value = value
            case int():
                added.value.int_value = value
            case float():
                added.value.double_value = value
            case _:
                added.value.string_value = value
