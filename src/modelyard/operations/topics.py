"""Use cases of topics: make, change, delete them, and publish to them (contract §7).

What is published is stored with its deliveries in one step; who delivers is told of it then. A topic of the real
SMN that the administrator configured (`notify.remote`) belongs to the installation, not to a project: everybody
may publish to it, and it is in no project's list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from modelyard.core import topics as rules
from modelyard.domain.errors import Invalid, NotFound, Violation
from modelyard.domain.identity import CONTROL_READ, CONTROL_WRITE, Principal
from modelyard.domain.notifications import Message, Subscription, SubscriptionStatus, Topic
from modelyard.notify.remote import PROTOCOL
from modelyard.operations import acting, limits
from modelyard.operations.context import Context, authorise
from modelyard.store.base import ReadTransaction, WriteTransaction
from modelyard.store.notifications import EVERYBODYS, Window

QUOTA = "0118"
ROOM = 100
"""So many messages go at once when one more has no room."""


@dataclass(frozen=True, slots=True)
class Publication:
    """`message`: the text; None when there is a `structure` (texts by protocol, one of them the default)."""

    message: str | None
    subject: str = ""
    time_to_live_s: int | None = None
    structure: Mapping[str, str] = field(default_factory=dict)


async def topics(
    ctx: Context, principal: Principal, project_id: str, window: Window
) -> tuple[int, Sequence[Topic]]:
    authorise(principal, project_id, CONTROL_READ, "listTopics")
    async with ctx.store.read() as r:
        return await r.topics(project_id, window)


async def topics_named(ctx: Context, principal: Principal, project_id: str, name: str) -> Sequence[Topic]:
    """The one with this name, if there is one."""
    authorise(principal, project_id, CONTROL_READ, "listTopics")
    async with ctx.store.read() as r:
        found = await r.topic_named(project_id, name)
    return () if found is None else (found,)


async def topic(ctx: Context, principal: Principal, project_id: str, urn: str) -> Topic:
    """Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_READ, "getTopic")
    async with ctx.store.read() as r:
        return await own_topic(r, project_id, urn)


async def own_topic(r: ReadTransaction, project_id: str, urn: str) -> Topic:
    """A topic that the project made. Raises NotFound."""
    found = await r.topic(project_id, urn)
    if found is None or found.project_id != project_id:
        raise NotFound("topic", urn)
    return found


async def create(
    ctx: Context, principal: Principal, project_id: str, name: str, display_name: str
) -> tuple[Topic, bool]:
    """(the topic with this name, whether it was made now). Raises Forbidden, Invalid."""
    authorise(principal, project_id, CONTROL_WRITE, "createTopic")
    if wrong := [*rules.name_violations(name, display_name)]:
        raise Invalid(*wrong)
    now, region = ctx.clock(), ctx.notifications.region
    made = Topic(project_id, rules.topic_urn(region, project_id, name), name, display_name, now, now)
    async with ctx.store.write() as w:
        found = await w.topic_named(project_id, name)
        if found is not None:
            return found, False
        most = (await limits.quotas(ctx, w, project_id)).topics
        there, _ = await w.topics(project_id, Window(0, 1))
        if there >= most:
            text = f"the project has {there} topics, at most {most} are allowed (quota topics)"
            raise Invalid(Violation("name", text, QUOTA))
        acting.named(name, f"topics/{made.urn}")
        await w.add_topic(made)
    return made, True


async def rename(ctx: Context, principal: Principal, project_id: str, urn: str, display_name: str) -> None:
    """Raises Forbidden, Invalid, NotFound."""
    authorise(principal, project_id, CONTROL_WRITE, "updateTopic")
    if wrong := [*rules.name_violations(None, display_name)]:
        raise Invalid(*wrong)
    async with ctx.store.write() as w:
        found = await own_topic(w, project_id, urn)
        await w.save_topic(replace(found, display_name=display_name, updated_ms=ctx.clock()))


async def delete(ctx: Context, principal: Principal, project_id: str, urn: str) -> None:
    """With its subscriptions and all that was published to it. Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_WRITE, "deleteTopic")
    async with ctx.store.write() as w:
        await own_topic(w, project_id, urn)
        await w.delete_topic(urn)


async def publish(
    ctx: Context, principal: Principal, project_id: str, urn: str, publication: Publication
) -> Message:
    """The message as it is stored. Raises Forbidden, Invalid, NotFound."""
    authorise(principal, project_id, CONTROL_WRITE, "publishMessage")
    now = ctx.clock()
    ttl = publication.time_to_live_s
    wrong = [*rules.publish_violations(publication.subject, publication.message, ttl)]
    if wrong:
        raise Invalid(*wrong)
    texts = dict(publication.structure)
    default = texts.pop(rules.DEFAULT, "")
    message = Message(
        id=ctx.new_id().replace("-", ""),
        project_id=project_id,
        topic_urn=urn,
        subject=publication.subject,
        text=default if publication.message is None else publication.message,
        created_ms=now,
        expires_ms=None if ttl is None else now + ttl * 1000,
        texts=texts,
    )
    async with ctx.store.write() as w:
        if not await known(ctx, w, project_id, urn):
            raise NotFound("topic", urn)
        await _in_quota(ctx, w, project_id)
        if ctx.tracing is not None:
            message = await ctx.tracing.traced(w, message)
        lanes = await w.add_message(message, ctx.steady())
    ctx.teller.wake(lanes or ())
    return message


async def _in_quota(ctx: Context, w: WriteTransaction, project_id: str) -> None:
    """Has room for one more message of the project: what everybody got makes it. Raises Invalid."""
    most = (await limits.quotas(ctx, w, project_id)).messages
    there = await w.published(project_id, most + ROOM)
    if there >= most:
        there -= await w.make_room(project_id, there - most + ROOM)
    if there >= most:
        text = (
            f"cannot be published: at most {most} messages of the project may wait for a subscriber or be given"
            " up, and as many do (quota messages)"
        )
        raise Invalid(Violation("message", text, QUOTA))


async def known(ctx: Context, w: WriteTransaction, project_id: str, urn: str) -> bool:
    """Whether the project may publish to it, in its own name or by its services."""
    if await w.topic(project_id, urn) is not None:
        return True
    remote = ctx.notifications.remote
    if remote is None or not remote.has(urn):
        return False
    now = ctx.clock()
    if not rules.NAME.fullmatch(urn.rpartition(":")[2]):
        return False
    await w.add_topic(Topic(EVERYBODYS, urn, urn, f"at {remote.endpoint}", now, now))
    await w.add_subscription(
        Subscription(
            urn=rules.subscription_urn(urn, PROTOCOL),
            topic_urn=urn,
            project_id=EVERYBODYS,
            protocol=PROTOCOL,
            endpoint=urn,
            status=SubscriptionStatus.UNNECESSARY,
            created_ms=now,
        )
    )
    return True
