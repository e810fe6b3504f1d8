"""People, projects, roles, access keys, revoked tokens."""

from collections.abc import Sequence
from typing import Protocol

from modelyard.domain.identity import AccessKey, Grant, Project, Revocations, Role, Standing, User


class IdentityReads(Protocol):
    async def project(self, key: str) -> Project | None:
        """By id, else by name."""

    async def projects(self, *, name: str | None = None, user_id: str | None = None) -> Sequence[Project]: ...

    async def user(self, key: str) -> User | None:
        """By id, else by name."""

    async def users(self, *, name: str | None = None) -> Sequence[User]: ...

    async def roles(self, user_id: str, project_id: str) -> frozenset[Role]: ...

    async def grants(self, *, user_id: str | None = None, project_id: str | None = None) -> Sequence[Grant]: ...

    async def access_key(self, access_key: str) -> AccessKey | None:
        """With its secret; None when it is unknown or was deleted."""

    async def access_keys(self, user_id: str) -> Sequence[AccessKey]:
        """Without their secrets."""

    async def standing(self, user_id: str, project_id: str | None, token_id: str | None) -> Standing | None:
        """Who calls with this token; one statement, because every call of the API asks. None: no such user."""

    async def revocations(self) -> Revocations: ...


class IdentityWrites(IdentityReads, Protocol):
    async def save_project(self, project: Project) -> None: ...

    async def save_user(self, user: User) -> None: ...

    async def delete_user(self, user_id: str) -> None:
        """With its grants and access keys."""

    async def grant(self, user_id: str, project_id: str, role: Role) -> None: ...

    async def revoke(self, user_id: str, project_id: str, role: Role) -> None: ...

    async def save_access_key(self, access_key: str, user_id: str, project_id: str, secret_key: str) -> None: ...

    async def delete_access_key(self, access_key: str) -> None: ...

    async def revoke_tokens(self, user_id: str, before_ms: int) -> None:
        """Every token that the user was issued before. Never moves a revocation to an earlier time."""

    async def revoke_token(self, user_id: str, token_id: str, until_ms: int) -> None:
        """This one."""
