"""The short notation of one entry of a service's config: MODEL[=WEIGHT][xINSTANCES].

iris/1.0.0            all of the traffic (an equal share when there are several), one instance
iris/1.0.0=70         70 of 100
iris/1.0.0=70x2       and two instances
iris/1.0.0x2          two instances
"""

import re
from collections.abc import Callable
from dataclasses import replace

import typer

from modelyard.client import Variant

NOTATION = re.compile(r"(?P<model>.+?)(?:=(?P<weight>\d+))?(?:x(?P<count>\d+))?")


def variant(text: str, among: int, model_id: Callable[[str], str], base: Variant) -> Variant:
    """Read one entry out of `among`, everything that the notation does not say as in `base`.

    `model_id` turns the name of a model into its id. Raises typer.BadParameter.
    """
    match = NOTATION.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is not MODEL[=WEIGHT][xINSTANCES]")
    if match["weight"] is None and 100 % among:
        raise typer.BadParameter(f"{text!r} needs a weight: {among} models cannot share 100 equally")
    return replace(
        base,
        model_id=model_id(match["model"]),
        weight=int(match["weight"] or 100 // among),
        instance_count=int(match["count"] or 1),
    )


def assignment(text: str) -> tuple[str, str]:
    """NAME=VALUE as a pair."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
    return name, value
