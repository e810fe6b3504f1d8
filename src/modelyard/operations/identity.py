"""Use cases of identity: log in, prove who calls, list projects. The rules of Keystone v3 (contract §6).

A token says who calls; what they may do is looked up at each call, so that a removed user or role loses its
access at once on the control plane, whatever their token says.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from modelyard.domain.errors import Forbidden, NotFound, Unauthenticated
from modelyard.domain.identity import Principal, Project, Standing, User
from modelyard.iam import signature
from modelyard.iam.addresses import one_party
from modelyard.iam.passwords import Asker, Passwords
from modelyard.iam.throttle import Throttle
from modelyard.iam.tokens import Token, TokenKey, revoked_before_s
from modelyard.operations.scopes import Named, Wanted, present, scoped, user_named
from modelyard.store.base import ReadTransaction, Store

HASHED_AT_ONCE_BYTES = 256 * 1024
"""A larger body is hashed in a thread: 256 KiB take less than a millisecond."""

MOST_TOKENS = 100
"""So many tokens of one user may be revoked one by one at a time."""


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
class Login:
    """Either a user with a password, or a token."""

    scope: Wanted = Wanted()
    user: Named = Named()
    password: str = field(default="", repr=False)
    token: str | None = field(default=None, repr=False)
    address: str = ""


async def log_in(identity: Identity, login: Login) -> tuple[str, Token]:
    """A fresh token: its text and what it says. Raises Unauthenticated; Forbidden for a scope without a role."""
    expires_s: int | None = None
    methods: tuple[str, ...] = ("password",)
    if login.token is not None:
        before = identity.key.read(login.token, identity.clock())
        async with identity.store.read() as r:
            user = (await _valid(r, before)).user
        expires_s, methods = before.expires_s, tuple(dict.fromkeys((*before.methods, "token")))
    else:
        user = await _by_password(identity, login)
    async with identity.store.read() as r:
        principal, scope = await scoped(r, user, login.scope)
        revoked_ms = (await r.revocations()).users.get(user.id)
    now = identity.clock()
    if revoked_ms is not None:  # a login in the second of a revocation must not count as older than it
        now = max(now, 1000 * revoked_before_s(revoked_ms))
    return identity.key.issue(principal, now, methods=methods, scope=scope, expires_s=expires_s)


async def _by_password(identity: Identity, login: Login) -> User:
    """An unknown user, a wrong domain and a disabled one cost the same time as a wrong password. However an
    account is named, its tries are counted together."""
    async with identity.store.read() as r:
        user = await user_named(r, login.user)
    account = f"user {user.id}" if user else f"name {login.user.id or login.user.name or ''}"
    usable = user.password_hash if user is not None and user.enabled else None
    if not await proved(identity, account, login.address, usable, login.password) or user is None:
        raise Unauthenticated("Incorrect username or password.", code="4122")
    return user


async def proved(identity: Identity, account: str, address: str, usable: str | None, password: str) -> bool:
    """Whether the password is right, after the wait that is due to whoever guesses. Raises TooBusy."""
    party = one_party(address)
    throttle = identity.throttle
    if delay := throttle.begin(account, party, identity.clock()):
        await identity.sleep(delay)
    asker = Asker(party, throttle.failures(account, party), throttle.known(account, party))
    right = await identity.passwords.matches(usable, password, asker)
    if right:
        throttle.succeeded(account, party)
    return right


async def authenticate(identity: Identity, token: str) -> Principal:
    """Who calls with this token, with the roles they have now. Raises Unauthenticated."""
    return (await token_now(identity, token)).principal


async def token_now(identity: Identity, text: str) -> Token:
    """What a token says, with the roles that its user has now. Raises Unauthenticated."""
    token = identity.key.read(text, identity.clock())
    async with identity.store.read() as r:
        standing = await _valid(r, token)
    return replace(token, principal=present(standing, token.principal))


async def revoke(identity: Identity, principal: Principal, text: str, nudge: Callable[[str, str], None]) -> None:
    """Revoke one token: the caller's own, or anybody's for an administrator. Raises NotFound when it is none.

    A user whose tokens are revoked one by one loses all at once when there are many: the gateway's list must
    not grow by what one user can do.
    """
    try:
        token = await token_now(identity, text)
    except Unauthenticated as error:
        raise NotFound("token", "in X-Subject-Token") from error
    owner = token.principal.user_id
    if owner != principal.user_id and not principal.administrator:
        raise Forbidden("A token is revoked by its user, or by an administrator.")
    now = identity.clock()
    async with identity.store.write() as w:
        revoked = (await w.revocations()).tokens
        live = [token_id for (user_id, token_id), until in revoked.items() if user_id == owner and until > now]
        if len(live) < MOST_TOKENS:
            await w.revoke_token(owner, token.id, token.expires_s * 1000)
        else:
            await w.revoke_tokens(owner, now)
    nudge("access", owner)


async def authenticate_signed(
    identity: Identity,
    request: signature.SignedRequest,
    authorization: str,
    body: Callable[[], Awaitable[bytes]] | None = None,
) -> Principal:
    """Who signed this request. `body` gives what is not in `request` yet; it is asked for when nothing else speaks
    against the signature. Raises Unauthenticated, Forbidden (0206).

    Nothing waits for the hash of a large body: neither the event loop nor a session of the store.
    """
    claimed = signature.parsed(authorization)
    async with identity.store.read() as r:
        key = await r.access_key(claimed.access_key)
    secret = None if key is None else key.secret
    if body is not None:
        signature.check_head(request, claimed, identity.clock(), known=secret is not None)
        request = replace(request, body=await body())
    if secret is not None and len(request.body) > HASHED_AT_ONCE_BYTES:
        await asyncio.to_thread(signature.check, request, claimed, secret, identity.clock())
    else:
        signature.check(request, claimed, secret, identity.clock())
    assert key is not None
    async with identity.store.read() as r:
        user = await _enabled(r, key.user_id)
        principal, _ = await scoped(r, user, Wanted(project=Named(id=key.project_id)))
    return principal


async def authenticate_signed_head(
    identity: Identity, request: signature.SignedRequest, authorization: str
) -> Principal:
    """Who claims to have signed a request whose body has not come yet: nothing is proven, but what is refused now
    would be refused then. Raises as `authenticate_signed`."""
    claimed = signature.parsed(authorization)
    async with identity.store.read() as r:
        key = await r.access_key(claimed.access_key)
        signature.check_head(request, claimed, identity.clock(), known=key is not None)
        assert key is not None
        user = await _enabled(r, key.user_id)
        principal, _ = await scoped(r, user, Wanted(project=Named(id=key.project_id)))
    return principal


async def projects(identity: Identity, principal: Principal, name: str | None = None) -> Sequence[Project]:
    """The projects in which the caller has a role."""
    async with identity.store.read() as r:
        return await r.projects(name=name, user_id=principal.user_id)


async def project(identity: Identity, principal: Principal, project_id: str) -> Project:
    """Raises NotFound, also for a project in which the caller has no role."""
    for one in await projects(identity, principal):
        if one.id == project_id:
            return one
    raise NotFound("project", project_id)


async def _enabled(r: ReadTransaction, user_id: str) -> User:
    user = await r.user(user_id)
    if user is None or user.id != user_id or not user.enabled:
        raise Unauthenticated("Invalid token.", code="0203")
    return user


async def _valid(r: ReadTransaction, token: Token) -> Standing:
    """What is stored of a token's user, who may call with it. Raises Unauthenticated."""
    who = token.principal
    standing = await r.standing(who.user_id, who.project_id, token.id)
    if standing is None or not standing.user.enabled:
        raise Unauthenticated("Invalid token.", code="0203")
    if token.revoked(standing.revoked_before_ms) or standing.token_revoked:
        raise Unauthenticated("Invalid token.", code="0203")
    return standing
