"""Waiting for a service by watching it: what changed is told at once, and nobody asks again and again.

The stream may not be there (an older server, a proxy that keeps answers until they are whole, too many who watch):
then the service is asked for, as `waiting` does. That it is there is believed when its first event came, which is
sent at once; so a proxy that holds it back costs `FIRST_S`. Each event is a step that the caller is shown.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from modelyard.client.aio.session import AsyncSession
from modelyard.client.aio.waiting import AsyncPatience
from modelyard.client.errors import ApiError, Subject, Unreachable
from modelyard.client.records import Service, json_value, record
from modelyard.client.sse import CONTENT_TYPE, EventReader

FIRST_S = 3.0
QUIET_S = 25.0
"""A stream that says nothing for so long is broken: it has a beat of 15 s."""
AGAIN_S = 1.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AsyncFollowed(Generic[T]):
    """What is waited for. `ask`: the answer of now; `see`: the same of a service that the stream told; `ended`:
    whether it is the one that is waited for. `what`: names it when it takes too long."""

    ask: Callable[[], Awaitable[T]]
    see: Callable[[Service], T]
    ended: Callable[[T], bool]
    what: str
    subject: Subject

    async def end(self, session: AsyncSession, service_id: str, patience: AsyncPatience) -> T:
        """Raises WaitTimeout, a beat of the stream (15 s) late at most, and what `ask` does."""
        start = patience.now()
        seen, quiet_s = "", FIRST_S
        while (left_s := patience.timeout_s - (patience.now() - start)) > 0:
            headers = {"Last-Event-ID": seen} if seen else {}
            path, limit_s = f"/services/{service_id}/watch", min(quiet_s, left_s)
            try:
                async with session.stream(path, headers, limit_s) as answer:
                    if not answer.content_type.startswith(CONTENT_TYPE):
                        break
                    reader = EventReader()
                    async for piece in answer.chunks():
                        for event in reader.feed(piece):
                            if event.event == "service":
                                seen, quiet_s = event.id, QUIET_S
                                found = self.see(record(json_value(event.data), Service))
                            elif event.event == "deleted":
                                found = await self.ask()
                            else:
                                continue
                            if self.ended(found):
                                return found
                        if patience.now() - start >= patience.timeout_s:  # after beats too, which are no events
                            break
            except Unreachable:
                pass  # as if it had ended: it goes on from where it was, if it ever began
            except ApiError:
                break
            if not seen:
                break
            left_s = patience.timeout_s - (patience.now() - start)
            await patience.sleep(max(min(AGAIN_S, left_s), 0.0))
        return await patience.until(self.ask, self.ended, self.what, self.subject, start)
