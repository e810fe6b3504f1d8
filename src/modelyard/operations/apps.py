"""Use cases of AppCodes: applications whose codes invoke the services they are bound to (contract §4).

A code is shown in the answers of its own project's members only. What is taken away (a code, a binding, an app)
stops at the gateway within seconds: `nudge("access", …)` has `control.access` publish it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from modelyard.domain.apps import App, AppCode
from modelyard.domain.errors import Conflict, Invalid, NotFound, Violation
from modelyard.domain.identity import CONTROL_READ, CONTROL_WRITE, Principal
from modelyard.domain.service import Service
from modelyard.iam import appcodes
from modelyard.operations import acting
from modelyard.operations.context import Context, authorise
from modelyard.operations.services.load import load_service
from modelyard.store.base import ReadTransaction

MOST_CODES = 5
"""Per application, as the vendor's."""
MOST_APPS = 50
"""Bound to one service: the gateway compares a request's code with each."""


@dataclass(frozen=True, slots=True)
class AppDetail:
    """An application, its codes (empty for those who may only read) and the ids of its services."""

    app: App
    codes: Sequence[AppCode] = field(default=(), repr=False)
    services: Sequence[str] = ()


async def apps(ctx: Context, principal: Principal, project_id: str) -> Sequence[AppDetail]:
    authorise(principal, project_id, CONTROL_READ, "listApps")
    shown = bool(principal.roles & CONTROL_WRITE)
    async with ctx.store.read() as r:
        return [
            AppDetail(app, await r.app_codes(app.id) if shown else (), await r.bound_services(app.id))
            for app in await r.apps(project_id)
        ]


async def app(ctx: Context, principal: Principal, project_id: str, app_id: str) -> AppDetail:
    """Raises Forbidden, NotFound."""
    for one in await apps(ctx, principal, project_id):
        if one.app.id == app_id:
            return one
    raise NotFound("app", app_id)


async def create(
    ctx: Context, principal: Principal, project_id: str, name: str | None, description: str = ""
) -> AppDetail:
    """An application with its first code. Raises Forbidden, Invalid, AlreadyExists."""
    authorise(principal, project_id, CONTROL_WRITE, "createApp")
    if not name or len(name) > 64 or not name.isprintable():
        raise Invalid(Violation("name", "must have 1 to 64 printable characters"))
    if len(description) > 255:
        raise Invalid(Violation("description", f"has {len(description)} characters, at most 255 are allowed"))
    made = App(ctx.new_id(), project_id, name, principal.user_id, ctx.clock(), description)
    acting.named(made.name, f"app-auth/apps/{made.id}")
    code = _fresh(made.id, ctx.clock())
    async with ctx.store.write() as w:
        await w.add_app(made)
        await w.add_app_code(code)
    return AppDetail(made, (code,))


async def delete(ctx: Context, principal: Principal, project_id: str, app_id: str) -> None:
    """With its codes and bindings. Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_WRITE, "deleteApp")
    async with ctx.store.write() as w:
        await _app(w, project_id, app_id)
        await w.delete_app(app_id)
    ctx.nudge("access", app_id)


async def create_code(ctx: Context, principal: Principal, project_id: str, app_id: str) -> AppCode:
    """One more code, so that callers can change to it before the old one is deleted. Raises Forbidden, NotFound,
    Conflict."""
    authorise(principal, project_id, CONTROL_WRITE, "createAppCode")
    code = _fresh(app_id, ctx.clock())
    async with ctx.store.write() as w:
        await _app(w, project_id, app_id)
        if len(await w.app_codes(app_id)) >= MOST_CODES:
            raise Conflict(f"an app has at most {MOST_CODES} codes; delete one first", code="0104")
        await w.add_app_code(code)
    ctx.nudge("access", app_id)
    return code


async def delete_code(ctx: Context, principal: Principal, project_id: str, app_id: str, code: str) -> None:
    """Raises Forbidden, NotFound (whose text does not repeat the code)."""
    authorise(principal, project_id, CONTROL_WRITE, "deleteAppCode")
    async with ctx.store.write() as w:
        await _app(w, project_id, app_id)
        if not await w.delete_app_code(app_id, appcodes.digest(code)):
            raise NotFound("app code", f"of app {app_id}")
    ctx.nudge("access", app_id)


async def bind(
    ctx: Context, principal: Principal, project_id: str, service_id: str, app_ids: Sequence[str]
) -> Sequence[App]:
    """Let the codes of these applications invoke the service; what is bound stays. Raises Forbidden, NotFound,
    Invalid."""
    authorise(principal, project_id, CONTROL_WRITE, "createServiceAppAuth")
    if not app_ids:
        raise Invalid(Violation("apps", "is mandatory: at least one application"))
    async with ctx.store.write() as w:
        await load_service(w, project_id, service_id)
        for app_id in app_ids:
            await _app(w, project_id, app_id)
            await w.bind_app(app_id, service_id)
        bound = await w.bound_apps(service_id)
        if len(bound) > MOST_APPS:
            raise Invalid(Violation("apps", f"a service has at most {MOST_APPS} applications"))
    ctx.nudge("access", service_id)
    return bound


async def unbind(ctx: Context, principal: Principal, project_id: str, service_id: str, app_id: str) -> None:
    """Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_WRITE, "deleteServiceAppAuth")
    async with ctx.store.write() as w:
        await load_service(w, project_id, service_id)
        if not any(one.id == app_id for one in await w.bound_apps(service_id)):
            raise NotFound("app", app_id)
        await w.unbind_app(app_id, service_id)
    ctx.nudge("access", service_id)


async def bound(
    ctx: Context, principal: Principal, project_id: str, service_id: str
) -> tuple[Service, Sequence[App]]:
    """The service, and the applications whose codes may invoke it. Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_READ, "listServiceAppAuth")
    async with ctx.store.read() as r:
        return await load_service(r, project_id, service_id), await r.bound_apps(service_id)


def _fresh(app_id: str, now_ms: int) -> AppCode:
    code = appcodes.random_code()
    return AppCode(appcodes.digest(code), app_id, now_ms, code)


async def _app(r: ReadTransaction, project_id: str, app_id: str) -> App:
    app = await r.app(project_id, app_id)
    if app is None:
        raise NotFound("app", app_id)
    return app
