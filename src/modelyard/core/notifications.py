"""Which messages a change of a service calls for, and what they say. Pure.

A service tells the topics of its `smn_notification` that its status became one of those that they want to hear of.
A status that stays is no news, however long it lasts, and one between two looks at the service never was. One
thing is told beside it: an update that failed while the service goes on is a failure, at once when it is taken
back, and again if that fails too. That the service is running then is another message, for those who want that.

    before running, after concerning, topic t wants 7    ->  one message to t
    before running, after running                        ->  none
    before deploying, after running, t wants 7           ->  none
    an update to 4 goes back to 3, t wants 1             ->  one message to t: failed

The text is for people: what changed and from what, why, where to look. `facts` says the same to programs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
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
    if after is None:
        return ()
    return (*_of_update(before, after, changes), *_of_status(before, after, changes))


def _of_status(before: Service, after: Service, changes: Changes) -> Sequence[Message]:
    occurrence = OCCURRENCES.get(after.status)
    if occurrence is None or before.status is after.status:
        return ()
    cause = bounded(_cause(after, changes), CAUSE_CHARS)
    text = "\n".join(_lines(before, after, changes.rollouts, cause))
    facts = _facts(before, after, cause)
    message = Message("", "", "", _subject(after, changes.rollouts), text, after.transition_ms)
    return _to_topics(after, replace(message, occurrence=occurrence, facts=facts))


def _of_update(before: Service, after: Service, changes: Changes) -> Sequence[Message]:
    """Of an update that failed, where the service itself has not."""
    failed = next((r for r in changes.rollouts if _fails(r, before, after)), None)
    if failed is None or after.status is ServiceStatus.FAILED:
        return ()
    cause = bounded(after.error, CAUSE_CHARS)
    at_ms = max((event.occur_ms for event in changes.events), default=after.transition_ms)
    goes_back = failed.state is RolloutState.ROLLING_BACK
    subject = f"{after.name}: the {_KINDS[failed.kind]} to revision {failed.target} failed"
    what = f"it goes back to revision {after.revision}" if goes_back else "and going back failed too"
    text = "\n".join((f"{subject}, {what}. The service is {after.status}.", *_why(after, cause, at_ms)))
    facts = {**_facts(before, after, cause), "occurred_at": at_ms, "failed_revision": failed.target}
    message = Message("", "", "", subject, text, at_ms)
    return _to_topics(after, replace(message, occurrence=Occurrence.FAILED, facts=facts))


def _fails(rollout: Rollout, before: Service, after: Service) -> bool:
    """Whether it turns back with this change, or fails on its way back."""
    if rollout.base is None or rollout.base == rollout.target:
        return False
    turns = before.revision == rollout.target and after.revision == rollout.base
    if rollout.state is RolloutState.ROLLING_BACK:
        return turns
    again = after.error == rollout.cause != before.error
    return rollout.state is RolloutState.FAIL and (turns or again)


def _to_topics(service: Service, message: Message) -> Sequence[Message]:
    """The message for each topic that wants to hear of such an occurrence."""
    wanted = (n.topic_urn for n in service.settings.notifications if message.occurrence in n.events)
    whose = replace(message, project_id=service.project_id, service_id=service.id)
    return [replace(whose, topic_urn=topic) for topic in dict.fromkeys(wanted)]


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
    yield from _why(after, cause, after.transition_ms)


def _why(service: Service, cause: str, at_ms: int) -> Iterator[str]:
    if cause:
        yield f"Why: {cause}"
    yield f"When: {_at(at_ms)}"
    yield f"Where to look: modelyard services show {service.name}"
    yield f"    modelyard services events {service.name}"
    yield f"    GET {path(service)}"


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
