"""Deliveries, carried out: the first of each lane is sent, what became of it is written, then the next.

Promises: nothing of a lane is sent before what came earlier in it was taken or given up; a lane that waits holds
no other up. Of one subscription, by one channel (also of one project), and of all, a bounded number is sent at a
time, so that one slow receiver delays itself only, and one project leaves room for the others. Nothing is sent
whose time_to_live was over, or whose subscription had ended, when its turn came. Nothing is written before it was
tried, so a crash repeats what was in flight and loses nothing. No transaction is open while something is sent.
What becomes of a try is decided in `core.deliveries`.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

from modelyard.core import deliveries, tracing
from modelyard.core.deliveries import GIVE_UP_MS, Moment, Try
from modelyard.domain.notifications import (
    Delivery,
    DeliveryState,
    Dispatch,
    Lane,
    MessageType,
    Subscription,
    SubscriptionStatus,
)
from modelyard.domain.service import Event, EventType
from modelyard.domain.texts import shown
from modelyard.domain.tracing import Span
from modelyard.notify.base import MANY, Channel, GoneError, PassingError, PermanentError
from modelyard.notify.places import Places
from modelyard.store.base import Store, WriteTransaction

log = logging.getLogger(__name__)

KeepSpans = Callable[[WriteTransaction, Sequence[Span]], Awaitable[object]]

BURST = 50
"""So many of one lane, then others have their turn."""
DAY_MS = 24 * 3600_000
OF_SUBSCRIPTION, OF_PROJECT, AT_ALL = 4, 16, MANY


@dataclass(frozen=True, slots=True)
class Patience:
    """`send_s`: how long one try may take, whatever the channel does. `give_up_ms`: how long a delivery is tried.
    `delivered_kept_ms`, `dead_kept_ms`: how long messages are kept, counted from when they were published, as soon
    as nobody waits for them any more."""

    send_s: float = 60.0
    give_up_ms: int = GIVE_UP_MS
    delivered_kept_ms: int = 7 * DAY_MS
    dead_kept_ms: int = 30 * DAY_MS


@dataclass(frozen=True, slots=True)
class Clocks:
    """The steady clock, the wall clock (milliseconds), and chance (from 0 to 1)."""

    steady_ms: Callable[[], int]
    wall_ms: Callable[[], int]
    random: Callable[[], float] = random.random

    def now(self) -> Moment:
        return Moment(self.steady_ms(), self.wall_ms(), self.random())


class Sender:
    """See the module. `channels`: by the protocols of subscriptions."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        clocks: Clocks,
        patience: Patience = Patience(),
        keep: KeepSpans | None = None,
    ) -> None:
        """`keep` stores the spans of what is delivered or given up (None: nothing is traced)."""
        self._keep = keep
        self._store = store
        self._channels = channels
        self._clocks = clocks
        self._patience = patience
        self._slots = asyncio.Semaphore(AT_ALL)
        places = {id(each): Places(min(each.at_once, AT_ALL), OF_PROJECT) for each in channels.values()}
        self._places = {name: places[id(each)] for name, each in channels.items()}
        self._few: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def lanes(self) -> Iterable[str]:
        """The keys of the lanes in which something waits."""
        async with self._store.read() as r:
            return [lane.key for lane in await r.lanes()]

    async def handle(self, key: str) -> int | None:
        """Send what is due in this lane; when something is due again (None: nothing waits)."""
        lane = Lane.of(key)
        for _ in range(BURST):
            async with self._store.read() as r:
                dispatch = await r.head(lane)
            if dispatch is None:
                return None
            now_ms = self._clocks.steady_ms()
            if wait_ms := deliveries.wait_ms(dispatch.delivery, now_ms):
                return now_ms + wait_ms
            await self._carry_out(lane, dispatch.subscription)
        return self._clocks.steady_ms()

    async def prune(self) -> None:
        """Forget what was delivered, or given up, long ago."""
        now_ms = self._clocks.wall_ms()
        async with self._store.write() as w:
            await w.prune(now_ms - self._patience.delivered_kept_ms, now_ms - self._patience.dead_kept_ms)

    async def _carry_out(self, lane: Lane, subscription: Subscription) -> None:
        """The first of the lane, as it is when its turn has come: the wait for that may be long."""
        async with self._turn(subscription):
            async with self._store.read() as r:
                dispatch = await r.head(lane)
            at = self._clocks.now()
            if dispatch is None or deliveries.wait_ms(dispatch.delivery, at.now_ms):
                return
            if why := _over(dispatch, at.wall_ms):
                await self._conclude(dispatch, deliveries.ended(dispatch.delivery, why, at.wall_ms))
                return
            gone, result = await self._tried(dispatch)
        after = deliveries.after(dispatch.delivery, result, self._clocks.now(), self._patience.give_up_ms)
        await _to_its_end(self._conclude(dispatch, after, gone=gone, passing=result.passing))

    @asynccontextmanager
    async def _turn(self, subscription: Subscription) -> AsyncIterator[None]:
        """Whoever waits for its subscription holds no place of its channel, and who has one waits for nothing that
        its project has elsewhere: places that wait for slow receivers of another channel are lost to all."""
        of_subscription = self._few.setdefault(subscription.urn, asyncio.Semaphore(OF_SUBSCRIPTION))
        places = self._places.get(subscription.protocol)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(of_subscription)
            if places is not None:
                await stack.enter_async_context(places.of(subscription.project_id))
            await stack.enter_async_context(self._slots)
            yield

    async def _tried(self, dispatch: Dispatch) -> tuple[bool, Try]:
        """Whether the endpoint wants nothing more, and what came of the try."""
        protocol = dispatch.subscription.protocol
        channel = self._channels.get(protocol)
        if channel is None:
            return False, Try(f"nothing here sends by {shown(protocol)}", passing=True)
        try:
            async with asyncio.timeout(self._patience.send_s):
                await channel.send(dispatch.subscription, dispatch.message)
        except PassingError as error:
            asked_ms = None if error.retry_after_s is None else max(0, round(error.retry_after_s * 1000))
            return False, Try(_said(error), passing=True, asked_ms=asked_ms)
        except PermanentError as error:
            return isinstance(error, GoneError), Try(_said(error))
        except TimeoutError:
            return False, Try(f"it took longer than {self._patience.send_s:g} s", passing=True)
        except Exception as error:  # a mistake in a channel must not hold its lane up for ever
            log.exception("message %s cannot be sent by %s", dispatch.message.id, protocol)
            return False, Try(f"sending failed: {type(error).__name__}", passing=True)
        return False, Try()

    async def _conclude(
        self, dispatch: Dispatch, after: Delivery, *, gone: bool = False, passing: bool = False
    ) -> None:
        """Write what became of it, and of all that can now be told of what waits behind it."""
        lane, error = dispatch.lane, after.error
        async with self._store.write() as w:
            if not await w.conclude(dispatch.delivery, after):
                return
            if self._keep is not None:
                await self._keep(w, tracing.of_delivery(dispatch, after, self._clocks.wall_ms()))
            if after.state is not DeliveryState.DEAD:
                return
            known = await w.died_before(dispatch)
            at, subscription = self._clocks.now(), dispatch.subscription
            more: dict[Lane, int] = {}
            if gone:
                subscription = replace(subscription, status=SubscriptionStatus.CANCELLED)
                more = await self._end(w, subscription, error, at.wall_ms)
            elif passing:
                why = f"what came before it could not be delivered: {error}"
                since_ms = at.now_ms - self._patience.give_up_ms
                more = {lane: await w.give_up(lane, since_ms, why, at.wall_ms)}
            log.warning("message %s to %s was given up: %s", dispatch.message.id, lane.subscription_urn, error)
            for each, count in {**more, lane: 1 + more.get(lane, 0)}.items():
                if each != lane or not known:  # of several in a row the first is told of, the rest can be seen
                    info = deliveries.given_up(subscription, count, error)
                    await _event(w, each.service_id, info, at.wall_ms)

    async def _end(
        self, w: WriteTransaction, subscription: Subscription, error: str, wall_ms: int
    ) -> dict[Lane, int]:
        """The subscription is over: nothing that waits for it is sent. How much in which lanes."""
        now = await w.subscription(None, subscription.urn)
        if now is not None:
            await w.save_subscription(replace(now, status=SubscriptionStatus.CANCELLED))
        lanes = [lane for lane in await w.lanes() if lane.subscription_urn == subscription.urn]
        return {lane: await w.give_up(lane, None, error, wall_ms) for lane in lanes}


def _over(dispatch: Dispatch, wall_ms: int) -> str:
    """Why it is not sent any more; "" when it is."""
    message = dispatch.message
    if deliveries.expired(message, wall_ms):
        return deliveries.EXPIRED
    if message.type is MessageType.NOTIFICATION and not dispatch.subscription.open:
        return "the subscription has ended"
    return ""


async def _to_its_end(work: Coroutine[object, object, None]) -> None:
    """A cancellation comes after it: what was tried is written down, so that a stop repeats nothing."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        if not task.cancelled():
            task.exception()  # retrieved: nobody else will look at it
        raise


async def _event(w: WriteTransaction, service_id: str, info: str, wall_ms: int) -> None:
    """Of the service, unless it is gone (or what was sent was none of a service's)."""
    if service_id and await w.service(None, service_id) is not None:
        await w.add_events([Event(service_id, EventType.ABNORMAL, info, wall_ms)])


def _said(error: PassingError | PermanentError) -> str:
    return error.cause or "no reason was given"
