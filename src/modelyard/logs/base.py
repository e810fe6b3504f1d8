"""The port to the store of lines.

Contract: `append` returns when the lines are safe from a kill -9 of this process (not of the machine); lines of
one service keep the order of the calls. `search` answers with what was appended before it began, and `core.logs`
says what a line is found by. Lines of one service are never found in another's. Whoever appends names where in the
instance's output it read (`position`), which is stored with the lines in one step, so that after a crash nothing
is read twice or left out. The numbers of a service's lines grow for ever: over restarts, and over lines that were
cut.

What was appended is masked already (`core.masking`).
"""

from collections.abc import Sequence
from typing import Protocol

from modelyard.domain.logs import Found, Kept, Line, LogQuery, Origin


class LogsUnavailableError(Exception):
    """Nothing was stored, or nothing can be read: the disk is full, or away. To be tried again later."""


class LogStore(Protocol):
    """Every call may raise LogsUnavailableError."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def append(self, origin: Origin, lines: Sequence[Line], position: str) -> int:
        """`position`: an opaque text of the collector (segment and offset) of that instance's output. The numbers
        of the lines are given here, their `origin` is the one given. Answers with the last number of the service's
        lines."""

    async def position(self, origin: Origin) -> str:
        """The last one appended of this instance; "" when there is none."""

    async def search(self, service_id: str, query: LogQuery) -> Found: ...

    async def kept(self, service_id: str) -> Kept: ...

    async def services(self) -> Sequence[str]:
        """Those of which anything is kept."""

    async def bound(self, service_id: str, most_bytes: int, oldest_ms: int) -> None:
        """Cut what is beyond the bound, oldest first, whole segments; `most_bytes` 0: however much it is. The
        newest segment stays if it is not too old."""

    async def remove(self, service_id: str) -> None:
        """All of it."""
