"""Use cases of the installation's administrator: users, projects, roles, access keys.

The rule that each of them serves: what is taken away stops counting at once. Roles are written in tokens, so
taking a role away (also by disabling the user or the project, deleting the user, setting a password) revokes
every token that the user has, for all projects: the gateway is told within seconds (`control.access`), the
control plane looks at each call. A client logs in again and gets what it may still have.

An administrator is a user with the role admin in SYSTEM; the admin of a project is nobody here. There is always
one left who can log in: the last one is neither disabled nor deleted.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from modelyard.core.admission import fields
from modelyard.domain.errors import AlreadyExists, Forbidden, Invalid, NotFound, Violation
from modelyard.domain.identity import SYSTEM, AccessKey, Grant, Principal, Project, Role, User
from modelyard.domain.texts import shown
from modelyard.iam.bootstrap import random_access_key, random_secret
from modelyard.iam.passwords import Passwords
from modelyard.operations import acting
from modelyard.operations.context import Context
from modelyard.operations.identity import Identity, proved
from modelyard.operations.scopes import domain_name, same_domain
from modelyard.store.base import ReadTransaction

MIN_PASSWORD = 8


@dataclass(frozen=True, slots=True)
class UserChange:
    """None leaves a field as it is."""

    name: str | None = None
    password: str | None = field(default=None, repr=False)
    enabled: bool | None = None


def administer(principal: Principal, operation: str) -> None:
    """Raise Forbidden unless the caller administers the installation."""
    if not principal.administrator:
        raise Forbidden(f"Only an administrator of the installation may perform the ({operation}) operation.")


# Users.


async def users(ctx: Context, principal: Principal, name: str | None = None) -> Sequence[User]:
    """Every user, or those of that name; a caller who is no administrator sees only their own."""
    async with ctx.store.read() as r:
        candidates = await r.users(name=name)
    return [user for user in candidates if principal.administrator or user.id == principal.user_id]


async def user(ctx: Context, principal: Principal, user_id: str) -> User:
    """Raises NotFound, also for somebody else's without the right to look."""
    async with ctx.store.read() as r:
        if principal.administrator or user_id == principal.user_id:
            return await _user(r, user_id)
    raise NotFound("user", user_id)


async def create_user(
    ctx: Context, principal: Principal, passwords: Passwords, wanted: UserChange, domain: str | None = None
) -> User:
    """A user without any role. `domain` None: the administrator's. Raises Forbidden, Invalid, AlreadyExists."""
    administer(principal, "createUser")
    _refuse(_name("user.name", wanted.name), _password(wanted.password, required=True))
    hashed = await passwords.hash(wanted.password or "")
    async with ctx.store.write() as w:
        made = User(
            uuid.uuid4().hex,
            wanted.name or "",
            await _domain(w, domain or principal.domain_id, "user.domain_id"),
            hashed,
            enabled=wanted.enabled is not False,
        )
        if any(one.domain_id == made.domain_id for one in await w.users(name=made.name)):
            raise AlreadyExists("user", made.name)
        acting.named(made.name, f"v3/users/{made.id}")
        await w.save_user(made)
    return made


async def change_user(
    ctx: Context, principal: Principal, passwords: Passwords, user_id: str, change: UserChange
) -> User:
    """A new password, and disabling, end every token of the user. Raises Forbidden, NotFound, Invalid."""
    administer(principal, "updateUser")
    _refuse(*(_name("user.name", change.name) for _ in range(change.name is not None)), _password(change.password))
    hashed = await passwords.hash(change.password) if change.password is not None else None
    async with ctx.store.write() as w:
        before = await _user(w, user_id)
        after = replace(
            before,
            name=before.name if change.name is None else change.name,
            password_hash=hashed or before.password_hash,
            enabled=before.enabled if change.enabled is None else change.enabled,
        )
        if before.enabled and not after.enabled:
            await _not_the_last(w, user_id)
        await w.save_user(after)
        if hashed or not after.enabled:
            await w.revoke_tokens(user_id, ctx.clock())
    ctx.nudge("access", user_id)
    return after


async def change_own_password(
    ctx: Context, principal: Principal, identity: Identity, before: str, after: str, *, address: str
) -> None:
    """The present password is guessed as slowly as at a login. Raises Forbidden for a wrong present password,
    Invalid. The user's tokens end, this one too."""
    _refuse(_password(after, required=True))
    async with ctx.store.read() as r:
        user = await _user(r, principal.user_id)
    if not await proved(identity, f"user {user.id}", address, user.password_hash, before):
        raise Forbidden("The present password is another one.")
    hashed = await identity.passwords.hash(after)
    async with ctx.store.write() as w:
        await w.save_user(replace(await _user(w, user.id), password_hash=hashed))
        await w.revoke_tokens(user.id, ctx.clock())
    ctx.nudge("access", user.id)


async def delete_user(ctx: Context, principal: Principal, user_id: str) -> None:
    """With roles and access keys; what they own stays with their projects. Raises Forbidden, NotFound."""
    administer(principal, "deleteUser")
    async with ctx.store.write() as w:
        await _user(w, user_id)
        await _not_the_last(w, user_id)
        await w.revoke_tokens(user_id, ctx.clock())
        await w.delete_user(user_id)
    ctx.nudge("access", user_id)


# Projects.


async def projects(ctx: Context, principal: Principal, name: str | None = None) -> Sequence[Project]:
    """Every project for an administrator, otherwise those in which the caller has a role."""
    async with ctx.store.read() as r:
        return await r.projects(name=name, user_id=None if principal.administrator else principal.user_id)


async def project(ctx: Context, principal: Principal, project_id: str) -> Project:
    """Raises NotFound, also for a project that is not the caller's to see."""
    for one in await projects(ctx, principal):
        if one.id == project_id:
            return one
    raise NotFound("project", project_id)


async def create_project(
    ctx: Context, principal: Principal, name: str | None, *, domain: str | None = None, enabled: bool = True
) -> Project:
    """An empty project. `domain` None: the administrator's. Raises Forbidden, Invalid, AlreadyExists."""
    administer(principal, "createProject")
    _refuse(_name("project.name", name))
    async with ctx.store.write() as w:
        domain_id = await _domain(w, domain or principal.domain_id, "project.domain_id")
        made = Project(uuid.uuid4().hex, name or "", domain_id, await domain_name(w, domain_id), enabled)
        acting.named(made.name, f"v3/projects/{made.id}")
        await w.save_project(made)
    return made


async def change_project(
    ctx: Context,
    principal: Principal,
    project_id: str,
    *,
    name: str | None = None,
    enabled: bool | None = None,
) -> Project:
    """Disabling ends the tokens of everybody who has a role there; services go on, nobody may call them."""
    administer(principal, "updateProject")
    if name is not None:
        _refuse(_name("project.name", name))
    async with ctx.store.write() as w:
        before = await _project(w, project_id)
        after = replace(
            before,
            name=before.name if name is None else name,
            enabled=before.enabled if enabled is None else enabled,
        )
        await w.save_project(after)
        members = {grant.user_id for grant in await w.grants(project_id=project_id)}
        if before.enabled and not after.enabled:
            for member in members:
                await w.revoke_tokens(member, ctx.clock())
    ctx.nudge("access", project_id)
    return after


# Roles.


async def grants(
    ctx: Context, principal: Principal, *, user_id: str | None = None, project_id: str | None = None
) -> Sequence[Grant]:
    """Who has which role where; without the right to look, the caller's own."""
    if not principal.administrator:
        user_id = principal.user_id if user_id is None else user_id
        if user_id != principal.user_id:
            raise Forbidden("Only an administrator of the installation sees the roles of others.")
    async with ctx.store.read() as r:
        return await r.grants(user_id=user_id, project_id=project_id)


async def grant(ctx: Context, principal: Principal, user_id: str, project_id: str, role: str) -> None:
    """`project_id` SYSTEM makes an administrator. Raises Forbidden, NotFound."""
    administer(principal, "grantRole")
    async with ctx.store.write() as w:
        await _user(w, user_id)
        await w.grant(user_id, await _place(w, project_id), _role(role, project_id))


async def revoke(ctx: Context, principal: Principal, user_id: str, project_id: str, role: str) -> None:
    """Raises Forbidden, NotFound."""
    administer(principal, "revokeRole")
    wanted = _role(role, project_id)
    async with ctx.store.write() as w:
        await _user(w, user_id)
        if wanted not in await w.roles(user_id, await _place(w, project_id)):
            raise NotFound("role", role)
        if project_id == SYSTEM:
            await _not_the_last(w, user_id)
        await w.revoke(user_id, project_id, wanted)
        await w.revoke_tokens(user_id, ctx.clock())
    ctx.nudge("access", user_id)


# Access keys.


async def access_keys(ctx: Context, principal: Principal, user_id: str | None = None) -> Sequence[AccessKey]:
    """A user's keys, without their secrets. Raises Forbidden."""
    wanted = user_id or principal.user_id
    _own(principal, wanted, "listAccessKeys")
    async with ctx.store.read() as r:
        return await r.access_keys(wanted)


async def create_access_key(
    ctx: Context, principal: Principal, user_id: str | None, project_id: str | None
) -> AccessKey:
    """A key of a user for one project (None: the caller's); only this answer has its secret. Raises Forbidden,
    NotFound, Invalid."""
    wanted, where = user_id or principal.user_id, project_id or principal.project_id
    _own(principal, wanted, "createAccessKey")
    if not where:
        raise Invalid(Violation("credential.project_id", "is mandatory for a token without a project"))
    made = AccessKey(random_access_key(), wanted, where, random_secret(40))
    async with ctx.store.write() as w:
        await _user(w, wanted)
        await _project(w, where)
        if not await w.roles(wanted, where):
            raise Forbidden(f"The user has no role in project {shown(where)}.")
        acting.named("", f"credentials/{made.access}")
        await w.save_access_key(made.access, wanted, where, made.secret)
    return made


async def delete_access_key(ctx: Context, principal: Principal, access: str) -> None:
    """Raises NotFound, also for somebody else's. The control plane keeps no copy: the next call is refused."""
    async with ctx.store.write() as w:
        key = await w.access_key(access)
        if key is None or not (principal.administrator or key.user_id == principal.user_id):
            raise NotFound("credential", access)
        await w.delete_access_key(access)


def _own(principal: Principal, user_id: str, operation: str) -> None:
    if user_id != principal.user_id:
        administer(principal, operation)


async def _user(r: ReadTransaction, user_id: str) -> User:
    user = await r.user(user_id)
    if user is None or user.id != user_id:
        raise NotFound("user", user_id)
    return user


async def _project(r: ReadTransaction, project_id: str) -> Project:
    project = await r.project(project_id)
    if project is None or project.id != project_id:
        raise NotFound("project", project_id)
    return project


async def _place(r: ReadTransaction, project_id: str) -> str:
    return SYSTEM if project_id == SYSTEM else (await _project(r, project_id)).id


async def _domain(r: ReadTransaction, key: str, where: str) -> str:
    for one in await r.projects():
        if same_domain(key, one.domain_id, one.domain_name):
            return one.domain_id
    raise Invalid(Violation(where, f"domain {shown(key)} does not exist"))


async def _not_the_last(r: ReadTransaction, user_id: str) -> None:
    """Raise Invalid if nobody could administer the installation without this user."""
    administrators = [g.user_id for g in await r.grants(project_id=SYSTEM) if g.role is Role.ADMIN]
    others = [await r.user(key) for key in administrators if key != user_id]
    if user_id in administrators and not any(other and other.enabled for other in others):
        raise Invalid(Violation("", "this is the last administrator of the installation"))


def _role(name: str, project_id: str) -> Role:
    allowed = {Role.ADMIN} if project_id == SYSTEM else set(Role)
    if name not in {role.value for role in allowed}:
        raise NotFound("role", name)
    return Role(name)


def _name(where: str, name: str | None) -> tuple[Violation, ...]:
    if name is None:
        return (Violation(where, "is mandatory"),)
    if not 1 <= len(name) <= fields.SERVICE_NAME_MAX or not name.isprintable() or name != name.strip():
        text = f"must have 1 to {fields.SERVICE_NAME_MAX} printable characters, with no space at its ends"
        return (Violation(where, text),)
    return ()


def _password(password: str | None, *, required: bool = False) -> tuple[Violation, ...]:
    """Says nothing of the value."""
    if password is None:
        return (Violation("user.password", "is mandatory"),) if required else ()
    if not MIN_PASSWORD <= len(password) <= 512:
        return (Violation("user.password", f"must have {MIN_PASSWORD} to 512 characters"),)
    return ()


def _refuse(*found: tuple[Violation, ...]) -> None:
    if violations := [violation for one in found for violation in one]:
        raise Invalid(*violations)
