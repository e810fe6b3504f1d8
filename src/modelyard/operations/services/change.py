"""The use case that changes a service: config, settings, whether it runs (PUT, PATCH, /property, rollback).

One transaction finds everything that is wrong with the request, or writes all of what the user wants; then the
loop is nudged. Instances, routes and the later status are the loop's matter. Every accepted change raises
`Service.version`, so that a decision made from the state before is not written.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from modelyard.core import differences, schedule
from modelyard.core.admission import fields, properties
from modelyard.core.admission import service as settings
from modelyard.core.admission import service_secrets as secrets
from modelyard.core.admission.catalog import Quotas
from modelyard.core.admission.config import Admission, AdmissionInput, admit
from modelyard.core.admission.pool_models import runs_containers
from modelyard.core.admission.service import SettingsRequest
from modelyard.core.admission.states import Effect, Step, effect
from modelyard.core.admission.variant_request import VariantRequest
from modelyard.core.rollout import stopping
from modelyard.domain.errors import Invalid, Violation
from modelyard.domain.identity import CONTROL_WRITE, Principal
from modelyard.domain.notifications import Lane
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.secrets import SecretFile
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
from modelyard.operations import limits, tracing
from modelyard.operations.context import Context, authorise
from modelyard.operations.models import notices
from modelyard.operations.services import log_channels, pool_room, totals
from modelyard.operations.services.admission_input import (
    Subject,
    admission_input,
    host_dirs,
    known_topics,
    service_secrets,
)
from modelyard.operations.services.batch_places import Places, looked_at
from modelyard.operations.services.load import load_record, load_service, not_owner
from modelyard.operations.services.preconditions import UNBOUND, Changed, Preconditions
from modelyard.store.base import WriteTransaction


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """A change of a service; None leaves a field as it is. `unless_same`: a config that is in use already makes no
    revision. `files`: the secrets of the config as they were in an earlier revision."""

    description: str | None = None
    status: Desired | None = None
    config: tuple[VariantRequest, ...] | None = None
    settings: SettingsRequest = SettingsRequest()
    violations: tuple[Violation, ...] = ()
    unless_same: bool = False
    files: tuple[SecretFile, ...] | None = None

    @property
    def more(self) -> bool:
        """Whether it says something beside status and config."""
        broken = any(v.field.split(".")[0].split("[")[0] not in {"status", "config"} for v in self.violations)
        return self.description is not None or self.settings != SettingsRequest() or broken


Amendment = Callable[[Service, Revision], UpdateRequest]
"""Makes the request from what the service is now. May raise Invalid."""


async def update_service(
    ctx: Context,
    principal: Principal,
    project_id: str,
    service_id: str,
    request: UpdateRequest | Amendment,
    *,
    preconditions: Preconditions = UNBOUND,
) -> Changed:
    """All of the request or nothing. Raises Forbidden, NotFound, Invalid.

    An Amendment is asked in the transaction that writes the change, so that no other change gets lost in between.
    A config that is equal to the present one makes a revision all the same, so that each accepted PUT has its
    update record; its rollout has nothing to do and ends at once. `unless_same` has it make none (a rollback).
    """
    authorise(principal, project_id, CONTROL_WRITE, "updateService")
    looked = await _looked_at(ctx, project_id, service_id, request)
    async with ctx.store.write() as w:
        await preconditions.begun(w, project_id, ctx.clock())
        record = await load_record(w, project_id, service_id)
        service, now = record.service, ctx.clock()
        preconditions.hold(service)
        if not isinstance(request, UpdateRequest):
            request = request(service, record.revisions[service.revision])
        change = _Change(ctx, w, record, now, looked)
        changed = await change.made(principal, request)
        await preconditions.concluded(w, record, changed, now)
    ctx.teller.wake(change.waiting)
    if changed.service is not service:
        ctx.nudge("service", service_id)
    return changed


async def _looked_at(ctx: Context, project_id: str, service_id: str, request: UpdateRequest | Amendment) -> Places:
    """What the inputs of a batch config lead to. An Amendment is asked once more in the transaction."""
    if not isinstance(request, UpdateRequest):
        async with ctx.store.read() as r:
            service = await r.service(project_id, service_id)
            if service is None or service.infer_type is not InferType.BATCH:
                return {}
            revision = await r.revision(service_id, service.revision)
        try:
            request = request(service, revision) if revision is not None else UpdateRequest()
        except Invalid:
            return {}
    return await looked_at(ctx, project_id, request.config or ())


async def refuse_node(
    ctx: Context, principal: Principal, project_id: str, service_id: str, node: Violation
) -> None:
    """Start or stop a service on one edge node: not yet. Raises Forbidden, NotFound, and Invalid always."""
    authorise(principal, project_id, CONTROL_WRITE, "updateNodeServiceStatus")
    async with ctx.store.read() as r:
        service = await load_service(r, project_id, service_id)
    said = f"service {shown(service.name)} is {service.infer_type}"
    text = f"{said}: only edge services run on nodes, none are there yet"
    raise Invalid(replace(node, text=f"{node.text}, but {text}"))


@dataclass(frozen=True, slots=True)
class _Change:
    """The change of one service, held against what is stored now. `waiting`: where messages of it wait."""

    ctx: Context
    w: WriteTransaction
    record: ServiceRecord
    now: int
    looked: Places
    waiting: list[Lane] = field(default_factory=list)

    @property
    def before(self) -> Service:
        return self.record.service

    async def made(self, principal: Principal, request: UpdateRequest) -> Changed:
        """Check and write. Raises Invalid with everything that is wrong; nothing was written then."""
        with tracing.step("admission"):
            variants, step, told = await self._admitted(principal, request)
        return await self._written(request, step, variants, told)

    async def _admitted(
        self, principal: Principal, request: UpdateRequest
    ) -> tuple[tuple[Variant, ...], Effect, tuple[str, ...]]:
        """The variants, what they do, and what is to be told of their models."""
        service, broken = self.before, frozenset(v.field for v in request.violations)
        resecreted = await self._with_secrets(request)
        with_config = request.config is not None or "config" in broken or resecreted is not None
        step = effect(service.status, request.status, with_config, request.more)
        given = await self._given(request)
        quotas = given.quotas if given else await limits.quotas(self.ctx, self.w, service.project_id)
        admission = resecreted or Admission()
        if request.config is not None and given is not None:
            admission = admit(request.config, given, broken)
        websocket = self._websocket(admission.variants)
        said, attributes, infer_type = request.settings, service.attributes, service.infer_type
        topics = await known_topics(self.ctx, self.w, service.project_id, said)
        own = [*settings.violations(said, attributes, quotas, infer_type, websocket=websocket, topics=topics)]
        own += await log_channels.violations(self.w, service.project_id, said, service)
        if request.description is not None:
            own += fields.description(request.description)
        wrong = [
            *not_owner(principal, service),
            *([step] if isinstance(step, Violation) else []),
            *request.violations,
            *(v for v in own if not fields.told(v.field, broken)),
            *admission.violations,
            *self._unmoved(request, step),
        ]
        if admission.variants and not websocket and service.settings.websocket and self._websocket(()):
            text = "no model of it has inference code that could serve the WebSocket that the service has"
            wrong.append(Violation("config", text))
        if not wrong and not isinstance(step, Violation):
            wrong += await self._totals(step, quotas, admission.variants)
        if wrong or isinstance(step, Violation):
            raise Invalid(*wrong)
        return admission.variants, step, notices(given.models, admission.variants) if given else ()

    async def _with_secrets(self, request: UpdateRequest) -> Admission | None:
        """The present config with the secrets that the request asks for; None where that changes nothing, or the
        request has a config, which is then admitted with them."""
        if request.config is not None or request.settings.secrets is None:
            return None
        service, present = self.before, self.record.revisions[self.before.revision].variants
        subject = self._subject(request)
        asked = await service_secrets(self.w, subject)
        models = await self.w.models_by_id(service.project_id, {variant.model_id for variant in present})
        pools = await limits.pools(self.ctx, self.w, service.project_id)
        around = [
            secrets.surroundings(v, models.get(v.model_id), boxed=runs_containers(pools.get(v.template.pool)))
            for v in present
        ]
        if wrong := tuple(secrets.violations(asked, around, host_dirs(self.ctx))):
            return Admission(violations=wrong)
        variants = secrets.given(present, secrets.mounted(asked))
        return None if variants == present else Admission(variants)

    def _unmoved(self, request: UpdateRequest, step: Effect | Violation) -> list[Violation]:
        """Secrets that would be ignored with the config that they belong to."""
        asked, present = request.settings.secrets, self.record.revisions[self.before.revision].variants
        if asked is None or not isinstance(step, Effect) or not step.config_ignored:
            return []
        text = "cannot change in the request that starts or stops the service: send it by itself"
        return [Violation(properties.SECRETS, text)] if asked != secrets.requested(present) else []

    def _subject(self, request: UpdateRequest) -> Subject:
        service, asked = self.before, request.settings.secrets
        where = settings.placement(service.settings)
        return Subject(service.project_id, service.infer_type, where, self.record, asked, request.files)

    async def _totals(self, step: Effect, quotas: Quotas, variants: tuple[Variant, ...]) -> list[Violation]:
        """What is to run from now on beside everything else of the project."""
        match step.step:
            case Step.START:
                field, variants = "status", self.record.revisions[self.before.revision].variants
            case Step.UPDATE:
                field = "config"
            case _:
                return []
        around, where = (self.ctx, self.w), (self.before.project_id, field)
        refused = await totals.refusals(around, quotas, where, variants, self.record)
        if step.step is Step.START:  # a config is held against it with everything else of it
            refused += await pool_room.of_start(around, self.record, variants, field)
        return refused

    def _websocket(self, variants: tuple[Variant, ...]) -> bool:
        """Whether any of them, or of the present config, may be able to serve a WebSocket."""
        present = self.record.revisions[self.before.revision].variants
        return any(self.ctx.scripted(one.template.digest) for one in variants or present)

    async def _given(self, request: UpdateRequest) -> AdmissionInput | None:
        if request.config is None:
            return None
        return await admission_input(self.ctx, self.w, self._subject(request), request.config, self.looked)

    async def _written(
        self, request: UpdateRequest, effect: Effect, variants: tuple[Variant, ...], of_models: tuple[str, ...]
    ) -> Changed:
        service, rollout = self._settled(request), None
        told: list[str] = []
        if request.unless_same and self._in_use(effect.step, variants):
            effect = Effect(Step.NOTHING)
        match effect.step:
            case Step.START:
                service = await self._start(service)
                told.append("service being started")
            case Step.STOP:
                service = await self._stop(service)
                told.append("service being stopped")
            case Step.KEEP:
                service = await self._revise(service, variants)
                told.append("config stored, it is used at the next start")
            case Step.UPDATE:
                again = request.status is not None and service.status is ServiceStatus.FINISHED
                kind = RolloutKind.START if again else RolloutKind.UPDATE
                service, rollout = await self._update(service, variants, kind)
                told += ["service being updated", *of_models]
            case Step.NOTHING:
                pass
        if effect.config_ignored:
            told.append("config ignored, since the status was changed by the same request")
        told += schedule.told(self.before, service, self.now)
        await self.w.add_events([Event(service.id, EventType.NORMAL, text, self.now) for text in told])
        if service is not self.before:
            service = replace(service, version=self.before.version + 1)
            self.waiting.extend(await self.ctx.teller.save(self.w, self.before, service))
            await log_channels.bind(self.ctx, self.w, service, request.settings)
        return Changed(service, rollout)

    def _in_use(self, step: Step, variants: tuple[Variant, ...]) -> bool:
        """Whether these are what the service has already, and what its instances are or would be started with."""
        before, present = self.before, self.record.revisions[self.before.revision].variants
        whole = self.record.rollout is None and before.stable == before.revision
        whole = whole and before.status is not ServiceStatus.FAILED
        return (step is Step.KEEP or (step is Step.UPDATE and whole)) and differences.none(present, variants)

    def _settled(self, request: UpdateRequest) -> Service:
        """The service with everything that is neither status nor config; the same object if nothing changes."""
        before = self.before
        after = settings.settled(request.settings, before, self.now)
        if request.description is not None:
            after = replace(after, description=request.description)
        return before if after == before else after

    async def _start(self, service: Service) -> Service:
        base = service.stable if service.stable != service.revision else None
        await self._roll(service, RolloutKind.START, base)
        return stopping.turned(service, Desired.RUNNING, ServiceStatus.DEPLOYING, self.now)

    async def _stop(self, service: Service) -> Service:
        stopped, ended = stopping.stopped(service, self.record.rollout, "the service was stopped", self.now)
        if ended is not None:
            await self.w.save_rollout(ended)
        return stopped

    async def _update(
        self, service: Service, variants: tuple[Variant, ...], kind: RolloutKind
    ) -> tuple[Service, Rollout]:
        """`kind`: START runs a batch that finished once more, though its config be the same."""
        if self.record.rollout is not None:
            why = "another update took its place"
            await self.w.save_rollout(stopping.cancelled(self.record.rollout, why, self.now))
        service = await self._revise(service, variants)
        rollout = await self._roll(service, kind, service.stable)
        return stopping.turned(service, Desired.RUNNING, ServiceStatus.DEPLOYING, self.now), rollout

    async def _revise(self, service: Service, variants: tuple[Variant, ...]) -> Service:
        number = 1 + self.record.last_revision
        await self.w.add_revision(Revision(service.id, number, self.now, variants))
        return replace(service, revision=number, updated_ms=self.now)

    async def _roll(self, service: Service, kind: RolloutKind, base: int | None) -> Rollout:
        rollout = Rollout(self.ctx.new_id(), service.id, kind, service.revision, base, self.now)
        await self.w.save_rollout(rollout)
        return rollout
