"""Users, projects and domains by the ways in which Keystone's clients name them, and what a user is in a scope."""

from dataclasses import dataclass, replace

from modelyard.domain.errors import Forbidden, Unauthenticated
from modelyard.domain.identity import SYSTEM, Principal, Project, Role, Standing, User
from modelyard.iam.tokens import Scope
from modelyard.store.base import ReadTransaction

DEFAULT_DOMAIN_NAME = "Default"
DEFAULT = DEFAULT_DOMAIN_NAME.lower()
"""What Keystone's clients name (by id, or by name in any case) when their user names no domain."""


@dataclass(frozen=True, slots=True)
class Named:
    """A reference: by id, or by name, which is the only one of its domain. `domain` is a domain's id or name."""

    id: str | None = None
    name: str | None = None
    domain: str | None = None

    def __str__(self) -> str:
        return repr(self.id or self.name or "")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The scope that a login asks for: a project, a domain, nothing on purpose, or no word (all empty)."""

    project: Named | None = None
    domain: Named | None = None
    unscoped: bool = False


def present(standing: Standing, principal: Principal) -> Principal:
    """The principal with the roles of now; none in a project that is disabled or gone."""
    inside = standing.project is not None and standing.project.enabled
    roles = standing.roles if inside else frozenset[Role]()
    return replace(principal, roles=roles, administrator=Role.ADMIN in standing.system_roles)


async def administers(r: ReadTransaction, user_id: str) -> bool:
    """Whether the user administers the installation."""
    return Role.ADMIN in await r.roles(user_id, SYSTEM)


async def scoped(r: ReadTransaction, user: User, wanted: Wanted) -> tuple[Principal, Scope]:
    """The user in the scope asked for; without a word about it, in their project if they have just one."""
    name = await domain_name(r, user.domain_id)
    administrator = await administers(r, user.id)
    nowhere = Principal(user.id, user.name, user.domain_id, name, None, None, frozenset(), administrator)
    if wanted.domain is not None:
        if any(same_domain(key, user.domain_id, name) for key in (wanted.domain.id, wanted.domain.name) if key):
            return nowhere, Scope.DOMAIN
        raise Unauthenticated(f"The user is not in domain {wanted.domain}.", code="0203")
    if wanted.unscoped:
        return nowhere, Scope.UNSCOPED
    if wanted.project is None:
        mine = [p for p in await r.projects(user_id=user.id) if p.enabled]
        if len(mine) != 1:
            return nowhere, Scope.UNSCOPED
        project: Project | None = mine[0]
    else:
        project = await project_named(r, wanted.project, user.domain_id)
    roles = await r.roles(user.id, project.id) if project and project.enabled else frozenset()
    if project is None or not roles:
        raise Forbidden(f"The user has no role in project {wanted.project}, or there is no such project.")
    return replace(nowhere, project_id=project.id, project_name=project.name, roles=roles), Scope.PROJECT


async def user_named(r: ReadTransaction, named: Named) -> User | None:
    """By id; by name in the domain given, or in any if that leaves no doubt. The same is read whether there is
    such a user or not, so that the time tells nothing."""
    domains = {project.domain_id: project.domain_name for project in await r.projects()}
    if named.id:
        user = await r.user(named.id)
        return user if user is not None and user.id == named.id else None
    users = [
        user
        for user in (await r.users(name=named.name) if named.name else ())
        if same_domain(named.domain, user.domain_id, domains.get(user.domain_id, DEFAULT_DOMAIN_NAME))
    ]
    return users[0] if len(users) == 1 else None


async def project_named(r: ReadTransaction, named: Named, domain_id: str) -> Project | None:
    """By id; by name in the domain given, else in `domain_id`, else in any if that leaves no doubt."""
    if named.id:
        project = await r.project(named.id)
        return project if project is not None and project.id == named.id else None
    projects = await r.projects(name=named.name) if named.name else ()
    if named.domain is not None:
        projects = [p for p in projects if same_domain(named.domain, p.domain_id, p.domain_name)]
    elif len(projects) > 1:
        projects = [p for p in projects if p.domain_id == domain_id]
    return projects[0] if len(projects) == 1 else None


def same_domain(asked: str | None, domain_id: str, name: str) -> bool:
    """Whether a request that names this domain, or none, may mean the one with this id and name.

    The default domain is whichever one has the user or project: clients name `default` by themselves.

    >>> same_domain(None, "d1", "modelyard"), same_domain("default", "d1", "modelyard")
    (True, True)
    >>> same_domain("modelyard", "d1", "modelyard"), same_domain("sales", "d1", "modelyard")
    (True, False)
    """
    return asked is None or asked in (domain_id, name) or asked.lower() == DEFAULT


async def domain_name(r: ReadTransaction, domain_id: str) -> str:
    for project in await r.projects():
        if project.domain_id == domain_id:
            return project.domain_name
    return DEFAULT_DOMAIN_NAME
