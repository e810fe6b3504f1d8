"""Use cases that change services: create, update (which also starts and stops), delete.

Each authorises, validates and writes what the user wants in one transaction, then nudges the loop. What is
stored is what is wanted: instances, routes and the later status are the loop's matter. Every accepted change
raises `Service.version`, so that a decision made from the state before is not written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from modelyard.core import admission_fields as fields
from modelyard.core.admission import Admission, VariantRequest, World, admit
from modelyard.core.admission_states import Effect, Step, effect
from modelyard.domain.errors import Invalid, NotFound, Violation
from modelyard.domain.identity import CONTROL_WRITE, Principal, Role
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.service import (
    Desired,
    Event,
    EventType,
    InferType,
    Rollout,
    RolloutKind,
    RolloutState,
    Service,
    ServiceStatus,
)
from modelyard.operations.context import Context, authorise
from modelyard.store.base import Writing


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """A service to create. `violations`: what was wrong already when the request was read."""

    name: str | None
    infer_type: InferType | None
    config: tuple[VariantRequest, ...]
    description: str = ""
    workspace_id: str = fields.DEFAULT_WORKSPACE
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """A change of a service; None leaves a field as it is."""

    description: str | None = None
    status: Desired | None = None
    config: tuple[VariantRequest, ...] | None = None
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class Created:
    service_id: str
    rollout_id: str


@dataclass(frozen=True, slots=True)
class Updated:
    """`rollout` is the update that the config started; None when it started none."""

    service: Service
    rollout: Rollout | None = None


async def create(ctx: Context, principal: Principal, project_id: str, request: ServiceRequest) -> Created:
    """Create a service and begin its first deployment. Raises Forbidden, Invalid, AlreadyExists."""
    authorise(principal, project_id, CONTROL_WRITE, "createService")
    now, infer_type = ctx.clock(), request.infer_type or InferType.REAL_TIME
    broken = frozenset(v.field for v in request.violations)
    async with ctx.store.write() as w:
        admission = await _admission(ctx, w, project_id, infer_type, request.config, broken=broken)
        own = (
            *fields.service_name(request.name),
            *fields.description(request.description),
            *fields.workspace(request.workspace_id),
            *_real_time_only(request.infer_type),
        )
        found = (*request.violations, *(v for v in own if v.field not in broken), *admission.violations)
        count, most = await w.count_services(project_id, infer_type), ctx.quotas.services(infer_type)
        if count >= most:
            found += (Violation("", f"a maximum of {most} {infer_type} services are allowed", "3520"),)
        if found:
            raise Invalid(*found)
        assert request.name is not None
        service = Service(
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
        )
        rollout = Rollout(ctx.new_id(), service.id, RolloutKind.DEPLOY, target=1, base=None, started_ms=now)
        await w.add_service(service)
        await w.add_revision(Revision(service.id, 1, now, admission.variants))
        await w.save_rollout(rollout)
        await w.add_events([Event(service.id, EventType.NORMAL, "start to deploy service", now)])
    ctx.nudge("service", service.id)
    return Created(service.id, rollout.id)


async def update(
    ctx: Context, principal: Principal, project_id: str, service_id: str, request: UpdateRequest
) -> Updated:
    """Change a service: all of the request or nothing. Raises Forbidden, NotFound, Invalid.

    A config that is equal to the present one makes a revision all the same, so that each accepted PUT has its
    update record; its rollout has nothing to do and ends at once.
    """
    authorise(principal, project_id, CONTROL_WRITE, "updateService")
    async with ctx.store.write() as w:
        service = await _service(w, project_id, service_id)
        change = _Change(ctx, w, service, ctx.clock())
        variants, step = await change.admitted(principal, request)
        updated = await change.made(request.description, step, variants)
    if updated.service is not service:
        ctx.nudge("service", service_id)
    return updated


async def delete(ctx: Context, principal: Principal, project_id: str, service_ids: Sequence[str]) -> None:
    """Delete services: all of them or, when one is unknown, none. Raises Forbidden, NotFound, Invalid."""
    authorise(principal, project_id, CONTROL_WRITE, "deleteService")
    now, deleted = ctx.clock(), []
    async with ctx.store.write() as w:
        for service_id in dict.fromkeys(service_ids):
            service = await _service(w, project_id, service_id)
            if refused := _not_owner(principal, service):
                raise Invalid(*refused)
            if service.desired is Desired.DELETED:
                continue
            await _cancel(w, service, "the service was deleted", now)
            await w.save_service(_turned(service, Desired.DELETED, ServiceStatus.DELETING, now))
            deleted.append(service_id)
    for service_id in deleted:
        ctx.nudge("service", service_id)


@dataclass(frozen=True, slots=True)
class _Change:
    """One PUT inside its transaction."""

    ctx: Context
    w: Writing
    service: Service
    now: int

    async def admitted(self, principal: Principal, request: UpdateRequest) -> tuple[tuple[Variant, ...], Effect]:
        """What the request comes to; raises Invalid with everything that is wrong with it."""
        service, broken = self.service, frozenset(v.field for v in request.violations)
        has_config = request.config is not None or "config" in broken
        step = effect(service.status, request.status, has_config)
        found: list[Violation] = [*_not_owner(principal, service)]
        if isinstance(step, Violation):
            found.append(step)
        found += request.violations
        if request.description is not None:
            found += [v for v in fields.description(request.description) if v.field not in broken]
        admission = Admission()
        if request.config is not None:
            admission = await _admission(
                self.ctx,
                self.w,
                service.project_id,
                service.infer_type,
                request.config,
                broken=broken,
                service=service,
            )
        found += admission.violations
        if found or isinstance(step, Violation):
            raise Invalid(*found)
        return admission.variants, step

    async def made(self, description: str | None, effect: Effect, variants: tuple[Variant, ...]) -> Updated:
        """Write it."""
        service, rollout = self.service, None
        if description is not None and description != service.description:
            service = replace(service, description=description, version=self.service.version + 1)
        match effect.step:
            case Step.START:
                service = await self._start(service)
            case Step.STOP:
                service = await self._stop(service)
            case Step.KEEP:
                service = await self._revise(service, variants)
                await self._tell("config stored, it is used at the next start")
            case Step.UPDATE:
                service, rollout = await self._update(service, variants)
            case Step.NOTHING:
                pass
        if effect.config_ignored:
            await self._tell("config ignored, since the status was changed by the same request")
        if service is not self.service:
            await self.w.save_service(service)
        return Updated(service, rollout)

    async def _start(self, service: Service) -> Service:
        await self._tell("service being started")
        base = service.stable if service.stable != service.revision else None
        await self._roll(service, RolloutKind.START, base)
        return _turned(service, Desired.RUNNING, ServiceStatus.DEPLOYING, self.now, self.service)

    async def _stop(self, service: Service) -> Service:
        revision = await _cancel(self.w, service, "the service was stopped", self.now)
        await self._tell("service being stopped")
        service = replace(service, revision=revision)
        return _turned(service, Desired.STOPPED, ServiceStatus.STOPPING, self.now, self.service)

    async def _update(self, service: Service, variants: tuple[Variant, ...]) -> tuple[Service, Rollout]:
        await _cancel(self.w, service, "another update took its place", self.now)
        service = await self._revise(service, variants)
        await self._tell("service being updated")
        rollout = await self._roll(service, RolloutKind.UPDATE, service.stable)
        return _turned(service, Desired.RUNNING, ServiceStatus.DEPLOYING, self.now, self.service), rollout

    async def _revise(self, service: Service, variants: tuple[Variant, ...]) -> Service:
        number = 1 + max(r.number for r in await self.w.revisions(service.id))
        await self.w.add_revision(Revision(service.id, number, self.now, variants))
        return replace(service, revision=number, updated_ms=self.now, version=self.service.version + 1)

    async def _roll(self, service: Service, kind: RolloutKind, base: int | None) -> Rollout:
        rollout = Rollout(self.ctx.new_id(), service.id, kind, service.revision, base, self.now)
        await self.w.save_rollout(rollout)
        return rollout

    async def _tell(self, info: str) -> None:
        await self.w.add_events([Event(self.service.id, EventType.NORMAL, info, self.now)])


async def _admission(
    ctx: Context,
    w: Writing,
    project_id: str,
    infer_type: InferType,
    config: Sequence[VariantRequest],
    *,
    broken: frozenset[str],
    service: Service | None = None,
) -> Admission:
    """Hold a config against the models, flavors and quotas there are, and against the service's revisions."""
    models = {}
    for model_id in {entry.model_id for entry in config if entry.model_id}:
        if (model := await w.model(project_id, model_id)) is not None:
            models[model_id] = model
    revisions = await w.revisions(service.id) if service else ()
    world = World(
        models=models,
        flavors=ctx.flavors,
        quotas=ctx.quotas,
        infer_type=infer_type,
        previous=next((r.variants for r in revisions if service and r.number == service.revision), ()),
        next_track=1 + max((v.track for r in revisions for v in r.variants), default=0),
    )
    return admit(config, world, broken)


async def _service(w: Writing, project_id: str, service_id: str) -> Service:
    service = await w.service(project_id, service_id)
    if service is None:
        raise NotFound("service", service_id)
    return service


async def _cancel(w: Writing, service: Service, why: str, now: int) -> int:
    """End the active rollout, if there is one; the revision that the service keeps.

    One that was rolling back had failed already: it ends as FAIL, and its base is the revision again.
    """
    revision = service.revision
    for rollout in await w.rollouts(service.id):
        if rollout.state is RolloutState.ROLLING_BACK:
            revision = rollout.base or revision
            await w.save_rollout(replace(rollout, state=RolloutState.FAIL, ended_ms=now))
        elif rollout.active:
            await w.save_rollout(replace(rollout, state=RolloutState.CANCELLED, cause=why, ended_ms=now))
    return revision


def _turned(
    service: Service, desired: Desired, status: ServiceStatus, now: int, before: Service | None = None
) -> Service:
    """The service sent somewhere else, its last failure forgotten, one version after `before`."""
    version = (before or service).version + 1
    return replace(
        service, desired=desired, status=status, transition_ms=now, failed=False, error="", version=version
    )


def _not_owner(principal: Principal, service: Service) -> tuple[Violation, ...]:
    if principal.user_id == service.owner or Role.ADMIN in principal.roles:
        return ()
    return (Violation("", f"you are not the owner of service {service.name!r}", "3540"),)


def _real_time_only(infer_type: InferType | None) -> Iterable[Violation]:
    if infer_type is None:
        yield Violation("infer_type", "is mandatory")
    elif infer_type is not InferType.REAL_TIME:
        yield Violation("infer_type", f"{infer_type.value!r} is not supported yet, only 'real-time' is")
