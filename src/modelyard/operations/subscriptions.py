"""Use cases of subscriptions: subscribe, confirm, unsubscribe (contract §7).

Nothing is sent to an address before whoever reads there said yes: it gets a token in a confirmation, good for 48
hours, and only with that a subscription by http, https or email is confirmed. To subscribe again what is not
confirmed makes a new token and sends it, at most once a minute (`confirmations`); the old one is void then. Who is
subscribed can leave by a link that is in every message, without a login.

The secret that a subscription's messages are signed with is shown when it is made, and to those who may change it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelyard.core import envelopes
from modelyard.core import topics as rules
from modelyard.domain.errors import Conflict, Forbidden, Invalid, NotFound, Unsupported, Violation
from modelyard.domain.identity import CONTROL_READ, CONTROL_WRITE, Principal
from modelyard.domain.notifications import (
    DeliveryState,
    Lane,
    Message,
    MessageType,
    Subscription,
    SubscriptionStatus,
)
from modelyard.domain.texts import shown
from modelyard.notify import signatures
from modelyard.notify.endpoints import EndpointError
from modelyard.operations import acting, limits
from modelyard.operations.confirmations import PAUSE_MS
from modelyard.operations.context import Context, authorise
from modelyard.operations.topics import QUOTA, own_topic
from modelyard.store.base import WriteTransaction
from modelyard.store.notifications import Again, DeliveryQuery, Window

CONFIRM_MS = 48 * 3600 * 1000
CONFIRMED_BY_READERS = frozenset({"http", "https", "email"})
ENDPOINT_CHARS = 2048
MOST = 2**31 - 1

INVITATION = (
    "You are invited to subscribe to topic: {urn}. To confirm this subscription, please visit the subscribe_url"
    " included in this message. The subscribe_url is valid only within 48 hours."
)
FAREWELL = (
    "You are unsubscribed from topic: {urn}. To subscribe to this topic again, please visit the subscribe_url"
    " included in this message. The subscribe_url is valid only within 48 hours."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A subscription that somebody asks for. `remark`, `format` None: as they are, or of a new one "" and smn."""

    protocol: str
    endpoint: str
    remark: str | None = None
    format: str | None = None


async def subscriptions(
    ctx: Context, principal: Principal, project_id: str, topic_urn: str | None, window: Window
) -> tuple[int, Sequence[Subscription]]:
    """Of a topic, or (None) of the project. Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_READ, "listSubscriptions")
    async with ctx.store.read() as r:
        if topic_urn is not None:
            await own_topic(r, project_id, topic_urn)
        return await r.subscriptions(project_id, topic_urn, window)


async def subscribe(
    ctx: Context, principal: Principal, project_id: str, topic_urn: str, wanted: Wanted
) -> tuple[Subscription, bool]:
    """(the subscription of this endpoint, whether it was made now). Raises Forbidden, Invalid, Unsupported,
    NotFound; Conflict when a confirmation was sent within the last minute (`confirmations`)."""
    authorise(principal, project_id, CONTROL_WRITE, "addSubscription")
    async with ctx.store.read() as r:
        await own_topic(r, project_id, topic_urn)
    endpoint, address = await _checked(ctx, wanted)
    now = ctx.clock()
    made = Subscription(
        urn=rules.subscription_urn(topic_urn, ctx.new_id()),
        topic_urn=topic_urn,
        project_id=project_id,
        protocol=wanted.protocol,
        endpoint=endpoint,
        address=address,
        remark=wanted.remark or "",
        format=wanted.format or envelopes.SMN,
        secret=signatures.new_secret(),
        status=SubscriptionStatus.UNNECESSARY,
        created_ms=now,
    )
    async with ctx.store.write() as w:
        await own_topic(w, project_id, topic_urn)
        found = await _same(w, made)
        if found is None:
            await _in_quota(ctx, w, project_id)
            acting.named("", f"subscriptions/{made.urn}")
            made, lanes = await _begun(ctx, w, made)
        else:
            made = _said(found, wanted)
            lanes = await _again(ctx, w, made) if not found.open else await _kept(w, made)
    ctx.teller.wake(lanes)
    return made, found is None


async def _checked(ctx: Context, wanted: Wanted) -> tuple[str, str]:
    """(what is shown of the endpoint, where messages go in truth)"""
    wrong = [*rules.remark_violations(wanted.remark or "")]
    if protocol := rules.protocol_violation(wanted.protocol):
        wrong.append(protocol)
    if wanted.format not in (None, *envelopes.FORMATS):
        may = " or ".join(envelopes.FORMATS)
        wrong.append(Violation("format", f"is {shown(wanted.format or '')}, must be {may}"))
    if not wanted.endpoint or len(wanted.endpoint) > ENDPOINT_CHARS or rules.CONTROL.search(wanted.endpoint):
        wrong.append(Violation("endpoint", f"must be one line of 1 to {ENDPOINT_CHARS} characters"))
    if wrong:
        raise Invalid(*wrong)
    if missing := ctx.notifications.endpoints.protocols.get(wanted.protocol, "is not available"):
        raise Unsupported("protocol", f"{shown(wanted.protocol)} {missing}")
    try:
        return await ctx.notifications.endpoints.checked(wanted.protocol, wanted.endpoint)
    except EndpointError as error:
        raise Invalid(Violation("endpoint", str(error))) from error


def _said(one: Subscription, wanted: Wanted) -> Subscription:
    """With what was said anew, and nothing else."""
    remark = one.remark if wanted.remark is None else wanted.remark
    return replace(one, remark=remark, format=wanted.format or one.format)


async def _same(w: WriteTransaction, made: Subscription) -> Subscription | None:
    _, there = await w.subscriptions(made.project_id, made.topic_urn, Window(0, MOST))
    where = (made.protocol, made.endpoint, made.address)
    return next((one for one in there if (one.protocol, one.endpoint, one.address) == where), None)


async def _in_quota(ctx: Context, w: WriteTransaction, project_id: str) -> None:
    most = (await limits.quotas(ctx, w, project_id)).subscriptions
    there, _ = await w.subscriptions(project_id, None, Window(0, 1))
    if there >= most:
        text = f"the project has {there} subscriptions, at most {most} are allowed (quota subscriptions)"
        raise Invalid(Violation("endpoint", text, QUOTA))


async def _begun(ctx: Context, w: WriteTransaction, made: Subscription) -> tuple[Subscription, Sequence[Lane]]:
    """Store a new one, and ask who reads at its endpoint where that is needed."""
    if made.protocol not in CONFIRMED_BY_READERS:
        await w.add_subscription(made)
        return made, ()
    _may_ask(ctx, made)
    asked = _asking(ctx, made, SubscriptionStatus.UNCONFIRMED)
    await w.add_subscription(asked)
    return asked, await _tell(ctx, w, asked, MessageType.SUBSCRIPTION, INVITATION)


async def _again(ctx: Context, w: WriteTransaction, one: Subscription) -> Sequence[Lane]:
    """Ask once more. What waits before it may not tarry."""
    if one.protocol not in CONFIRMED_BY_READERS:
        return await _kept(w, replace(one, status=SubscriptionStatus.UNNECESSARY))
    _may_ask(ctx, one)
    asked = _asking(ctx, one, SubscriptionStatus.UNCONFIRMED)
    await w.save_subscription(asked)
    waiting = DeliveryQuery(subscription_urn=one.urn, state=DeliveryState.WAITING)
    await w.redeliver(waiting, Again(ctx.steady(), ctx.clock(), MOST))
    return await _tell(ctx, w, asked, MessageType.SUBSCRIPTION, INVITATION)


def _may_ask(ctx: Context, one: Subscription) -> None:
    """Raises Conflict when a token was sent for it within the last minute, or too many to its address."""
    now_ms = ctx.clock()
    ago_ms = now_ms - (one.confirm_until_ms - CONFIRM_MS)
    since_ms = PAUSE_MS - ago_ms if 0 <= ago_ms < PAUSE_MS else 0  # below 0: the clock was set back
    reader = (one.project_id, one.protocol, one.address or one.endpoint)
    if wait_ms := since_ms or ctx.confirmations.wait_ms(reader, one.topic_urn, now_ms):
        raise Conflict(
            f"A link to confirm a subscription of this endpoint was sent less than {PAUSE_MS // 1000} s ago."
            f" Another one can be asked for in {-(-wait_ms // 1000)} s.",
            code="0104",
        )


async def _kept(w: WriteTransaction, one: Subscription) -> Sequence[Lane]:
    await w.save_subscription(one)
    return ()


def _asking(ctx: Context, one: Subscription, status: SubscriptionStatus) -> Subscription:
    until = ctx.clock() + CONFIRM_MS
    return replace(one, status=status, token=signatures.new_token(), confirm_until_ms=until)


async def _tell(
    ctx: Context, w: WriteTransaction, one: Subscription, type: MessageType, text: str
) -> Sequence[Lane]:
    """Send what concerns this subscription alone; its token goes with it as long as it is good."""
    message = Message(
        id=ctx.new_id().replace("-", ""),
        project_id=one.project_id,
        topic_urn=one.topic_urn,
        subject="",
        text=text.format(urn=one.topic_urn),
        created_ms=ctx.clock(),
        expires_ms=one.confirm_until_ms,
        type=type,
    )
    return await w.add_message(message, ctx.steady(), to=one.urn) or ()


async def delete(
    ctx: Context, principal: Principal, project_id: str, urn: str, topic_urn: str | None = None
) -> None:
    """With what waits for it. `topic_urn`: it must be of this topic. Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_WRITE, "cancelSubscription")
    async with ctx.store.write() as w:
        found = await w.subscription(project_id, urn)
        if found is None or topic_urn not in (None, found.topic_urn):
            raise NotFound("subscription", urn)
        await w.delete_subscription(urn)


async def annotate(
    ctx: Context, principal: Principal, project_id: str, topic_urn: str, urn: str, *, remark: str
) -> None:
    """Change its remark. Raises Forbidden, Invalid, NotFound."""
    authorise(principal, project_id, CONTROL_WRITE, "updateSubscription")
    if wrong := [*rules.remark_violations(remark)]:
        raise Invalid(*wrong)
    async with ctx.store.write() as w:
        found = await w.subscription(project_id, urn)
        if found is None or found.topic_urn != topic_urn:
            raise NotFound("subscription", urn)
        await w.save_subscription(replace(found, remark=remark))


async def secret(ctx: Context, principal: Principal, project_id: str, urn: str) -> str:
    """What Standard Webhooks signatures of its messages are made with. Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_WRITE, "getSubscriptionSecret")
    async with ctx.store.read() as r:
        found = await r.subscription(project_id, urn)
    if found is None:
        raise NotFound("subscription", urn)
    return found.secret


# What subscribers do without a login.


async def confirm(ctx: Context, topic_urn: str, token: str) -> Subscription:
    """`token`: as it is in the subscribe_url. Raises Forbidden, Conflict for one that is too old."""
    split = max(len(token) - signatures.TOKEN_CHARS, 0)
    urn, given = f"{topic_urn}:{token[:split]}", token[split:]
    async with ctx.store.write() as w:
        found = await w.subscription(None, urn)
        right = signatures.same(given, found.token if found else "")
        if found is None or not right:
            raise Forbidden(
                "The token confirms no subscription of this topic. A newer one may have been sent since."
            )
        if found.status is SubscriptionStatus.CONFIRMED:
            return found
        if ctx.clock() > found.confirm_until_ms:
            raise Conflict(
                "The 48 hours in which this subscription could be confirmed are over. Subscribe again: another"
                " confirmation is sent then.",
                code="0104",
            )
        done = replace(found, status=SubscriptionStatus.CONFIRMED)
        await w.save_subscription(done)
        return done


async def unsubscribe(ctx: Context, urn: str, token: str) -> Subscription:
    """`token`: as it is in the unsubscribe_url. Its reader is told so, with a token to subscribe again. Raises
    Forbidden."""
    lanes: Sequence[Lane] = ()
    async with ctx.store.write() as w:
        found = await w.subscription(None, urn)
        expected = signatures.unsubscribe_token(found.secret, found.urn) if found and found.secret else ""
        if found is None or not signatures.same(token, expected):
            raise Forbidden("The token ends no subscription.")
        if found.status is not SubscriptionStatus.CANCELLED:
            found = _asking(ctx, found, SubscriptionStatus.CANCELLED)
            await w.save_subscription(found)
            if found.protocol in CONFIRMED_BY_READERS:
                lanes = await _tell(ctx, w, found, MessageType.UNSUBSCRIPTION, FAREWELL)
    ctx.teller.wake(lanes)
    return found
