"""Use cases of logins at registries of images: a project's own, for the images that its models name.

A password is never shown again. What the installation knows (`registry_credentials`) serves where a project says
nothing. A login is used at the next pull; what runs needs none.
"""

import re
from collections.abc import Sequence

from modelyard.domain.errors import Invalid, NotFound, Violation
from modelyard.domain.identity import CONTROL_WRITE, Principal
from modelyard.domain.registries import RegistryLogin
from modelyard.operations import acting
from modelyard.operations.context import Context, authorise

HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?")
MOST_USER, MOST_PASSWORD = 255, 8192
MOST_LOGINS = 100
"""Of one project."""


async def logins(ctx: Context, principal: Principal, project_id: str) -> Sequence[RegistryLogin]:
    """Raises Forbidden."""
    authorise(principal, project_id, CONTROL_WRITE, "listRegistries")
    async with ctx.store.read() as r:
        return await r.registry_logins(project_id)


async def save(
    ctx: Context, principal: Principal, project_id: str, registry: str, *, user: str | None, password: str | None
) -> RegistryLogin:
    """Raises Forbidden, Invalid."""
    authorise(principal, project_id, CONTROL_WRITE, "saveRegistry")
    violations = list(_wrong(registry, user, password))
    if violations:
        raise Invalid(*violations)
    login = RegistryLogin(project_id, registry.lower(), user or "", password or "", ctx.clock())
    acting.named(login.registry, f"registries/{login.registry}")
    async with ctx.store.write() as w:
        known = {one.registry for one in await w.registry_logins(project_id)}
        if login.registry not in known and len(known) >= MOST_LOGINS:
            raise Invalid(Violation("registry", f"is one too many: a project has at most {MOST_LOGINS}"))
        await w.save_registry_login(login)
    return login


async def delete(ctx: Context, principal: Principal, project_id: str, registry: str) -> None:
    """Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_WRITE, "deleteRegistry")
    async with ctx.store.write() as w:
        login = await w.registry_login(project_id, registry.lower())
        if login is None:
            raise NotFound("registry", registry)
        acting.named(login.registry)
        await w.delete_registry_login(project_id, login.registry)


def _wrong(registry: str, user: str | None, password: str | None) -> Sequence[Violation]:
    found = []
    if not HOST.fullmatch(registry):
        found.append(Violation("registry", "must be a host, with its port if it has one"))
    if not user or len(user) > MOST_USER or not user.isprintable() or ":" in user:
        found.append(Violation("user", f"must have 1 to {MOST_USER} printable characters, and no ':'"))
    if not password or len(password) > MOST_PASSWORD or not password.isprintable():
        found.append(Violation("password", f"must have 1 to {MOST_PASSWORD} printable characters"))
    return found
