"""Use cases that change services: create, update (which also starts and stops), amend, delete.

Each authorises, validates and writes what the user wants in one transaction, then nudges the loop. What is
stored is what is wanted: instances, routes and the later status are the loop's matter. Every accepted change
raises `Service.version`, so that a decision made from the state before is not written.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from modelyard.core import schedule
from modelyard.core.admission import fields
from modelyard.core.admission import service as settings
from modelyard.core.admission.config import VariantRequest, admit
from modelyard.core.admission.placement import Site, service_violations
from modelyard.core.admission.service import PlaceRequest, SettingsRequest
from modelyard.core.rollout import stopping
from modelyard.domain.errors import AlreadyExists, Invalid, Violation
from modelyard.domain.identity import CONTROL_WRITE, Principal
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.service import (
    Desired,
    Event,
    EventType,
    InferType,
    Rollout,
    RolloutKind,
    Service,
    ServiceStatus,
)
from modelyard.domain.texts import shown
from modelyard.operations.context import Context, authorise
from modelyard.operations.models import notices
from modelyard.operations.services.admission_input import admission_input
from modelyard.operations.services.change import Change, Created, Updated, UpdateRequest
from modelyard.operations.services.load import load_record, load_service, not_owner
from modelyard.operations.services.preconditions import UNBOUND, Preconditions
from modelyard.operations.services.replace import free_name
from modelyard.store.base import WriteTransaction

__all__ = [
    "Created",
    "ServiceRequest",
    "UpdateRequest",
    "Updated",
    "amend",
    "create",
    "delete",
    "update",
]


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """A service to create. `violations`: what was wrong already when the request was read."""

    name: str | None
    infer_type: InferType | None
    config: tuple[VariantRequest, ...]
    description: str = ""
    workspace_id: str = fields.DEFAULT_WORKSPACE
    settings: SettingsRequest = SettingsRequest()
    place: PlaceRequest = PlaceRequest()
    violations: tuple[Violation, ...] = ()


async def create(
    ctx: Context,
    principal: Principal,
    project_id: str,
    request: ServiceRequest,
    preconditions: Preconditions = UNBOUND,
) -> Created:
    """Create a service and begin its first deployment, in place of one of this name whose first deployment failed.
    Raises Forbidden, Invalid, AlreadyExists."""
    authorise(principal, project_id, CONTROL_WRITE, "createService")
    now, infer_type = ctx.clock(), request.infer_type or InferType.REAL_TIME
    async with ctx.store.write() as w:
        await preconditions.begun(w, project_id, now)
        replaced, taken = None, None
        try:
            replaced = await free_name(w, principal, project_id, request.name)
        except AlreadyExists as error:
            taken = error
        variants = await _admitted(ctx, w, project_id, request)
        if taken is not None:  # what is wrong with the request comes first
            raise taken
        assert request.name is not None
        blank = Service(
            id=ctx.new_id(),
            project_id=project_id,
            name=request.name,
            infer_type=infer_type,
            owner=principal.user_id,
            created_ms=now,
            desired=Desired.RUNNING,
            revision=1,
            description=request.description,
            workspace_id=request.workspace_id,
            updated_ms=now,
            transition_ms=now,
            attributes=settings.placed(request.place),
        )
        service = settings.settled(request.settings, blank, now)
        rollout = Rollout(ctx.new_id(), service.id, RolloutKind.DEPLOY, target=1, base=None, started_ms=now)
        await w.add_service(service)
        await w.add_revision(Revision(service.id, 1, now, variants))
        await w.save_rollout(rollout)
        again = f"takes the place of service {replaced.id}, which never came to run" if replaced else ""
        first = ("start to deploy service", *await notices(w, variants), *schedule.told(None, service, now))
        texts = (again, *first) if again else first
        await w.add_events([Event(service.id, EventType.NORMAL, text, now) for text in texts])
        outcome = Created(service.id, rollout.id)
        await preconditions.concluded(w, None, service, outcome, now)
    for service_id in (*([replaced.id] if replaced else []), service.id):
        ctx.nudge("service", service_id)
    return outcome


async def update(
    ctx: Context,
    principal: Principal,
    project_id: str,
    service_id: str,
    request: UpdateRequest,
    *,
    preconditions: Preconditions = UNBOUND,
) -> Updated:
    """Change a service: all of the request or nothing. Raises Forbidden, NotFound, Invalid.

    A config that is equal to the present one makes a revision all the same, so that each accepted PUT has its
    update record; its rollout has nothing to do and ends at once.
    """
    return await amend(
        ctx, principal, project_id, service_id, lambda _service, _revision: request, preconditions=preconditions
    )


async def amend(
    ctx: Context,
    principal: Principal,
    project_id: str,
    service_id: str,
    amended: Callable[[Service, Revision], UpdateRequest],
    *,
    preconditions: Preconditions = UNBOUND,
) -> Updated:
    """As `update`, with a request made from the present state in the transaction that writes it, so that no
    other change gets lost in between. `amended` may raise Invalid."""
    authorise(principal, project_id, CONTROL_WRITE, "updateService")
    async with ctx.store.write() as w:
        await preconditions.begun(w, project_id, ctx.clock())
        record = await load_record(w, project_id, service_id)
        service, now = record.service, ctx.clock()
        preconditions.hold(service)
        request = amended(service, record.revisions[service.revision])
        updated = await Change(ctx, w, record, now).made(principal, request)
        await preconditions.concluded(w, record, updated.service, updated, now)
    if updated.service is not service:
        ctx.nudge("service", service_id)
    return updated


async def delete(
    ctx: Context,
    principal: Principal,
    project_id: str,
    service_ids: Sequence[str],
    preconditions: Preconditions = UNBOUND,
) -> None:
    """Delete services: all of them or, when one is unknown, none. Raises Forbidden, NotFound, Invalid."""
    authorise(principal, project_id, CONTROL_WRITE, "deleteService")
    now, deleted = ctx.clock(), []
    async with ctx.store.write() as w:
        for service_id in dict.fromkeys(service_ids):
            record = await load_record(w, project_id, service_id)
            service, rollout = record.service, record.rollout
            preconditions.hold(service)
            if refused := not_owner(principal, service):
                raise Invalid(*refused)
            if service.desired is Desired.DELETED:
                continue
            if rollout is not None and rollout.active:
                await w.save_rollout(stopping.cancelled(rollout, "the service was deleted", now))
            gone = stopping.turned(service, Desired.DELETED, ServiceStatus.DELETING, now)
            await w.save_service(replace(gone, version=service.version + 1))
            deleted.append(service_id)
    for service_id in deleted:
        ctx.nudge("service", service_id)


async def refuse_node(
    ctx: Context,
    principal: Principal,
    project_id: str,
    service_id: str,
    node: Violation,
) -> None:
    """Start or stop a service on one edge node: not yet. Raises Forbidden, NotFound, and Invalid always."""
    authorise(principal, project_id, CONTROL_WRITE, "updateNodeServiceStatus")
    async with ctx.store.read() as r:
        service = await load_service(r, project_id, service_id)
    said = f"service {shown(service.name)} is {service.infer_type}"
    text = f"{said}: only edge services run on nodes, none are there yet"
    raise Invalid(replace(node, text=f"{node.text}, but {text}"))


async def _admitted(
    ctx: Context, w: WriteTransaction, project_id: str, request: ServiceRequest
) -> tuple[Variant, ...]:
    """The variants of a valid request; raises Invalid with everything that is wrong with it."""
    infer_type, broken = request.infer_type or InferType.REAL_TIME, frozenset(v.field for v in request.violations)
    where = request.place.placement
    world = await admission_input(ctx, w, project_id, request.config, infer_type=infer_type, placement=where)
    admission = admit(request.config, world, broken)
    websocket = not admission.variants or any(ctx.scripted(v.template.digest) for v in admission.variants)
    own = (
        *fields.service_name(request.name),
        *fields.description(request.description),
        *fields.workspace(request.workspace_id),
        *_real_time_only(request.infer_type),
        *settings.violations(request.settings, {}, world.quotas, infer_type, websocket=websocket),
        *settings.place_violations(request.place),
        *service_violations(where, Site(world.flavors, world.pools)),
    )
    found = (*request.violations, *(v for v in own if not fields.told(v.field, broken)), *admission.violations)
    count, most = await w.count_services(project_id, infer_type), world.quotas.services(infer_type)
    if count >= most:
        found += (Violation("", f"a maximum of {most} {infer_type} services are allowed", "3520"),)
    if found:
        raise Invalid(*found)
    return admission.variants


def _real_time_only(infer_type: InferType | None) -> Iterable[Violation]:
    if infer_type is None:
        yield Violation("infer_type", "is mandatory")
    elif infer_type is not InferType.REAL_TIME:
        yield Violation("infer_type", f"{shown(infer_type.value)} is not supported yet, only 'real-time' is")
