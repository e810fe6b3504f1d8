"""The use case that creates a service and begins its first deployment.

A service whose first deployment failed never answered anybody: it gives its name back to who tries again, in the
transaction that adds the new one, which has an id of its own. Every other one keeps its name, and the refusal says
what to do instead. Of two who try at once, one is first and the other finds it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from modelyard.core import schedule
from modelyard.core.admission import fields
from modelyard.core.admission import service as settings
from modelyard.core.admission.config import admit
from modelyard.core.admission.placement import Site, service_violations
from modelyard.core.admission.service import PlaceRequest, SettingsRequest
from modelyard.core.admission.variant_request import VariantRequest
from modelyard.domain.errors import AlreadyExists, Invalid, Violation
from modelyard.domain.identity import CONTROL_WRITE, Principal
from modelyard.domain.record import Changes
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
from modelyard.operations import acting, tracing
from modelyard.operations.context import Context, authorise
from modelyard.operations.models import notices
from modelyard.operations.services import log_channels, totals
from modelyard.operations.services.admission_input import Subject, admission_input, known_topics
from modelyard.operations.services.batch_places import Places, looked_at
from modelyard.operations.services.load import not_owner
from modelyard.operations.services.preconditions import UNBOUND, Changed, Preconditions
from modelyard.store.base import WriteTransaction


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


async def create_service(
    ctx: Context,
    principal: Principal,
    project_id: str,
    request: ServiceRequest,
    *,
    preconditions: Preconditions = UNBOUND,
) -> Changed:
    """Create a service and begin its first deployment, in place of one of this name whose first deployment failed.
    Raises Forbidden, Invalid, AlreadyExists."""
    authorise(principal, project_id, CONTROL_WRITE, "createService")
    now, infer_type = ctx.clock(), request.infer_type or InferType.REAL_TIME
    looked = await looked_at(ctx, project_id, request.config) if infer_type is InferType.BATCH else {}
    async with ctx.store.write() as w:
        await preconditions.begun(w, project_id, now)
        replaced, taken = None, None
        try:
            replaced = await _free_name(w, principal, project_id, request.name)
        except AlreadyExists as error:
            taken = error
        with tracing.step("admission"):
            variants, of_models = await _admitted(ctx, w, project_id, request, looked)
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
        acting.named(service.name, f"services/{service.id}")
        await w.add_service(service)
        await log_channels.bind(ctx, w, service, request.settings)
        await w.add_revision(Revision(service.id, 1, now, variants))
        await w.save_rollout(rollout)
        await ctx.teller.changed(w, None, service)
        again = f"takes the place of service {replaced.id}, which never came to run" if replaced else ""
        first = ("start to deploy service", *of_models, *schedule.told(None, service, now))
        texts = (again, *first) if again else first
        await w.add_events([Event(service.id, EventType.NORMAL, text, now) for text in texts])
        created = Changed(service, rollout)
        await preconditions.concluded(w, None, created, now)
    for one in (replaced, service):
        if one is not None:
            ctx.nudge("service", one.id)
    return created


async def _admitted(
    ctx: Context, w: WriteTransaction, project_id: str, request: ServiceRequest, looked: Places
) -> tuple[tuple[Variant, ...], tuple[str, ...]]:
    """The variants of a valid request, and what is to be told of their models. Raises Invalid with everything
    that is wrong with it."""
    infer_type, broken = request.infer_type or InferType.REAL_TIME, frozenset(v.field for v in request.violations)
    where = request.place.placement
    given = await admission_input(
        ctx, w, Subject(project_id, infer_type, where, secrets=request.settings.secrets), request.config, looked
    )
    admission = admit(request.config, given, broken)
    websocket = not admission.variants or any(ctx.scripted(v.template.digest) for v in admission.variants)
    said, topics = request.settings, await known_topics(ctx, w, project_id, request.settings)
    own = (
        *fields.service_name(request.name),
        *fields.description(request.description),
        *fields.workspace(request.workspace_id),
        *_infer_type(request.infer_type),
        *settings.violations(said, {}, given.quotas, infer_type, websocket=websocket, topics=topics),
        *await log_channels.violations(w, project_id, said),
        *settings.place_violations(request.place),
        *service_violations(where, Site(given.flavors, given.pools)),
    )
    untold = (v for v in own if not fields.told(v.field, broken))
    violations = (*request.violations, *untold, *admission.violations)
    violations += tuple(await totals.refusals((ctx, w), given.quotas, (project_id, "config"), admission.variants))
    count, most = await w.count_services(project_id, infer_type), given.quotas.services(infer_type)
    if count >= most:
        violations += (Violation("", f"a maximum of {most} {infer_type} services are allowed", "3520"),)
    if violations:
        raise Invalid(*violations)
    return admission.variants, notices(given.models, admission.variants)


def _infer_type(infer_type: InferType | None) -> Iterable[Violation]:
    if infer_type is None:
        yield Violation("infer_type", "is mandatory")
    elif infer_type is InferType.EDGE:
        known = "'real-time' and 'batch' are"
        yield Violation("infer_type", f"{shown(infer_type.value)} is not supported yet, only {known}")


async def _free_name(
    w: WriteTransaction, principal: Principal, project_id: str, name: str | None
) -> Service | None:
    """Remove the service of this name if its first deployment failed; it is returned. Raises AlreadyExists for any
    other, and for one that the caller may not delete."""
    if not name:
        return None
    old = await w.service_named(project_id, name)
    if old is None:
        return None
    if old.desired is Desired.DELETED:
        raise AlreadyExists("service", old.name, "It is being deleted: wait until it is gone.")
    if not _never_served(old) or not_owner(principal, old):
        text = f"Change it with PUT /v1/{project_id}/services/{old.id} (modelyard services update {old.name})."
        if old.infer_type is InferType.BATCH:
            again = f"run it again or go on with it as it is (modelyard batch resume {old.name})"
            text = f"{text[:-1]}, {again}, or choose another name."
        raise AlreadyExists("service", old.name, text)
    gone = await w.apply(old.id, Changes(old.version, delete_service=True))
    assert gone
    return old


def _never_served(service: Service) -> bool:
    return service.status is ServiceStatus.FAILED and service.failed and service.stable is None
