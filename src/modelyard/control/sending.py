"""What sends one kind of thing to a receiver for as long as the process lives: lines of logs (`control.exporting`)
and spans (`control.span_export`) alike.

While the receiver is away it is tried less and less often. What is refused is tried in ever smaller parts, until
what is refused alone is left out, and counted.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from modelyard.core.backoff import delay_ms
from modelyard.logs.base import LogsUnavailableError
from modelyard.otlp.base import ReceiverAwayError, RefusedError
from modelyard.store.base import StoreUnavailableError

log = logging.getLogger(__name__)

BATCH = 500
QUIET_S = 1.0

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Sent:
    """Since this process began. `away`: why the last round that ended did not send everything ("": it did);
    `waiting_ms`: since when something waits (None: not known). `refused`: what the receiver would not take;
    `lost`: what was gone before it could be sent."""

    sent: int = 0
    refused: int = 0
    lost: int = 0
    away: str = ""
    failures: int = 0
    waiting_ms: int | None = None


class Sender(ABC):
    """See the module. `what`: the kind, in the plural; `lost`: what happens to it while the receiver is away."""

    def __init__(self, what: str, lost: str) -> None:
        self._what = what
        self._lost = lost
        self._size = BATCH
        self.state = Sent()

    @abstractmethod
    async def round(self) -> bool:
        """Sends a batch; whether there is more. Raises ReceiverAwayError, StoreUnavailableError,
        LogsUnavailableError."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                pause_s = 0.0 if await self.round() else QUIET_S
            except ReceiverAwayError as error:
                pause_s = self._failed(str(error), error.after_s)
            except (LogsUnavailableError, StoreUnavailableError) as error:
                pause_s = self._failed(str(error), None)
            except Exception:  # a loop's edge: see control.loop
                log.exception("%s were not exported", self._what)
                pause_s = self._failed("a fault of ours: see the log", None)
            await asyncio.sleep(pause_s)

    def now(self) -> Sent:
        """How it stands."""
        return self.state

    def told(self) -> str:
        """How it stands, for people."""
        now = self.now()
        gone = "".join(
            f", {count} {how}"
            for count, how in ((now.refused, "refused by the receiver"), (now.lost, self._lost))
            if count
        )
        if now.away:
            waiting = ""
            if now.waiting_ms is not None:
                since = datetime.fromtimestamp(now.waiting_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
                waiting = f"{self._what} since {since} wait, "
            return f"away ({now.away}): {waiting}{now.sent} {self._what} sent{gone}"
        if not now.sent and not now.refused:
            return f"nothing to send yet{gone}"
        return f"ok: {now.sent} {self._what} sent{gone}"

    async def _send(
        self,
        some: Sequence[Thing],
        send: Callable[[Sequence[Thing]], Awaitable[int]],
        name: Callable[[Thing], str],
    ) -> int:
        """How many of the first ones are done with. `send` returns how many of its own were refused, and raises
        what `otlp.base` says; `name` is for the log. Raises ReceiverAwayError."""
        while True:
            try:
                refused = await send(some)
            except RefusedError as error:
                if len(some) > 1:
                    self._size = len(some) // 2
                    some = some[: self._size]
                    continue
                log.warning("%s was refused: %s", name(some[0]), error)
                refused = 1
            self._size = min(self._size * 2, BATCH)
            sent, refused = self.state.sent + len(some) - refused, self.state.refused + refused
            self.state = replace(self.state, sent=sent, refused=refused, failures=0, waiting_ms=None)
            return len(some)

    def _well(self) -> None:
        """A round ended as it should."""
        if self.state.away:
            log.info("%s are exported again", self._what)
        self.state = replace(self.state, away="", failures=0, waiting_ms=None)

    def _failed(self, why: str, after_s: float | None) -> float:
        """How long to wait."""
        failures = self.state.failures + 1
        if why != self.state.away:
            log.warning("%s cannot be exported: %s", self._what, why)
        self.state = replace(self.state, away=why, failures=failures)
        return max(after_s or 0.0, delay_ms(failures + 1) / 1000)
