"""Identity between the wire and the domain: the shapes of Keystone v3 (contract §6). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from modelyard.api.schemas.identity import InDomain, LoginBody, ScopeOf
from modelyard.api.schemas.wire import Parsed
from modelyard.domain.errors import Invalid, Violation
from modelyard.domain.identity import SYSTEM, AccessKey, Grant, Principal, Project, Role, User
from modelyard.iam.tokens import Scope, Token
from modelyard.operations.identity import Login
from modelyard.operations.scopes import Named, Wanted

Json = dict[str, object]
METHODS = ("password", "token")


def login(parsed: Parsed[LoginBody], address: str) -> Login:
    """Raises Invalid."""
    violations = list(parsed.violations)
    auth = parsed.value.auth
    identity = auth.identity if auth else None
    methods = (identity.methods if identity else None) or []
    if not violations and (len(methods) != 1 or methods[0] not in METHODS):
        violations.append(Violation("auth.identity.methods", f"is {methods}, must be one of {', '.join(METHODS)}"))
    elif not violations and identity and getattr(identity, methods[0]) is None:
        violations.append(Violation(f"auth.identity.{methods[0]}", "is mandatory for this method"))
    if violations or not auth or not identity:
        raise Invalid(*violations)
    wanted = _scope(auth.scope)
    if methods[0] == "token":
        assert identity.token is not None
        return Login(wanted, token=identity.token.id or "", address=address)
    assert identity.password is not None
    assert identity.password.user is not None
    user = identity.password.user
    return Login(wanted, user=_named(user), password=user.password or "", address=address)


def _scope(asked: ScopeOf | None) -> Wanted:
    """Raises Invalid for two scopes at once."""
    if asked is None:
        return Wanted()
    if asked.project is not None and asked.domain is not None:
        raise Invalid(Violation("auth.scope", "must have one of project and domain, not both"))
    if asked.project is not None:
        return Wanted(project=_named(asked.project))
    if asked.domain is not None:
        return Wanted(domain=Named(id=asked.domain.id, name=asked.domain.name))
    return Wanted(unscoped=asked.unscoped is not None)


def _named(thing: InDomain) -> Named:
    """An id needs no domain."""
    if thing.id:
        return Named(id=thing.id)
    return Named(name=thing.name, domain=thing.domain.key if thing.domain else None)


def token(value: Token, catalog: list[Json] | None) -> Json:
    """The body of a token. `catalog` None leaves it out."""
    who = value.principal
    body: Json = {
        "methods": list(value.methods),
        "issued_at": _time(value.issued_s),
        "expires_at": _time(value.expires_s),
        "audit_ids": [value.id],
        "user": {
            "id": who.user_id,
            "name": who.user_name,
            "domain": _domain(who),
            "password_expires_at": None,
        },
    }
    if value.scope is Scope.PROJECT:
        body["project"] = {"id": who.project_id, "name": who.project_name, "domain": _domain(who)}
        body["is_domain"] = False
        body["roles"] = [{"id": role.value, "name": role.value} for role in sorted(who.roles)]
    elif value.scope is Scope.DOMAIN:
        body["domain"] = _domain(who)
        body["roles"] = []
    if catalog is not None and value.scope is not Scope.UNSCOPED:
        body["catalog"] = catalog
    return {"token": body}


def catalog(base: str, region: str, project_id: str | None) -> list[Json]:
    """Where the services of this installation are. `base` has no slash at the end."""
    entries: list[Json] = [_entry("identity", "keystone", f"{base}/v3", region)]
    if project_id:
        entries.append(_entry("modelartsv1", "modelarts", f"{base}/v1/{project_id}", region))
    return entries


def _entry(type_: str, name: str, url: str, region: str) -> Json:
    endpoint = {"id": f"{type_}-public", "interface": "public", "url": url, "region": region, "region_id": region}
    return {"id": type_, "type": type_, "name": name, "endpoints": [endpoint]}


def version(base: str) -> Json:
    """The version document of /v3."""
    return {"version": _version(base)}


def versions(base: str) -> Json:
    """The document of /, which tells the versions there are."""
    return {"versions": {"values": [_version(base)]}}


def _version(base: str) -> Json:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{base}/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


def projects(base: str, held: Sequence[Project]) -> Json:
    return {"projects": [project(base, one) for one in held], "links": _links(f"{base}/v3/projects")}


def project(base: str, value: Project) -> Json:
    return {
        "id": value.id,
        "name": value.name,
        "domain_id": value.domain_id,
        "parent_id": value.domain_id,
        "is_domain": False,
        "enabled": value.enabled,
        "description": "",
        "links": {"self": f"{base}/v3/projects/{value.id}"},
    }


def domains(base: str, held: Sequence[tuple[str, str]]) -> Json:
    """Of (id, name)."""
    return {"domains": [domain(base, *one) for one in held], "links": _links(f"{base}/v3/domains")}


def domain(base: str, domain_id: str, name: str) -> Json:
    links = {"self": f"{base}/v3/domains/{domain_id}"}
    return {"id": domain_id, "name": name, "description": "", "enabled": True, "links": links}


def users(base: str, held: Sequence[User]) -> Json:
    return {"users": [user(base, one) for one in held], "links": _links(f"{base}/v3/users")}


def user(base: str, value: User) -> Json:
    return {
        "id": value.id,
        "name": value.name,
        "domain_id": value.domain_id,
        "enabled": value.enabled,
        "password_expires_at": None,
        "links": {"self": f"{base}/v3/users/{value.id}"},
    }


def roles(base: str, held: Iterable[Role]) -> Json:
    """A role's id is its name."""
    return {"roles": [role(base, one) for one in sorted(held)], "links": _links(f"{base}/v3/roles")}


def role(base: str, value: Role) -> Json:
    links = {"self": f"{base}/v3/roles/{value.value}"}
    return {"id": value.value, "name": value.value, "domain_id": None, "description": "", "links": links}


def assignments(base: str, grants: Sequence[Grant], names: Mapping[str, Json]) -> Json:
    """`names`: what to say of a user or project beside its id."""
    return {
        "role_assignments": [
            {
                "user": {"id": one.user_id, **names.get(one.user_id, {})},
                "role": {"id": one.role.value, "name": one.role.value},
                "scope": _place(one.project_id, names),
                "links": {},
            }
            for one in grants
        ],
        "links": _links(f"{base}/v3/role_assignments"),
    }


def assigned_names(users: Sequence[User], projects: Sequence[Project]) -> Mapping[str, Json]:
    """What `include_names` adds, by id."""
    domains = {one.domain_id: one.domain_name for one in projects}
    named = [(one.id, one.name, one.domain_id) for one in users]
    named += [(one.id, one.name, one.domain_id) for one in projects]
    return {
        key: {"name": name, "domain": {"id": domain_id, "name": domains.get(domain_id, "")}}
        for key, name, domain_id in named
    }


def _place(project_id: str, names: Mapping[str, Json]) -> Json:
    if project_id == SYSTEM:
        return {"system": {"all": True}}
    return {"project": {"id": project_id, **names.get(project_id, {})}}


def credential(value: AccessKey) -> Json:
    """An access key; its secret is there once, when it is made."""
    shown: Json = {
        "access": value.access,
        "user_id": value.user_id,
        "project_id": value.project_id,
        "status": "active",
        "description": "",
    }
    return {**shown, "secret": value.secret} if value.secret else shown


def _links(url: str) -> Json:
    return {"self": url, "previous": None, "next": None}


def _domain(who: Principal) -> Json:
    return {"id": who.domain_id, "name": who.domain_name}


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
