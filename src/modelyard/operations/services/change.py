"""One PUT inside its transaction: everything that is wrong with it, or all of it written."""

from dataclasses import dataclass, replace

from modelyard.core import schedule
from modelyard.core.admission import fields
from modelyard.core.admission import service as settings
from modelyard.core.admission.config import Admission, VariantRequest, admit
from modelyard.core.admission.service import SettingsRequest
from modelyard.core.admission.states import Effect, Step, effect
from modelyard.core.rollout import stopping
from modelyard.domain.errors import Invalid, Violation
from modelyard.domain.identity import Principal
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.service import (
    Desired,
    Event,
    EventType,
    Rollout,
    RolloutKind,
    Service,
    ServiceStatus,
)
from modelyard.operations import limits
from modelyard.operations.context import Context
from modelyard.operations.models import notices
from modelyard.operations.services.admission_input import admission_input
from modelyard.operations.services.load import not_owner
from modelyard.store.base import ServiceRecord, WriteTransaction


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """A change of a service; None leaves a field as it is."""

    description: str | None = None
    status: Desired | None = None
    config: tuple[VariantRequest, ...] | None = None
    settings: SettingsRequest = SettingsRequest()
    violations: tuple[Violation, ...] = ()

    @property
    def more(self) -> bool:
        """Whether it says something beside status and config."""
        broken = any(v.field.split(".")[0].split("[")[0] not in {"status", "config"} for v in self.violations)
        return self.description is not None or self.settings != SettingsRequest() or broken


@dataclass(frozen=True, slots=True)
class Created:
    service_id: str
    rollout_id: str


@dataclass(frozen=True, slots=True)
class Updated:
    """`rollout` is the update that the config started; None when it started none."""

    service: Service
    rollout: Rollout | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one service, held against what is stored now."""

    ctx: Context
    w: WriteTransaction
    record: ServiceRecord
    now: int

    @property
    def before(self) -> Service:
        return self.record.service

    async def made(self, principal: Principal, request: UpdateRequest) -> Updated:
        """Check and write. Raises Invalid with everything that is wrong; nothing was written then."""
        variants, step = await self._admitted(principal, request)
        return await self._written(request, step, variants)

    async def _admitted(self, principal: Principal, request: UpdateRequest) -> tuple[tuple[Variant, ...], Effect]:
        service, broken = self.before, frozenset(v.field for v in request.violations)
        step = effect(
            service.status, request.status, request.config is not None or "config" in broken, request.more
        )
        found: list[Violation] = [*not_owner(principal, service)]
        if isinstance(step, Violation):
            found.append(step)
        found += request.violations
        quotas = await limits.quotas(self.ctx, self.w, service.project_id)
        admission = await self._admission(request, broken)
        websocket = self._websocket(admission.variants)
        own = [
            *settings.violations(
                request.settings, service.attributes, quotas, service.infer_type, websocket=websocket
            )
        ]
        if request.description is not None:
            own += fields.description(request.description)
        found += [v for v in own if not fields.told(v.field, broken)]
        found += admission.violations
        if admission.variants and not websocket and service.settings.websocket and self._websocket(()):
            text = "no model of it has inference code that could serve the WebSocket that the service has"
            found.append(Violation("config", text))
        if found or isinstance(step, Violation):
            raise Invalid(*found)
        return admission.variants, step

    def _websocket(self, variants: tuple[Variant, ...]) -> bool:
        """Whether any of them, or of the present config, may be able to serve a WebSocket."""
        present = self.record.revisions[self.before.revision].variants
        return any(self.ctx.scripted(one.template.digest) for one in variants or present)

    async def _admission(self, request: UpdateRequest, broken: frozenset[str]) -> Admission:
        if request.config is None:
            return Admission()
        service = self.before
        world = await admission_input(
            self.ctx,
            self.w,
            service.project_id,
            request.config,
            infer_type=service.infer_type,
            placement=settings.placement(service.settings),
            record=self.record,
        )
        return admit(request.config, world, broken)

    async def _written(self, request: UpdateRequest, effect: Effect, variants: tuple[Variant, ...]) -> Updated:
        service, rollout = self._settled(request), None
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
        for text in schedule.told(self.before, service, self.now):
            await self._tell(text)
        if service is not self.before:
            service = replace(service, version=self.before.version + 1)
            await self.w.save_service(service)
        return Updated(service, rollout)

    def _settled(self, request: UpdateRequest) -> Service:
        """The service with everything that is neither status nor config; the same object if nothing changes."""
        before = self.before
        after = settings.settled(request.settings, before, self.now)
        if request.description is not None:
            after = replace(after, description=request.description)
        return before if after == before else after

    async def _start(self, service: Service) -> Service:
        await self._tell("service being started")
        base = service.stable if service.stable != service.revision else None
        await self._roll(service, RolloutKind.START, base)
        return stopping.turned(service, Desired.RUNNING, ServiceStatus.DEPLOYING, self.now)

    async def _stop(self, service: Service) -> Service:
        stopped, ended = stopping.stopped(service, self.record.rollout, "the service was stopped", self.now)
        if ended is not None:
            await self.w.save_rollout(ended)
        await self._tell("service being stopped")
        return stopped

    async def _update(self, service: Service, variants: tuple[Variant, ...]) -> tuple[Service, Rollout]:
        if self.record.rollout is not None:
            why = "another update took its place"
            await self.w.save_rollout(stopping.cancelled(self.record.rollout, why, self.now))
        service = await self._revise(service, variants)
        await self._tell("service being updated")
        for text in await notices(self.w, variants):
            await self._tell(text)
        rollout = await self._roll(service, RolloutKind.UPDATE, service.stable)
        return stopping.turned(service, Desired.RUNNING, ServiceStatus.DEPLOYING, self.now), rollout

    async def _revise(self, service: Service, variants: tuple[Variant, ...]) -> Service:
        number = 1 + await self.w.last_revision(service.id)
        await self.w.add_revision(Revision(service.id, number, self.now, variants))
        return replace(service, revision=number, updated_ms=self.now)

    async def _roll(self, service: Service, kind: RolloutKind, base: int | None) -> Rollout:
        rollout = Rollout(self.ctx.new_id(), service.id, kind, service.revision, base, self.now)
        await self.w.save_rollout(rollout)
        return rollout

    async def _tell(self, info: str) -> None:
        await self.w.add_events([Event(self.before.id, EventType.NORMAL, info, self.now)])
