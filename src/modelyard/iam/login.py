"""Logging in: from a Keystone request to a token. The rules, over a small view of the store.

- Whatever is wrong with a user or a password, the answer is the same 0203 and takes the same time.
- A scope that does not exist and one that the user has no role in are told apart by nobody: both are 0203.
- A login without a scope gets the user's only project, if there is exactly one (Keystone's default project);
  otherwise an unscoped token.
- A token got with a token keeps its methods and does not outlive it.
- Tries are slowed down by `throttle`; the caller waits `Attempt.delay_s` before `enter`.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from modelyard.domain.errors import Unauthenticated
from modelyard.domain.identity import Principal, Project, Role, User
from modelyard.iam.keystone import DomainScope, Login, Named, PasswordLogin, ProjectScope, TokenLogin
from modelyard.iam.passwords import Passwords
from modelyard.iam.tokens import Scope, Token, TokenKey


class Directory(Protocol):
    """What a login looks up: a part of `store.base.Reading`."""

    async def project(self, key: str) -> Project | None: ...

    async def projects(self, *, name: str | None = None, user_id: str | None = None) -> Sequence[Project]: ...

    async def user(self, key: str) -> User | None: ...

    async def users(self, *, name: str | None = None) -> Sequence[User]: ...

    async def roles(self, user_id: str, project_id: str) -> frozenset[Role]: ...

    async def revocations(self) -> Mapping[str, int]: ...


class Directories(Protocol):
    """A part of `store.base.Store`."""

    def read(self) -> AbstractAsyncContextManager[Directory]: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """Who came in, before anything is issued."""

    principal: Principal
    scope: Scope
    methods: tuple[str, ...]
    expires_s: int | None = None


def wrong() -> Unauthenticated:
    """The one answer to every failed login."""
    return Unauthenticated("The user name, the password or the scope is wrong.", code="0203")


async def claimed_user(directory: Directory, login: PasswordLogin) -> User | None:
    """The user that a password login names, if it exists and is enabled."""
    found = await _user(directory, login.user)
    return found if found is not None and found.enabled else None


async def known_user(directory: Directory, key: TokenKey, login: TokenLogin, now_ms: int) -> tuple[User, Token]:
    """The user of a token login; raises Unauthenticated as `TokenKey.read`, or when it was withdrawn."""
    token = key.read(login.token, now_ms)
    user = await directory.user(token.principal.user_id)
    revoked = (await directory.revocations()).get(token.principal.user_id)
    if user is None or not user.enabled or token.revoked(revoked):
        raise wrong()
    return user, token


async def entry(directory: Directory, login: Login, user: User, before: Token | None = None) -> Entry:
    """Who an authenticated user becomes in the scope asked for. `before`: the token that was shown."""
    projects = await directory.projects(user_id=user.id)
    domain_name = await _domain_name(directory, user)
    nobody = Principal(user.id, user.name, user.domain_id, domain_name, None, None, frozenset())
    methods = (login.method,) if before is None else tuple(dict.fromkeys((*before.methods, "token")))
    expires_s = None if before is None else before.expires_s
    usable = [project for project in projects if project.enabled]
    match login.scope:
        case ProjectScope(named):
            matching = [p for p in usable if _is(p, named, user, domain_name)]
            if len(matching) != 1:
                raise wrong()
            project: Project | None = matching[0]
        case DomainScope(named):
            if user.domain_id != named.id and domain_name != named.name:
                raise wrong()
            roles = frozenset().union(*[await directory.roles(user.id, p.id) for p in usable])
            return Entry(replace(nobody, roles=roles), Scope.DOMAIN, methods, expires_s)
        case None:
            project = usable[0] if len(usable) == 1 and before is None else None
    if project is None:
        return Entry(nobody, Scope.UNSCOPED, methods, expires_s)
    scoped = replace(
        nobody,
        project_id=project.id,
        project_name=project.name,
        roles=await directory.roles(user.id, project.id),
    )
    return Entry(scoped, Scope.PROJECT, methods, expires_s)


async def enter(
    store: Directories, passwords: Passwords, key: TokenKey, login: Login, now_ms: int
) -> tuple[str, Token]:
    """The whole way: a token's text and what it says, or Unauthenticated. No transaction is open while the
    password is verified."""
    before: Token | None = None
    match login.credential:
        case PasswordLogin() as credential:
            async with store.read() as directory:
                user = await claimed_user(directory, credential)
            right = await passwords.matches(user.password_hash if user else None, credential.password)
            if user is None or not right:
                raise wrong()
        case TokenLogin() as credential:
            async with store.read() as directory:
                user, before = await known_user(directory, key, credential, now_ms)
    async with store.read() as directory:
        found = await entry(directory, login, user, before)
    return key.issue(found.principal, now_ms, methods=found.methods, scope=found.scope, expires_s=found.expires_s)


def _is(project: Project, named: Named, user: User, domain_name: str) -> bool:
    if named.id is not None:
        return project.id == named.id
    if project.name != named.name:
        return False
    if named.domain_id is not None:
        return project.domain_id == named.domain_id
    if named.domain_name is not None:
        return project.domain_name == named.domain_name
    return project.domain_id == user.domain_id


async def _user(directory: Directory, named: Named) -> User | None:
    if named.id is not None:
        found = await directory.user(named.id)
        return found if found is not None and found.id == named.id else None
    candidates = list(await directory.users(name=named.name))
    if named.domain_id is not None:
        candidates = [user for user in candidates if user.domain_id == named.domain_id]
    elif named.domain_name is not None:
        inside = {p.domain_id for p in await directory.projects() if p.domain_name == named.domain_name}
        candidates = [user for user in candidates if user.domain_id in inside]
    return candidates[0] if len(candidates) == 1 else None


async def _domain_name(directory: Directory, user: User) -> str:
    for project in await directory.projects():
        if project.domain_id == user.domain_id:
            return project.domain_name
    return user.domain_id
