"""Who calls: from the headers of a request to a Principal. Injectable, so that tests need no keys."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from modelyard.domain.errors import Unauthenticated
from modelyard.domain.identity import Principal
from modelyard.iam.signature import ALGORITHM, SignedRequest
from modelyard.operations import identity as operations


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brought: a token, an Authorization header ("" if absent), and what was signed with it; `body`
    reads the rest of that, when who claims to have signed it is known."""

    token: str = field(repr=False)
    authorization: str = field(repr=False)
    request: SignedRequest
    body: Callable[[], Awaitable[bytes]] = field(repr=False)

    @property
    def signed(self) -> bool:
        return self.authorization.startswith(ALGORITHM)


class Authenticator(Protocol):
    """Raises Unauthenticated, or Forbidden for a wrong signature."""

    async def principal(self, credentials: Credentials) -> Principal: ...


class StoredIdentity:
    """Tokens and signatures of the users in the store."""

    def __init__(self, identity: operations.Identity) -> None:
        self._identity = identity

    async def principal(self, credentials: Credentials) -> Principal:
        if credentials.token:
            return await operations.authenticate(self._identity, credentials.token)
        if credentials.signed:
            return await operations.authenticate_signed(
                self._identity, credentials.request, credentials.authorization, credentials.body
            )
        raise Unauthenticated("Token doesn't exist.", code="0201")
