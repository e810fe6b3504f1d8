"""Who watches services: whoever is told that one may have changed looks at it again.

A bell carries no content, so that a watcher who is slow loses what came in between, and never what came last. How
many may watch at once is bounded, in a project and in all: each holds a connection.
"""

import asyncio
import secrets
from collections import Counter, defaultdict
from dataclasses import dataclass

from modelyard.domain.errors import TooBusy
from modelyard.operations.sights import AllSights

EVERY = ""
"""In place of a service's id."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """`beat_s`: how long at most nothing is said, and how often it is found out whether whoever watches still may.
    `apart_s`: how far looks are apart at least; `look_s`: at most, while a task is at work, whose rows ring no
    bell."""

    of_project: int = 50
    in_all: int = 500
    beat_s: float = 15.0
    apart_s: float = 0.25
    look_s: float = 1.0


class Bell:
    """Of one watcher of one service. It rings at first, for what came while the watcher entered. `closed`:
    everybody is to leave."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._rung.set()
        self.closed = False

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, limit_s: float) -> None:
        """Until it rings, or the time is over."""
        try:
            async with asyncio.timeout(limit_s):
                await self._rung.wait()
        except TimeoutError:
            return

    def hush(self) -> None:
        """What rang so far is seen now."""
        self._rung.clear()


class Bells:
    """See the module. Safe within one event loop."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self._of: defaultdict[str, set[Bell]] = defaultdict(set)
        self._watching: Counter[str] = Counter()
        self._closed = False
        self.sights = AllSights(secrets.token_hex(4))

    def ring(self, service_id: str) -> None:
        """The service may have changed. Never blocks."""
        for bell in (*self._of.get(service_id, ()), *self._of.get(EVERY, ())):
            bell.ring()

    def enter(self, project_id: str, service_id: str) -> Bell:
        """Whoever enters must leave. `service_id` EVERY: all services. Raises TooBusy."""
        if self._watching[project_id] >= self.bounds.of_project or self._watching.total() >= self.bounds.in_all:
            raise TooBusy("too many services are watched at once: ask for the service again instead, or later")
        self._watching[project_id] += 1
        bell = Bell()
        bell.closed = self._closed
        self._of[service_id].add(bell)
        return bell

    def leave(self, project_id: str, service_id: str, bell: Bell) -> None:
        bells = self._of.get(service_id)
        if bells is None or bell not in bells:
            return
        bells.discard(bell)
        if not bells:
            del self._of[service_id]
        self._watching[project_id] -= 1
        if not self._watching[project_id]:
            del self._watching[project_id]

    def close(self) -> None:
        """Send everybody home."""
        self._closed = True
        for bells in self._of.values():
            for bell in bells:
                bell.closed = True
                bell.ring()
