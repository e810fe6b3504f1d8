"""Who calls, and on whose behalf."""

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a user may do in a project (contract §6). Each role stands alone; admin may do everything."""

    ADMIN = "admin"
    MEMBER = "member"
    READER = "reader"
    INVOKER = "invoker"


CONTROL_READ = frozenset({Role.ADMIN, Role.MEMBER, Role.READER})
CONTROL_WRITE = frozenset({Role.ADMIN, Role.MEMBER})
INVOKE = frozenset({Role.ADMIN, Role.MEMBER, Role.INVOKER})

SYSTEM = "system"
"""What the administrators of the installation have the role admin in, in place of a project (Keystone's word). A
project's admin is nobody here. No project has this id: ids are made by us, of 32 digits."""


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
    """A person or a program. `password_hash` is an Argon2 string, never shown."""

    id: str
    name: str
    domain_id: str
    password_hash: str = field(repr=False)
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller, scoped to a project (or to none). `administrator`: of the installation."""

    user_id: str
    user_name: str
    domain_id: str
    domain_name: str
    project_id: str | None
    project_name: str | None
    roles: frozenset[Role]
    administrator: bool = False
