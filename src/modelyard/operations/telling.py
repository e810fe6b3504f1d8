"""Changes of services, written together with the messages that they call for.

Whoever stores a service's status does it through here: the messages are in the same transaction, so that neither
is there without the other. Afterwards `wake` says that something waits to be sent; if that is lost, whoever sends
finds it all the same.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from modelyard.core import notifications
from modelyard.domain.notifications import Lane, Message
from modelyard.domain.record import Changes
from modelyard.domain.service import Event, EventType, Service
from modelyard.store.base import WriteTransaction

LANE = "lane"
"""The kind of key that says: look whether something is to be sent there."""


@dataclass(frozen=True, slots=True)
class Teller:
    """`steady_ms`: the steady clock. `nudge` as in `operations.context`."""

    new_id: Callable[[], str]
    steady_ms: Callable[[], int]
    nudge: Callable[[str, str], None]

    async def apply(self, w: WriteTransaction, before: Service, changes: Changes) -> Sequence[Lane] | None:
        """Write what a decision about `before` changes, and the messages; None, and nothing is written, when the
        decision was based on what is not so any more."""
        if not await w.apply(before.id, changes):
            return None
        return await self.tell(w, before, changes)

    async def save(self, w: WriteTransaction, before: Service, after: Service) -> Sequence[Lane]:
        """Write what a user made of a service, and the messages."""
        await w.save_service(after)
        return await self.tell(w, before, Changes(before.version, service=after))

    async def tell(self, w: WriteTransaction, before: Service, changes: Changes) -> Sequence[Lane]:
        """The lanes in which the messages wait. One whose topic is gone becomes an event of the service."""
        waiting: list[Lane] = []
        for message in notifications.told(before, changes):
            lanes = await w.add_message(replace(message, id=self.new_id()), self.steady_ms())
            if lanes is None:
                await w.add_events([_dropped(message)])
            else:
                waiting += lanes
        return waiting

    def wake(self, lanes: Iterable[Lane]) -> None:
        for lane in lanes:
            self.nudge(LANE, lane.key)


def _dropped(message: Message) -> Event:
    return Event(message.service_id, EventType.ABNORMAL, notifications.dropped(message), message.created_ms)
