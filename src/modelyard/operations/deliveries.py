"""Use cases of deliveries: what became of messages, and sending again what was given up."""

from collections.abc import Sequence
from dataclasses import replace

from modelyard.domain.errors import Conflict, NotFound
from modelyard.domain.identity import CONTROL_READ, CONTROL_WRITE, Principal
from modelyard.domain.notifications import Dispatch
from modelyard.operations.context import Context, authorise
from modelyard.store.notifications import Again, DeliveryQuery, Window

BATCH = 1000
"""Deliveries in one transaction: others write between two."""


async def deliveries(
    ctx: Context, principal: Principal, query: DeliveryQuery, window: Window
) -> tuple[int, Sequence[Dispatch]]:
    """Of the project that the query names. Raises Forbidden."""
    authorise(principal, query.project_id or "", CONTROL_READ, "listDeliveries")
    async with ctx.store.read() as r:
        return await r.deliveries(query, window)


async def redeliver(ctx: Context, principal: Principal, query: DeliveryQuery) -> int:
    """Send the dead letters that match again, and those that wait at once: how many. Each goes with the id that it
    had, in the order of messages, a batch in each transaction. Raises Forbidden; NotFound when the query names a
    message that is not there, Conflict when nothing of it can be sent."""
    authorise(principal, query.project_id or "", CONTROL_WRITE, "redeliver")
    id = query.message_id
    again = Again(ctx.steady(), ctx.clock(), BATCH)
    count = 0
    while True:
        async with ctx.store.write() as w:
            if id is not None and await w.message(query.project_id, id) is None:
                raise NotFound("message", id)
            found = await w.redeliver(query, again)
        ctx.teller.wake(found.lanes)
        count += sum(found.lanes.values())
        if found.after is None:
            break
        again = replace(again, after=found.after)
    if id is not None and not count:
        raise Conflict(
            "Nothing of this message can be sent again: it was delivered, its time_to_live is over, or nobody is"
            " subscribed any more.",
            code="0104",
        )
    return count
