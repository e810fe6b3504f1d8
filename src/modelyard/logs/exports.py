"""The port to whoever lines are exported to.

Contract: `send` returns when the receiver has taken the lines, with how many of them it refused for good. It
raises what `otlp.base` says.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from modelyard.domain.logs import Line


class LogReceiver(Protocol):
    async def send(self, lines: Sequence[Line], names: Mapping[str, str]) -> int:
        """`names`: service id → name."""

    async def close(self) -> None: ...
