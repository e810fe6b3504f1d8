"""The places of a channel that carries only so much at a time, shared among projects.

Promises: no project has all of them while there is more than one, so that receivers of one that take nothing leave
room for the others; whoever waits gets one by project, each project in its turn, whatever the others have waiting.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Places:
    """See the module. `count`: how many there are; `share`: so many of one project at most."""

    def __init__(self, count: int, share: int) -> None:
        self._free = count
        self._share = max(min(count - 1, share), 1)
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def of(self, project_id: str) -> AsyncIterator[None]:
        """Inside, the project has a place."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(project_id, deque()).append(turn)
        self._give()
        try:
            await turn
            yield
        finally:
            if turn.done() and not turn.cancelled():
                self._held -= Counter((project_id,))  # and forgets who has none
                self._free += 1
            self._give()

    def _give(self) -> None:
        while self._free and (project_id := self._next()) is not None:
            waiting = self._waiting[project_id]
            turn = waiting.popleft()
            if not turn.cancelled():  # else it was nobody's turn
                turn.set_result(None)
                self._free -= 1
                self._held[project_id] += 1
                self._waiting.move_to_end(project_id)
            if not waiting:
                del self._waiting[project_id]

    def _next(self) -> str | None:
        return next((each for each in self._waiting if self._held[each] < self._share), None)
