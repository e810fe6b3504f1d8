"""Logging in on the wire: Keystone v3's bodies (contract §6)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from modelyard.api.schemas.wire import Wire

EXAMPLE: dict[str, Any] = {
    "auth": {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": "admin", "password": "…", "domain": {"name": "Default"}}},
        },
        "scope": {"project": {"name": "default"}},
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


class ProjectList(Wire):
    """Query of GET /v3/projects."""

    name: str | None = None
    enabled: str | None = None
    domain_id: str | None = None
