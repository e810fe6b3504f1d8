"""Who is calling, and on whose behalf."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a user may do in a project (contract §6). Roles do not include each other, but admin may do
    everything."""

    ADMIN = "admin"
    MEMBER = "member"
    READER = "reader"
    INVOKER = "invoker"


CONTROL_READ = frozenset({Role.ADMIN, Role.MEMBER, Role.READER})
CONTROL_WRITE = frozenset({Role.ADMIN, Role.MEMBER})
INVOKE = frozenset({Role.ADMIN, Role.MEMBER, Role.INVOKER})

SYSTEM = "system"
"""Administrators of the installation have the role admin here, in place of a project (Keystone's word). The admin
of a project has no rights here. No project can have this id: we make ids, of 32 digits."""


@dataclass(frozen=True, slots=True)
class Project:
    """The tenant; every row belongs to one."""

    id: str
    name: str
    domain_id: str
    domain_name: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class User:
    """A person or a program. `password_hash` is an Argon2 string and is never shown."""

    id: str
    name: str
    domain_id: str
    password_hash: str = field(repr=False)
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Grant:
    """A user has a role in a project."""

    user_id: str
    project_id: str
    role: Role


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A user signs requests for a project with it. `secret` is shown once, when the key is made; "" in lists."""

    access: str
    user_id: str
    project_id: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """All that is stored of who calls with a token, as it is now.

    `project`: the one asked about, None when there is none. `roles`: in it, `system_roles` in the installation.
    `revoked_before_ms`: tokens of the user that were issued earlier are refused; `token_revoked`: this one is.
    """

    user: User
    project: Project | None = None
    roles: frozenset[Role] = frozenset()
    system_roles: frozenset[Role] = frozenset()
    revoked_before_ms: int | None = None
    token_revoked: bool = False


@dataclass(frozen=True, slots=True)
class Revocations:
    """`users`: id → tokens that were issued before this time (ms) are refused.
    `tokens`: (user id, token id) → until when (ms) that one is refused; it has expired then."""

    users: Mapping[str, int]
    tokens: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller, scoped to a project or to none. `administrator`: of the installation."""

    user_id: str
    user_name: str
    domain_id: str
    domain_name: str
    project_id: str | None
    project_name: str | None
    roles: frozenset[Role]
    administrator: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """What the gateway must know about a caller, as one line that it can search:
    ";u=ID;p=ID;t=ID;r=admin;r=member;".

    One line instead of several values, because the gateway handles it with every request. `project_id` None: not
    scoped to a project; `token_id` None: the request was signed, without a token. Semicolons enclose every part,
    so that no part can match inside another.
    """

    user_id: str
    project_id: str | None
    roles: frozenset[Role]
    token_id: str | None = None

    def text(self) -> str:
        """ValueError if an id is empty or holds a semicolon."""
        project = () if self.project_id is None else (of_project(self.project_id),)
        token = () if self.token_id is None else (of_token(self.token_id),)
        parts = (of_user(self.user_id), *project, *token, *of_roles(self.roles))
        return "".join(parts).replace(";;", ";")

    @classmethod
    def parse(cls, text: str) -> "Access":
        """ValueError or KeyError if `text()` could not have made this line."""
        parts = [part.split("=", 1) for part in text.strip(";").split(";")]
        ids = {name: value for name, value in parts if name != "r"}
        roles = frozenset(Role(value) for name, value in parts if name == "r")
        access = cls(ids["u"], ids.get("p"), roles, ids.get("t"))
        if access.text() != text:
            raise ValueError("written otherwise")
        return access


def of_user(user_id: str) -> str:
    """The part of the line that names the user; the others likewise."""
    return _part("u", user_id)


def of_project(project_id: str) -> str:
    return _part("p", project_id)


def of_token(token_id: str) -> str:
    return _part("t", token_id)


def of_roles(roles: Iterable[Role]) -> list[str]:
    return [_part("r", role.value) for role in sorted(roles)]


def _part(name: str, value: str) -> str:
    if not value or ";" in value:
        raise ValueError(f"{value!r} is no id")
    return f";{name}={value};"
