"""Objects on their way in and out: as long as they may be, so they stream, in bounds of their own.

    at once      a few of each project, and of all projects together; of more, the newest is sent away for a
                 moment (503). So a project with slow uploads keeps only itself waiting.
    in time      the next bytes of an upload are waited for 30 s, and for all of them together 20 s and a second
                 more for each 16 KiB that came. Time in which the object store makes us wait does not count.
    in memory    a piece of each

Nothing of it is read before its caller is known, and allowed to. An object is no body of the control plane
(`api.body`), so none of its room is taken; and what a connection may take for it is decided here (`api.arrivals`).
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from fastapi import Request
from starlette.requests import ClientDisconnect

from modelyard.api.arrivals import ARRIVAL, Arrival
from modelyard.domain.errors import DomainError, TooBusy

PIECE_BYTES = 1024 * 1024
"""What is handed on at once: each piece costs a hop into a thread and back."""


class TooSlow(DomainError):
    """The object did not come in time."""

    def __init__(self) -> None:
        super().__init__(
            "The object did not come in time: nothing came for too long, or too little. Send it again."
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """How long an upload may be waited for, in seconds."""

    next_s: float = 30
    first_s: float = 20
    bytes_per_s: int = 16 * 1024

    def left_s(self, waited_s: float, received: int) -> float:
        """For the next bytes.

        >>> Pace().left_s(0, 0), Pace().left_s(10, 0), Pace().left_s(100, 100 * 16 * 1024)
        (20, 10, 20.0)
        """
        return min(self.next_s, self.first_s + received / self.bytes_per_s - waited_s)


class Places:
    """Who may be under way: `everybody` altogether, `each` of one project. A store may hold some parts of each in
    memory (`objects.s3`)."""

    def __init__(self, everybody: int = 32, each: int = 8) -> None:
        self._everybody = everybody
        self._each = each
        self._taken: Counter[str] = Counter()

    def taken(self, project_id: str) -> Callable[[], None]:
        """A place; what is returned gives it back. Raises TooBusy."""
        if self._taken[project_id] >= self._each:
            raise TooBusy(f"{self._each} objects of this project are on their way already. Send it again.")
        if self._taken.total() >= self._everybody:
            raise TooBusy(f"{self._everybody} objects are on their way already. Send it again.")
        self._taken[project_id] += 1

        def give_back() -> None:
            self._taken[project_id] -= 1
            if not self._taken[project_id]:
                del self._taken[project_id]

        return give_back

    @contextmanager
    def one(self, project_id: str) -> Iterator[None]:
        """A place while the context lasts. Raises TooBusy."""
        give_back = self.taken(project_id)
        try:
            yield
        finally:
            give_back()


async def content(request: Request, pace: Pace) -> AsyncIterator[bytes]:
    """The body, in pieces: all that came of it, also when it then raises TooSlow, or ClientDisconnect since it
    broke off."""
    state = request.scope["state"]
    if "body" in state:  # it was signed, and so read already
        yield state["body"]
        return
    arrival = state.get(ARRIVAL)
    if isinstance(arrival, Arrival):
        arrival.upload(asyncio.get_running_loop().time())
    stream, received, waited_s = request.stream(), 0, 0.0
    piece = bytearray()
    broken: Exception | None = None
    while broken is None:
        begun = monotonic()
        try:
            async with asyncio.timeout(pace.left_s(waited_s, received)):
                more = await anext(stream, None)
        except TimeoutError:
            broken = TooSlow()
        except ClientDisconnect as gone:
            broken = gone
        else:
            if more is None:
                break
            waited_s += monotonic() - begun
            received += len(more)
            piece += more
            if len(piece) >= PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
    if piece:
        yield bytes(piece)
    if broken is not None:
        raise broken
