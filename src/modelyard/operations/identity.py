"""Use cases of identity: log in, prove who calls, list projects. The rules of Keystone v3 (contract §6).

A token says who calls; what they may do is looked up at each call, so that a removed user or role loses its
access at once on the control plane, whatever their token says.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from modelyard.domain.errors import Forbidden, NotFound, Unauthenticated
from modelyard.domain.identity import Principal, Project, User
from modelyard.iam import signature
from modelyard.iam.passwords import Passwords
from modelyard.iam.throttle import Throttle
from modelyard.iam.tokens import Scope, Token, TokenKey
from modelyard.store.base import Reading, Store

DEFAULT_DOMAIN_NAME = "Default"


@dataclass(frozen=True, slots=True)
class Identity:
    """What the use cases of identity work with. `sleep` waits seconds: it slows down who guesses passwords."""

    store: Store
    clock: Callable[[], int]
    key: TokenKey
    passwords: Passwords = field(default_factory=Passwords)
    throttle: Throttle = field(default_factory=Throttle)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True, slots=True)
class Wanted:
    """The scope that a login asks for: a project by id or name, the domain, nothing on purpose, or no word."""

    project: str | None = None
    domain: bool = False
    unscoped: bool = False


@dataclass(frozen=True, slots=True)
class Login:
    """Either a user (id or name) with a password, or a token. `domain` is the user's, by id or name."""

    scope: Wanted = Wanted()
    user: str | None = None
    domain: str | None = None
    password: str = ""
    token: str | None = None
    address: str = ""


async def log_in(identity: Identity, login: Login) -> tuple[str, Token]:
    """A fresh token: its text and what it says. Raises Unauthenticated; Forbidden for a scope without a role."""
    now = identity.clock()
    if login.token is not None:
        before = identity.key.read(login.token, now)
        async with identity.store.read() as r:
            user = await _valid(r, before)
            principal, scope = await _scoped(r, user, login.scope)
        methods = tuple(dict.fromkeys((*before.methods, "token")))
        return identity.key.issue(principal, now, methods=methods, scope=scope, expires_s=before.expires_s)
    name = login.user or ""
    if delay := identity.throttle.begin(name, login.address, now):
        await identity.sleep(delay)
    async with identity.store.read() as r:
        found = await r.user(name) if name else None
        domain = await _domain_name(r, found.domain_id) if found else ""
    known = found is not None and login.domain in {None, found.domain_id, domain}
    usable = found.password_hash if found is not None and found.enabled and known else None
    if not await identity.passwords.matches(usable, login.password) or found is None:
        raise Unauthenticated("Incorrect username or password.", code="4122")
    identity.throttle.succeeded(name, login.address)
    async with identity.store.read() as r:
        principal, scope = await _scoped(r, found, login.scope)
    return identity.key.issue(principal, identity.clock(), methods=("password",), scope=scope)


async def authenticate(identity: Identity, token: str) -> Principal:
    """Who calls with this token, with the roles they have now. Raises Unauthenticated."""
    return (await token_now(identity, token)).principal


async def token_now(identity: Identity, text: str) -> Token:
    """What a token says, with the roles that its user has now. Raises Unauthenticated."""
    token = identity.key.read(text, identity.clock())
    async with identity.store.read() as r:
        await _valid(r, token)
        principal = await _present(r, token.principal)
    return replace(token, principal=principal)


async def authenticate_signed(
    identity: Identity, request: signature.SignedRequest, authorization: str
) -> Principal:
    """Who signed this request. Raises Unauthenticated, Forbidden (0206)."""
    claimed = signature.parsed(authorization)
    async with identity.store.read() as r:
        owner = await r.access_key(claimed.access_key)
        signature.check(request, claimed, owner[2] if owner else None, identity.clock())
        assert owner is not None
        user = await _enabled(r, owner[0])
        principal, _ = await _scoped(r, user, Wanted(project=owner[1]))
    return principal


async def projects(identity: Identity, principal: Principal, name: str | None = None) -> Sequence[Project]:
    """The projects in which the caller has a role."""
    async with identity.store.read() as r:
        return await r.projects(name=name, user_id=principal.user_id)


async def project(identity: Identity, principal: Principal, project_id: str) -> Project:
    """Raises NotFound, also for a project in which the caller has no role."""
    for found in await projects(identity, principal):
        if found.id == project_id:
            return found
    raise NotFound("project", project_id)


async def _enabled(r: Reading, user_id: str) -> User:
    user = await r.user(user_id)
    if user is None or user.id != user_id or not user.enabled:
        raise Unauthenticated("Invalid token.", code="0203")
    return user


async def _valid(r: Reading, token: Token) -> User:
    """The user of a token that was not withdrawn."""
    user = await _enabled(r, token.principal.user_id)
    if token.revoked((await r.revocations()).get(user.id)):
        raise Unauthenticated("Invalid token.", code="0203")
    return user


async def _present(r: Reading, principal: Principal) -> Principal:
    """The principal with the roles of now; none in a project that is disabled or gone."""
    if principal.project_id is None:
        return replace(principal, roles=frozenset())
    project = await r.project(principal.project_id)
    if project is None or project.id != principal.project_id or not project.enabled:
        return replace(principal, roles=frozenset())
    return replace(principal, roles=await r.roles(principal.user_id, project.id))


async def _scoped(r: Reading, user: User, wanted: Wanted) -> tuple[Principal, Scope]:
    """The user in the scope asked for; without a word about it, in their project if they have just one."""
    name = await _domain_name(r, user.domain_id)
    nowhere = Principal(user.id, user.name, user.domain_id, name, None, None, frozenset())
    if wanted.domain:
        return nowhere, Scope.DOMAIN
    if wanted.unscoped:
        return nowhere, Scope.UNSCOPED
    if wanted.project is None:
        mine = await r.projects(user_id=user.id)
        if len(mine) != 1:
            return nowhere, Scope.UNSCOPED
        project: Project | None = mine[0]
    else:
        project = await r.project(wanted.project)
    roles = await r.roles(user.id, project.id) if project and project.enabled else frozenset()
    if project is None or not roles:
        if wanted.project is None:
            return nowhere, Scope.UNSCOPED
        raise Forbidden(f"The user has no role in project {wanted.project!r}, or there is no such project.")
    return replace(nowhere, project_id=project.id, project_name=project.name, roles=roles), Scope.PROJECT


async def _domain_name(r: Reading, domain_id: str) -> str:
    for project in await r.projects():
        if project.domain_id == domain_id:
            return project.domain_name
    return DEFAULT_DOMAIN_NAME
