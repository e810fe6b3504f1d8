"""What predicting gives, whoever does it: in this process, or over HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Answered:
    """`lines`: one for each row, or all in one. `failures`: (place, cause). `broken`: there were too many rows for
    one call."""

    lines: list[bytes]
    failures: list[tuple[int, str]]
    broken: bool = False


class Predictor(Protocol):
    """Rows of one split to lines. `most`: how many rows a call may have."""

    most: int

    def answer(self, items: Sequence[Any], numbers: Sequence[int], *, plain: bool = False) -> Answered:
        """One outcome for each of them, whatever is wrong with it. `plain`: cells are ASCII without underscores.
        Raises LeaveError."""
