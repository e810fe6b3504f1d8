"""The Keystone v3 shape: what a login asks for, and how tokens, projects and the catalog look. Pure.

Only the methods `password` and `token` exist. A scope is a project (by id, or by name with or without its
domain), a domain, or none; a name without a domain means the user's own. Every broken rule is an Invalid that
names the field as Keystone's clients know it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from modelyard.domain.errors import Invalid, Violation
from modelyard.domain.identity import Principal, Project
from modelyard.iam.tokens import Scope, Token

Body = dict[str, Any]
_ROOT = "auth"


@dataclass(frozen=True, slots=True)
class Named:
    """A reference: by id, or by name within a domain (each None where not given)."""

    id: str | None = None
    name: str | None = None
    domain_id: str | None = None
    domain_name: str | None = None


@dataclass(frozen=True, slots=True)
class PasswordLogin:
    """Method `password`."""

    user: Named
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenLogin:
    """Method `token`: a new scope for somebody who has a token."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProjectScope:
    project: Named


@dataclass(frozen=True, slots=True)
class DomainScope:
    domain: Named


@dataclass(frozen=True, slots=True)
class Login:
    """A parsed POST /v3/auth/tokens. `scope` None: nothing was asked for."""

    credential: PasswordLogin | TokenLogin
    scope: ProjectScope | DomainScope | None = None

    @property
    def method(self) -> str:
        return "password" if isinstance(self.credential, PasswordLogin) else "token"


def login(body: object) -> Login:
    """Read a login request; Invalid names the first field that is missing or wrong."""
    auth = _object(body, "", _ROOT)
    identity = _object(auth, _ROOT, "identity")
    where = "auth.identity"
    methods = identity.get("methods")
    if not isinstance(methods, list) or not methods:
        raise _invalid(f"{where}.methods", "is required: a list of one of password, token")
    if methods == ["password"]:
        credential: PasswordLogin | TokenLogin = _password(_object(identity, where, "password"))
    elif methods == ["token"]:
        token = _object(identity, where, "token")
        credential = TokenLogin(_text(token, f"{where}.token", "id"))
    else:
        raise _invalid(f"{where}.methods", f"{methods!r} is not offered; use password or token")
    return Login(credential, _scope(auth.get("scope")))


def _password(password: Mapping[str, object]) -> PasswordLogin:
    where = "auth.identity.password"
    user = _object(password, where, "user")
    return PasswordLogin(_named(user, f"{where}.user"), _text(user, f"{where}.user", "password"))


def _scope(scope: object) -> ProjectScope | DomainScope | None:
    if scope is None or scope in ("unscoped", {}):
        return None
    if not isinstance(scope, Mapping):
        raise _invalid("auth.scope", "must be an object with project or domain")
    if "unscoped" in scope:
        return None
    if "project" in scope and "domain" in scope:
        raise _invalid("auth.scope", "must have one of project and domain, not both")
    if "project" in scope:
        return ProjectScope(_named(_object(scope, "auth.scope", "project"), "auth.scope.project"))
    if "domain" in scope:
        return DomainScope(_named(_object(scope, "auth.scope", "domain"), "auth.scope.domain"))
    raise _invalid("auth.scope", f"{next(iter(scope))!r} is not offered; use project or domain")


def _named(thing: Mapping[str, object], where: str) -> Named:
    if thing.get("id") is not None:
        return Named(id=_text(thing, where, "id"))
    if thing.get("name") is None:
        raise _invalid(where, "must have an id, or a name")
    name = _text(thing, where, "name")
    if thing.get("domain") is None:
        return Named(name=name)
    domain = _object(thing, where, "domain")
    if domain.get("id") is not None:
        return Named(name=name, domain_id=_text(domain, f"{where}.domain", "id"))
    return Named(name=name, domain_name=_text(domain, f"{where}.domain", "name"))


def _object(parent: object, where: str, name: str) -> Mapping[str, object]:
    value = parent.get(name) if isinstance(parent, Mapping) else None
    if not isinstance(value, Mapping):
        raise _invalid(f"{where}.{name}" if where else name, "is required and must be an object")
    return value


def _text(parent: Mapping[str, object], where: str, name: str) -> str:
    value = parent.get(name)
    if not isinstance(value, str) or not value:
        raise _invalid(f"{where}.{name}", "is required and must be a text")
    return value


def _invalid(path: str, text: str) -> Invalid:
    return Invalid(Violation(path, text))


@dataclass(frozen=True, slots=True)
class Places:
    """Where the services are, without a slash at the end: `api_url` http://host:port, `auth_url` ends in /v3."""

    api_url: str
    auth_url: str
    region: str


def token_body(token: Token, places: Places, *, catalog: bool = True) -> Body:
    """The answer to a login or a validation."""
    who = token.principal
    domain = {"id": who.domain_id, "name": who.domain_name}
    body: Body = {
        "methods": list(token.methods),
        "user": {"id": who.user_id, "name": who.user_name, "domain": domain, "password_expires_at": None},
        "audit_ids": [token.id],
        "issued_at": timestamp(token.issued_s),
        "expires_at": timestamp(token.expires_s),
    }
    if token.scope is Scope.UNSCOPED:
        return {"token": body}
    if token.scope is Scope.DOMAIN:
        body["domain"] = domain
    else:
        body["project"] = {"id": who.project_id, "name": who.project_name, "domain": domain}
        body["is_domain"] = False
    body["roles"] = [{"id": role.value, "name": role.value} for role in sorted(who.roles)]
    if catalog:
        body["catalog"] = services(places, who)
    return {"token": body}


def services(places: Places, who: Principal) -> list[Body]:
    """The catalog: the identity service, and the model service of the principal's project."""
    found = [_service("identity", "identity", places.auth_url, places.region)]
    if who.project_id is not None:
        url = f"{places.api_url}/v1/{who.project_id}"
        found.append(_service("modelartsv1", "modelarts", url, places.region))
    return found


def _service(kind: str, name: str, url: str, region: str) -> Body:
    endpoint = {"id": f"{kind}-public", "interface": "public", "region": region, "region_id": region, "url": url}
    return {"id": kind, "type": kind, "name": name, "endpoints": [endpoint]}


def version_body(auth_url: str) -> Body:
    """GET /v3."""
    return {
        "version": {
            "id": "v3.14",
            "status": "stable",
            "updated": "2020-04-07T00:00:00Z",
            "links": [{"rel": "self", "href": f"{auth_url}/"}],
            "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
        }
    }


def projects_body(projects: Sequence[Project], auth_url: str, self_path: str) -> Body:
    """GET /v3/projects, /v3/auth/projects."""
    return {
        "projects": [
            {
                "id": project.id,
                "name": project.name,
                "domain_id": project.domain_id,
                "parent_id": project.domain_id,
                "description": "",
                "enabled": project.enabled,
                "is_domain": False,
                "tags": [],
                "links": {"self": f"{auth_url}/projects/{project.id}"},
            }
            for project in projects
        ],
        "links": _links(auth_url, self_path),
    }


def domains_body(projects: Sequence[Project], auth_url: str, self_path: str) -> Body:
    """GET /v3/auth/domains: the domains that these projects lie in."""
    names = {project.domain_id: project.domain_name for project in projects}
    return {
        "domains": [
            {
                "id": key,
                "name": name,
                "description": "",
                "enabled": True,
                "tags": [],
                "links": {"self": f"{auth_url}/domains/{key}"},
            }
            for key, name in names.items()
        ],
        "links": _links(auth_url, self_path),
    }


def _links(auth_url: str, path: str) -> Body:
    return {"self": f"{auth_url}/{path}", "previous": None, "next": None}


def error_body(status: int, title: str, message: str) -> Body:
    """What Keystone's clients print; the contract's own keys may lie beside it."""
    return {"error": {"code": status, "title": title, "message": message}}


def timestamp(seconds: int) -> str:
    """`2026-01-31T23:59:59.000000Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
