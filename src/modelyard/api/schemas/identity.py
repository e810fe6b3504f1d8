"""Logging in on the wire: Keystone v3's bodies (contract §6)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, StrictBool

from modelyard.api.schemas.wire import Wire

EXAMPLE: dict[str, Any] = {
    "auth": {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": "ada", "password": "…", "domain": {"name": "modelyard"}}},
        },
        "scope": {"project": {"name": "research", "domain": {"name": "modelyard"}}},
    }
}


class Named(Wire):
    """A thing by id or by name."""

    id: str | None = None
    name: str | None = None

    @property
    def key(self) -> str | None:
        return self.id or self.name


class InDomain(Named):
    domain: Named | None = None


class User(InDomain):
    password: str | None = None

    required: ClassVar[Sequence[str]] = ("password",)


class Password(Wire):
    user: User | None = None

    required: ClassVar[Sequence[str]] = ("user",)


class Methods(Wire):
    methods: list[str] | None = None
    password: Password | None = None
    token: Named | None = None

    required: ClassVar[Sequence[str]] = ("methods",)
    later: ClassVar[Mapping[str, str]] = {
        "totp": "one-time passwords",
        "application_credential": "application credentials",
        "hw_ak_sk": "temporary keys",
    }


class ScopeOf(Wire):
    project: InDomain | None = None
    domain: Named | None = None
    unscoped: dict[str, Any] | None = None


class Auth(Wire):
    identity: Methods | None = None
    scope: ScopeOf | None = None

    required: ClassVar[Sequence[str]] = ("identity",)


class LoginBody(Wire):
    """POST /v3/auth/tokens."""

    auth: Auth | None = None

    required: ClassVar[Sequence[str]] = ("auth",)

    @classmethod
    def prepared(cls, value: Mapping[str, object]) -> Mapping[str, object]:
        """`"scope": "unscoped"` is the other spelling of `{"unscoped": {}}`."""
        auth = value.get("auth")
        if isinstance(auth, dict) and auth.get("scope") == "unscoped":
            return {**value, "auth": {**auth, "scope": {"unscoped": {}}}}
        return value


class Change(Wire):
    """Query of POST /v3/auth/tokens."""

    nocatalog: str | None = None


def _enabled(value: object) -> object:
    """Keystone's clients write it in several ways."""
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower(), value)


class List(Wire):
    """Query of GET /v3/users, /v3/projects, /v3/roles and /v3/domains."""

    name: str | None = None
    enabled: Annotated[
        StrictBool | None, BeforeValidator(_enabled), Field(description="of users, projects and domains")
    ] = None
    domain_id: Annotated[str | None, Field(description="of users and projects")] = None


class NewUser(Wire):
    name: str | None = None
    password: str | None = None
    enabled: StrictBool | None = None
    domain_id: str | None = None


class UserBody(Wire):
    """POST /v3/users, PATCH /v3/users/{user_id}."""

    user: NewUser | None = None

    required: ClassVar[Sequence[str]] = ("user",)


class Passwords(Wire):
    original_password: str | None = None
    password: str | None = None

    required: ClassVar[Sequence[str]] = ("original_password", "password")


class PasswordBody(Wire):
    """POST /v3/users/{user_id}/password."""

    user: Passwords | None = None

    required: ClassVar[Sequence[str]] = ("user",)


class NewProject(Wire):
    name: str | None = None
    enabled: StrictBool | None = None
    domain_id: str | None = None


class ProjectBody(Wire):
    """POST /v3/projects, PATCH /v3/projects/{project_id}."""

    project: NewProject | None = None

    required: ClassVar[Sequence[str]] = ("project",)


class NewCredential(Wire):
    user_id: str | None = None
    project_id: str | None = None


class CredentialBody(Wire):
    """POST /v3.0/OS-CREDENTIAL/credentials."""

    credential: NewCredential | None = None

    required: ClassVar[Sequence[str]] = ("credential",)


class CredentialList(Wire):
    """Query of GET /v3.0/OS-CREDENTIAL/credentials."""

    user_id: str | None = None


BODIES = (LoginBody, UserBody, PasswordBody, ProjectBody, CredentialBody)
