"""Changes of services, written together with the messages that they call for.

Whoever stores a service's status does it through here: the messages are in the same transaction, so that neither
is there without the other. Afterwards `wake` says that something waits to be sent; if that is lost, whoever sends
finds it all the same.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from modelyard.core import notifications
from modelyard.domain.batch import Task
from modelyard.domain.notifications import Lane, Message
from modelyard.domain.record import Changes
from modelyard.domain.service import Event, EventType, Service
from modelyard.operations.tracing import Tracing
from modelyard.store.base import WriteTransaction

LANE = "lane"
"""The kind of key that says: look whether something is to be sent there."""


@dataclass(frozen=True, slots=True)
class Teller:
    """`steady_ms`: the steady clock. `nudge` as in `operations.context`. `tracing`: None where nothing is
    traced."""

    new_id: Callable[[], str]
    steady_ms: Callable[[], int]
    nudge: Callable[[str, str], None]
    tracing: Tracing | None = None

    async def apply(
        self, w: WriteTransaction, before: Service, changes: Changes, task: Task | None = None
    ) -> Sequence[Lane] | None:
        """Write what a decision about `before` changes, and the messages; None, and nothing is written, when the
        decision was based on what is not so any more. `task`: what the decision makes of the newest task."""
        under_way = await self.tracing.under_way(w, before.id) if self.tracing is not None else None
        if not await w.apply(before.id, changes):
            return None
        lanes = await self.tell(w, before, changes)
        if self.tracing is not None and under_way is not None:
            open_, record = under_way
            task = task or await self.tracing.task_of(w, record)
            await self.tracing.became(w, open_, record, changes, task)
        return lanes

    async def save(self, w: WriteTransaction, before: Service, after: Service) -> Sequence[Lane]:
        """Write what a user made of a service, and the messages."""
        await w.save_service(after)
        await self.changed(w, before, after)
        return await self.tell(w, before, Changes(before.version, service=after))

    async def changed(self, w: WriteTransaction, before: Service | None, after: Service) -> None:
        """A user made `after` of `before` (None: of nothing), which is written."""
        if self.tracing is not None:
            await self.tracing.changed(w, before, after)

    async def tell(self, w: WriteTransaction, before: Service, changes: Changes) -> Sequence[Lane]:
        """The lanes in which the messages wait. One whose topic is gone becomes an event of the service."""
        waiting: list[Lane] = []
        for told in notifications.told(before, changes):
            message = await self.tracing.traced(w, told) if self.tracing is not None else told
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
