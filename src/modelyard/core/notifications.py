"""Which messages a change of a service calls for, and what they say. Pure.

A service tells the topics of its `smn_notification` that its status became one of those that they want to hear of.
Nothing else is told: a status that stays is no news, however long it lasts, and one between two looks at the
service never was.

    before running, after concerning, topic t wants 7    ->  one message to t
    before running, after running                        ->  none
    before deploying, after running, t wants 7           ->  none

The text is for people: what changed and from what, why, where to look. `facts` says the same to programs.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from modelyard.domain.notifications import Message, Occurrence
from modelyard.domain.record import Changes
from modelyard.domain.service import (
    Event,
    EventType,
    InferType,
    Rollout,
    RolloutKind,
    RolloutState,
    Service,
    ServiceStatus,
)
from modelyard.domain.texts import message as bounded
from modelyard.domain.texts import shown

OCCURRENCES: Mapping[ServiceStatus, Occurrence] = {
    ServiceStatus.FAILED: Occurrence.FAILED,
    ServiceStatus.RUNNING: Occurrence.RUNNING,
    ServiceStatus.CONCERNING: Occurrence.CONCERNING,
    ServiceStatus.PENDING: Occurrence.PENDING,
}
MEANINGS: Mapping[ServiceStatus, str] = {
    ServiceStatus.FAILED: "it could not be brought to run, and there is no earlier revision to go on with",
    ServiceStatus.RUNNING: "everything that was asked for is ready",
    ServiceStatus.CONCERNING: "fewer instances are ready than were asked for",
    ServiceStatus.PENDING: "an instance waits for room to start",
}
OF_BATCH: Mapping[ServiceStatus, str] = {
    ServiceStatus.FAILED: "its task failed",
    ServiceStatus.RUNNING: "its task is at work",
    ServiceStatus.CONCERNING: "fewer workers are at work than were asked for",
}
CAUSE_CHARS = 4000
CAUSES = 5
_KINDS = {RolloutKind.DEPLOY: "deployment", RolloutKind.UPDATE: "update", RolloutKind.START: "start"}


def told(before: Service, changes: Changes) -> tuple[Message, ...]:
    """The messages, without ids, one for each topic that wants to hear of it. Secrets are masked in `changes`
    already."""
    after = changes.service
    occurrence = OCCURRENCES.get(after.status) if after is not None else None
    if after is None or occurrence is None or before.status is after.status:
        return ()
    topics = dict.fromkeys(n.topic_urn for n in after.settings.notifications if occurrence.value in n.events)
    if not topics:
        return ()
    cause = bounded(_cause(after, changes), CAUSE_CHARS)
    facts = _facts(before, after, cause)
    text = "\n".join(_lines(before, after, changes.rollouts, cause))
    return tuple(
        Message(
            id="",
            project_id=after.project_id,
            topic_urn=topic,
            subject=_subject(after, changes.rollouts),
            text=text,
            created_ms=after.transition_ms,
            service_id=after.id,
            occurrence=occurrence,
            facts=facts,
        )
        for topic in topics
    )


def _subject(after: Service, rollouts: Sequence[Rollout]) -> str:
    """A service that goes on after an update that failed is running: that is not all the news."""
    failed = (
        [r for r in rollouts if r.state is RolloutState.FAIL] if after.status is not ServiceStatus.FAILED else []
    )
    more = f": the {_KINDS[failed[-1].kind]} to revision {failed[-1].target} failed" if failed else ""
    return f"{after.name} is {after.status}{more}"


def _cause(after: Service, changes: Changes) -> str:
    """Why; "" where nothing but the status says so."""
    known = after.error or next((r.cause for r in reversed(changes.rollouts) if r.cause), "")
    if known or after.status is ServiceStatus.RUNNING:
        return known
    return "; ".join(_abnormal(changes.events)[:CAUSES])


def _abnormal(events: Sequence[Event]) -> list[str]:
    return [event.info for event in events if event.type is EventType.ABNORMAL]


def _lines(before: Service, after: Service, rollouts: Sequence[Rollout], cause: str) -> Iterator[str]:
    meanings = {**MEANINGS, **OF_BATCH} if after.infer_type is InferType.BATCH else MEANINGS
    yield f"Service {after.name} is {after.status}, it was {before.status}: {meanings[after.status]}."
    for rollout in rollouts:
        yield from _of(rollout, after)
    if cause:
        yield f"Why: {cause}"
    yield f"When: {_at(after.transition_ms)}"
    yield f"Where to look: modelyard services show {after.name}"
    yield f"    modelyard services events {after.name}"
    yield f"    GET {path(after)}"


def _of(rollout: Rollout, service: Service) -> Iterator[str]:
    what = f"The {_KINDS[rollout.kind]} to revision {rollout.target}"
    if rollout.state is RolloutState.SUCCESS:
        yield f"{what} is complete."
    elif rollout.state is RolloutState.FAIL:
        goes_on = service.status is not ServiceStatus.FAILED
        yield f"{what} failed; revision {service.revision} goes on." if goes_on else f"{what} failed."


def _facts(before: Service, after: Service, cause: str) -> Mapping[str, object]:
    return {
        "service_id": after.id,
        "service_name": after.name,
        "status": after.status.value,
        "previous_status": before.status.value,
        "revision": after.revision,
        "cause": cause,
        "occurred_at": after.transition_ms,
        "path": path(after),
    }


def path(service: Service) -> str:
    return f"/v1/{service.project_id}/services/{service.id}"


def dropped(message: Message) -> str:
    """The event of a message whose topic is not there."""
    return f"notification {shown(message.subject)} was dropped: topic {message.topic_urn} does not exist"


def _at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
