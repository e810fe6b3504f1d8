"""What one call of `append` brings."""

from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.domain.logs import Line, Origin


@dataclass(frozen=True, slots=True)
class Incoming:
    origin: Origin
    lines: Sequence[Line]
    position: str
