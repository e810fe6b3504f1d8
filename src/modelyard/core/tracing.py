"""Trace contexts read and written (W3C Trace Context), and the spans of what became of a change. Pure.

    change              from its transaction until the service is as it was asked to be, or that failed
      start instance    from the request for it until it was ready, or ended before
      drain instance    from the last new request for it until it was quiet
      stop instance     from the word to end until it was gone
      roll back         from the failure until the revision before was complete again
      task              of a batch service: one run over its input, with its splits and rows counted
      deliver message   from its publication until one subscription had it, or it was given up

Ids of spans are made of what they are about, so that whoever tells of something twice tells the same.
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from modelyard.core.whereabouts import without
from modelyard.domain.batch import Task
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.notifications import Delivery, DeliveryState, Dispatch
from modelyard.domain.record import Changes, ServiceRecord
from modelyard.domain.service import Desired, InferType, Rollout, RolloutState, Service, ServiceStatus
from modelyard.domain.tracing import Attribute, OpenTrace, Span, SpanKind, TraceContext

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_STATE = re.compile(r"[\x20-\x7e\t]{1,512}")
TRACEPARENT = "traceparent"
"""The fact of a message that says which trace it belongs to."""
MOST_TEXT = 4096
"""Characters of a text in a span."""
LEAVING = frozenset({Phase.DRAINING, Phase.STOPPING})
SETTLED = frozenset({ServiceStatus.FAILED, ServiceStatus.FINISHED, ServiceStatus.STOPPED, ServiceStatus.RUNNING})
TASK_OVER = SETTLED - {ServiceStatus.RUNNING}


@dataclass(frozen=True, slots=True)
class Moment:
    """The same moment on the clock that instances are stamped with, and on the wall clock (milliseconds)."""

    steady_ms: int
    wall_ms: int

    def wall(self, steady_ms: int) -> int:
        """Nanoseconds since 1970 of a moment of the steady clock."""
        return (self.wall_ms + min(steady_ms - self.steady_ms, 0)) * 1_000_000


def parsed(traceparent: str, tracestate: str = "") -> TraceContext | None:
    """None for what is no traceparent: whoever reads it begins a trace of their own then (W3C, 3.2.2)."""
    found = _PARENT.fullmatch(traceparent.strip())
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return TraceContext(trace_id, span_id, state(tracestate), sampled=bool(int(flags, 16) & 1))


def state(tracestate: str) -> str:
    """ "" for what is too long, or no header."""
    text = tracestate.strip()
    return text if _STATE.fullmatch(text) else ""


def span_id(*about: object) -> str:
    """The id of the span about this: always the same."""
    return hashlib.sha256("\0".join(map(str, about)).encode()).hexdigest()[:16]


def child(parent: TraceContext, name: str, start_ns: int, end_ns: int, *about: object) -> Span:
    """A span below `parent`; `about` tells it from others of that name."""
    made = span_id(parent.trace_id, parent.span_id, name, *about)
    return Span(parent.trace_id, made, parent.span_id, name, start_ns, max(start_ns, end_ns), state=parent.state)


def bounded(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"


def of_service(service: Service) -> dict[str, Attribute]:
    """What every span about a service says."""
    return {
        "modelyard.service.id": service.id,
        "modelyard.service.name": service.name,
        "modelyard.project.id": service.project_id,
        "modelyard.service.type": str(service.infer_type),
    }


def begun(
    context: TraceContext, parent_id: str, before: Service | None, after: ServiceRecord, wall_ms: int
) -> OpenTrace:
    """The change that made `after` of `before`."""
    service, rollout = after.service, after.rollout
    variants, change = after.variants, _kind(before, service, rollout)
    attributes: dict[str, Attribute] = {
        **of_service(service),
        "modelyard.revision": service.revision,
        "modelyard.models": ", ".join(
            dict.fromkeys(f"{v.model_name} {v.model_version}".strip() for v in variants)
        ),
        "modelyard.instances.wanted": sum(v.instance_count for v in variants),
        "modelyard.change": change,
    }
    if before is not None:
        attributes["modelyard.revision.before"] = before.revision
        attributes["modelyard.status.before"] = str(before.status)
    if rollout is not None:
        attributes["modelyard.rollout.id"] = rollout.id
    return OpenTrace(
        service_id=service.id,
        context=context,
        parent_id=parent_id,
        name=f"{change} service",
        started_ms=wall_ms,
        rollout=rollout.id if rollout is not None else "",
        attributes=attributes,
    )


def _kind(before: Service | None, after: Service, rollout: Rollout | None) -> str:
    if after.desired is Desired.DELETED:
        return "delete"
    if rollout is not None:
        return str(rollout.kind)
    stops = before is not None and before.desired is Desired.RUNNING and after.desired is Desired.STOPPED
    return "stop" if stops else "set"


def immediate(open_: OpenTrace, after: Service, present: OpenTrace | None) -> bool:
    """Whether the change has its effect by being stored: no instance starts or ends for it. `present`: the change
    that is under way."""
    if open_.rollout:
        return present is not None and present.rollout == open_.rollout
    return after.desired is not Desired.DELETED and after.status is not ServiceStatus.STOPPING


def ended(open_: OpenTrace, wall_ms: int, result: str, error: str | None = None, by: str = "") -> Span:
    """The span of the change itself. `by`: the trace of the change that took its place."""
    attributes = {**open_.attributes, "modelyard.result": result}
    if by:
        attributes["modelyard.superseded.by"] = by
    return Span(
        open_.context.trace_id,
        open_.context.span_id,
        open_.parent_id,
        open_.name,
        open_.started_ms * 1_000_000,
        max(wall_ms, open_.started_ms) * 1_000_000,
        attributes=attributes,
        error=None if error is None else bounded(error),
        state=open_.context.state,
    )


def superseded(open_: OpenTrace, wall_ms: int, by: str = "") -> tuple[Span, ...]:
    """Another change took its place. `by`: the trace of that ("": it is not traced)."""
    return () if open_.over else (ended(open_, wall_ms, "superseded", by=by),)


@dataclass(frozen=True, slots=True)
class Told:
    """`left`: the trace as it is from now on (None: there is nothing more to come)."""

    spans: tuple[Span, ...]
    left: OpenTrace | None


def told(open_: OpenTrace, before: ServiceRecord, changes: Changes, at: Moment, task: Task | None = None) -> Told:
    """What is over by these changes. `task`: the newest of a batch service, as it is stored."""
    spans = [*_of_instances(open_, before, changes, at)]
    open_ = _turned(open_, changes, at)
    service = changes.service or before.service
    if not open_.over and (end := _end(open_, before, changes, service, at)) is not None:
        spans += end
        open_ = replace(open_, over=True)
    if task is not None and _is_over(before.service, service) and (of_task := _task(open_, task)) is not None:
        spans.append(of_task)
    return Told(tuple(spans), None if _closed(open_, before, changes, service) else open_)


def _turned(open_: OpenTrace, changes: Changes, at: Moment) -> OpenTrace:
    back = any(r.id == open_.rollout and r.state is RolloutState.ROLLING_BACK for r in changes.rollouts)
    return replace(open_, turned_ms=at.wall_ms) if back and open_.turned_ms is None else open_


def _end(
    open_: OpenTrace, before: ServiceRecord, changes: Changes, service: Service, at: Moment
) -> list[Span] | None:
    for rollout in changes.rollouts:
        if rollout.id == open_.rollout and not rollout.active:
            return _rolled(open_, rollout, service, at)
    if changes.delete_service:
        return [ended(open_, at.wall_ms, "deleted")]
    if open_.rollout or service.desired is Desired.DELETED:
        return None
    if service.status in SETTLED and before.service.status not in SETTLED:
        return [ended(open_, at.wall_ms, str(service.status))]
    return None


def _rolled(open_: OpenTrace, rollout: Rollout, service: Service, at: Moment) -> list[Span]:
    end_ms = rollout.ended_ms or at.wall_ms
    back = []
    if open_.turned_ms is not None:
        one = child(open_.context, "roll back", open_.turned_ms * 1_000_000, end_ms * 1_000_000)
        back.append(replace(one, attributes={**about(open_), "modelyard.revision": rollout.base or 0}))
    error = (rollout.cause or service.error) if rollout.state is RolloutState.FAIL else None
    return [*back, ended(open_, end_ms, str(rollout.state), error)]


def _of_instances(open_: OpenTrace, before: ServiceRecord, changes: Changes, at: Moment) -> Iterator[Span]:
    known = {i.id: i for i in before.instances}
    for now in changes.instances:
        was = known.get(now.id)
        yield from _of_instance(open_, was, now, at)
    for instance_id in changes.forget_instances:
        was = known.get(instance_id)
        if was is not None and was.phase in LEAVING:
            yield _spent(open_, was, at.wall(at.steady_ms), at)
    if changes.delete_service:
        for was in before.instances:
            if was.phase in LEAVING and was.id not in changes.forget_instances:
                yield _spent(open_, was, at.wall(at.steady_ms), at)


def _of_instance(open_: OpenTrace, was: Instance | None, now: Instance, at: Moment) -> Iterator[Span]:
    phase = was.phase if was is not None else Phase.STARTING
    if now.ready_ms is not None and (was is None or was.ready_ms is None):
        yield _instance_span(open_, "start instance", now, (now.started_ms, now.ready_ms), at)
    if now.phase is Phase.EXITED and phase in {Phase.STARTING, Phase.READY}:
        never = now.ready_ms is None
        name, since = ("start instance", now.started_ms) if never else ("end of instance", now.phase_ms)
        span = _instance_span(open_, name, now, (since, now.phase_ms), at)
        yield replace(span, error=bounded(now.exit))
    elif was is not None and phase in LEAVING and now.phase is not phase:
        yield _spent(open_, was, at.wall(now.phase_ms), at)


def _spent(open_: OpenTrace, was: Instance, end_ns: int, at: Moment) -> Span:
    name = "drain instance" if was.phase is Phase.DRAINING else "stop instance"
    span = _instance_span(open_, name, was, (was.phase_ms, was.phase_ms), at)
    return replace(span, end_ns=max(end_ns, span.start_ns))


def _instance_span(open_: OpenTrace, name: str, instance: Instance, times_ms: tuple[int, int], at: Moment) -> Span:
    span = child(open_.context, name, at.wall(times_ms[0]), at.wall(times_ms[1]), instance.id)
    attributes: dict[str, Attribute] = {
        **about(open_),
        "service.instance.id": instance.id,
        "modelyard.revision": instance.revision,
        "modelyard.track": instance.track,
    }
    return replace(span, attributes=attributes)


def about(open_: OpenTrace) -> Mapping[str, Attribute]:
    """What every span below that of the change says."""
    names = ("modelyard.service.id", "modelyard.service.name", "modelyard.project.id")
    return {name: open_.attributes[name] for name in names if name in open_.attributes}


def _is_over(before: Service, after: Service) -> bool:
    return after.status in TASK_OVER and before.status not in TASK_OVER


def _task(open_: OpenTrace, task: Task) -> Span | None:
    if task.at_work:
        return None
    start_ms = max(task.started_ms or task.created_ms, open_.started_ms)
    span = child(open_.context, "task", start_ms * 1_000_000, start_ms * 1_000_000, task.id, task.retries)
    counts = task.counts
    attributes: dict[str, Attribute] = {
        **about(open_),
        "modelyard.task.id": task.id,
        "modelyard.task.number": task.number,
        "modelyard.task.state": str(task.state),
        "modelyard.task.sources": counts.sources,
        "modelyard.task.splits": counts.splits,
        "modelyard.task.splits.done": counts.splits_done,
        "modelyard.task.rows": counts.rows,
        "modelyard.task.rows.done": counts.rows_done,
        "modelyard.task.rows.failed": counts.rows_failed,
        "modelyard.revision": task.revision,
    }
    end_ms = task.finished_ms or start_ms
    return replace(
        span,
        end_ns=max(end_ms, start_ms) * 1_000_000,
        attributes=attributes,
        error=bounded(task.error) if task.error else None,
    )


def _closed(open_: OpenTrace, before: ServiceRecord, changes: Changes, service: Service) -> bool:
    """Whether nothing more comes of the change."""
    if changes.delete_service:
        return True
    if not open_.over:
        return False
    if service.infer_type is InferType.BATCH and service.status not in TASK_OVER:
        return False
    return not _leaving(before, changes)


def _leaving(before: ServiceRecord, changes: Changes) -> bool:
    gone: Collection[str] = changes.forget_instances
    rows = {i.id: i for i in (*before.instances, *changes.instances)}
    return any(i.phase in LEAVING for i in rows.values() if i.id not in gone)


def of_delivery(dispatch: Dispatch, after: Delivery, wall_ms: int) -> tuple[Span, ...]:
    """The way of a message to one subscription, from its publication on, once it was delivered or given up. Where
    it went is not told: an endpoint may hold a secret."""
    message, over = dispatch.message, after.state is not DeliveryState.WAITING
    context = parsed(str(message.facts.get(TRACEPARENT, ""))) if over else None
    if context is None:
        return ()
    times_ns = (message.created_ms * 1_000_000, (after.ended_ms or wall_ms) * 1_000_000)
    about = (message.id, dispatch.subscription.urn, after.since_ms)
    attributes: dict[str, Attribute] = {
        "messaging.message.id": message.id,
        "messaging.destination.name": message.topic_urn,
        "modelyard.subscription.urn": dispatch.subscription.urn,
        "modelyard.subscription.protocol": dispatch.subscription.protocol,
        "modelyard.delivery.attempts": after.attempts,
        "modelyard.project.id": message.project_id,
    }
    if message.service_id:
        attributes["modelyard.service.id"] = message.service_id
    dead = after.state is DeliveryState.DEAD
    span = child(context, "deliver message", *times_ns, *about)
    error = bounded(without(after.error, dispatch.subscription)) if dead else None
    return (replace(span, kind=SpanKind.PRODUCER, attributes=attributes, error=error),)
