"""Tokens: signed statements of who calls, that Envoy can check without asking anybody.

A token is a JWT signed with ES256 (decision 0003). Claims:

    iss      "modelyard"
    iat, exp whole seconds
    access   what the gateway compares: user, project, token, roles in one line (`domain.identity.Access`)
    who      for people, and for Keystone's answers: names, scope and methods

It is short, because every request brings one and the gateway looks at each character. Only ES256 is accepted,
whatever the header says. Nothing here reads a clock: `now_ms` is passed in.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from modelyard import files
from modelyard.domain.errors import Unauthenticated
from modelyard.domain.identity import Access, Principal

ISSUER = "modelyard"
DAY_S = 24 * 3600
SKEW_S = 5
"""How far ahead of our clock a token may be dated, here and at the gateway: with more, a revocation by time could
not reach it. (A clock that was set back has issued such tokens; so may whoever got hold of the key.)"""
KEY_FILE = "token.pem"
_ALGORITHM = "ES256"
_CURVE = "P-256"
_MAX_LENGTH = 8192
_KEY_ID_DIGITS = 8
_TOKEN_ID_BYTES = 12


class Scope(StrEnum):
    """What a token is good for."""

    PROJECT = "project"
    DOMAIN = "domain"
    UNSCOPED = "unscoped"


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says. `issued_s` and `expires_s` are whole seconds since 1970 UTC."""

    principal: Principal
    scope: Scope
    methods: tuple[str, ...]
    issued_s: int
    expires_s: int
    id: str

    def revoked(self, before_ms: int | None) -> bool:
        """Whether it was issued before a user's tokens were revoked (at `before_ms`; None: never).

        Issue times are whole seconds, so that the gateway can compare them: a token of the very second of the
        revocation counts as older. 10,700 ms revokes tokens issued in second 10, not in second 11.
        """
        return before_ms is not None and self.issued_s < revoked_before_s(before_ms)


def revoked_before_s(before_ms: int) -> int:
    """The second that the gateway is told: tokens issued before it are refused."""
    return -(-before_ms // 1000)


class TokenKey:
    """The key pair of this installation; the private half never leaves the object."""

    def __init__(self, key: ECKey, *, ttl_s: int = DAY_S) -> None:
        self._key = key
        self._id = key.thumbprint()[:_KEY_ID_DIGITS]
        self._ttl_s = ttl_s

    def __repr__(self) -> str:
        return f"TokenKey({self._id})"

    @classmethod
    def generate(cls, *, ttl_s: int = DAY_S) -> "TokenKey":
        return cls(ECKey.generate_key(_CURVE, private=True, auto_kid=False), ttl_s=ttl_s)

    @classmethod
    def load(cls, directory: Path, *, ttl_s: int = DAY_S) -> "TokenKey":
        """From `directory`/token.pem, which is made at the first start, mode 0600."""
        path = directory / KEY_FILE
        try:
            content = files.read(path, follow=True)
            if path.stat().st_mode & 0o777 != 0o600:  # a backup reads it where nothing can be changed
                path.chmod(0o600)
            key = ECKey.import_key(content)
            if not key.is_private or key.curve_name != _CURVE:
                raise ValueError(f"no private key of the curve {_CURVE}")
        except FileNotFoundError:
            fresh = cls.generate(ttl_s=ttl_s)
            files.write(path, fresh._key.as_pem(private=True))
            return fresh
        except (
            files.UnfitFileError,
            ValueError,
            TypeError,
            AttributeError,
            UnsupportedAlgorithm,
            JoseError,
        ) as error:
            raise files.DamagedFileError(
                f"{path} is damaged, it holds no private key of the curve {_CURVE}: restore it, or move it away;"
                " then a new one is made, and every user logs in again"
            ) from error
        except OSError as error:
            raise files.DamagedFileError(f"{path} cannot be read ({error.strerror}): restore it") from error
        return cls(key, ttl_s=ttl_s)

    def jwks(self) -> str:
        """The public half as a JSON Web Key Set, as Envoy's `local_jwks` wants it."""
        public = {**self._key.as_dict(private=False), "kid": self._id, "alg": _ALGORITHM, "use": "sig"}
        return json.dumps({"keys": [public]}, sort_keys=True)

    def issue(
        self,
        principal: Principal,
        now_ms: int,
        *,
        methods: tuple[str, ...] = ("password",),
        scope: Scope | None = None,
        expires_s: int | None = None,
    ) -> tuple[str, Token]:
        """The text and what it says. Without `scope`, that follows from whether the principal has a project.

        `expires_s` bounds the life further: a token got with a token must not outlive it (Keystone v3).
        """
        issued_s = now_ms // 1000
        latest_s = issued_s + self._ttl_s
        token = Token(
            principal=principal,
            scope=scope or (Scope.UNSCOPED if principal.project_id is None else Scope.PROJECT),
            methods=methods,
            issued_s=issued_s,
            expires_s=latest_s if expires_s is None else min(latest_s, expires_s),
            id=secrets.token_urlsafe(_TOKEN_ID_BYTES),
        )
        header = {"alg": _ALGORITHM, "kid": self._id}
        return jwt.encode(header, _claims(token), self._key, algorithms=[_ALGORITHM], default_type=None), token

    def verify(self, text: str, now_ms: int) -> Principal:
        """Who calls. Raises Unauthenticated: 0201 without a token, 0202 when it expired, 0203 for any other."""
        return self.read(text, now_ms).principal

    def read(self, text: str, now_ms: int) -> Token:
        """Everything a token says; raises as `verify`."""
        if not text:
            raise Unauthenticated("Token doesn't exist.", code="0201")
        if len(text) > _MAX_LENGTH:
            raise _invalid()
        try:
            claims = jwt.decode(text, self._key, algorithms=[_ALGORITHM]).claims
            token = _token(claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise _invalid() from error
        if token.issued_s > now_ms // 1000 + SKEW_S:
            raise Unauthenticated("Invalid token: it says that it was issued in the future.", code="0203")
        if now_ms >= token.expires_s * 1000:
            raise Unauthenticated("Invalid token header because the token has expired.", code="0202")
        return token


def _invalid() -> Unauthenticated:
    return Unauthenticated("Invalid token.", code="0203")


def _claims(token: Token) -> dict[str, Any]:
    who = token.principal
    access = Access(who.user_id, who.project_id, who.roles, token.id)
    return {
        "iss": ISSUER,
        "iat": token.issued_s,
        "exp": token.expires_s,
        "access": access.text(),
        "who": [
            who.user_name,
            who.domain_name,
            who.domain_id,
            who.project_name,
            token.scope.value,
            ",".join(token.methods),
        ],
    }


def _token(claims: Mapping[str, Any]) -> Token:
    """ValueError, KeyError or TypeError when it is not one of ours."""
    if claims["iss"] != ISSUER:
        raise ValueError("another issuer")
    access = Access.parse(_text(claims["access"]))
    user_name, domain_name, domain_id, project_name, scope, methods = claims["who"]
    who = Principal(
        user_id=access.user_id,
        user_name=_text(user_name),
        domain_id=_text(domain_id),
        domain_name=_text(domain_name),
        project_id=access.project_id,
        project_name=None if project_name is None else _text(project_name),
        roles=access.roles,
    )
    if access.token_id is None:
        raise ValueError("no token id")
    return Token(
        principal=who,
        scope=Scope(scope),
        methods=tuple(_text(methods).split(",")),
        issued_s=int(claims["iat"]),
        expires_s=int(claims["exp"]),
        id=access.token_id,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
