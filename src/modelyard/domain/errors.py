"""The error conditions in which a use case can end.

An error names what is wrong, never how a transport reports it: `api.errors` turns each into a status, a code of
`error_codes.tsv` and a text. Errors of the store and of engines live beside their ports.
"""

from dataclasses import dataclass

from modelyard.domain.texts import shown


class DomainError(Exception):
    """Base of every condition that callers can be told about."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule of a request.

    `field` is the path as the caller wrote it (`config[0].weight`); `text` names the value and the bound;
    `code` is the number of the error in the contract ("3522" for `ModelArts.3522`).
    """

    field: str
    text: str
    code: str = "0104"


class Invalid(DomainError):
    """The request breaks at least one rule; nothing has changed."""

    def __init__(self, *violations: Violation) -> None:
        super().__init__("; ".join(f"{v.field}: {v.text}" if v.field else v.text for v in violations))
        self.violations = violations


class NotFound(DomainError):
    """The thing does not exist in this project. `kind` is one of service, model, project, user, cluster …"""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"{kind} {shown(key)} does not exist")
        self.kind = kind
        self.key = key


class AlreadyExists(DomainError):
    """The name is taken. `hint`: a sentence about what to do instead."""

    def __init__(self, kind: str, key: str, hint: str = "") -> None:
        super().__init__(f"{kind} {shown(key)} already exists")
        self.kind = kind
        self.key = key
        self.hint = hint


class Conflict(DomainError):
    """The present state forbids the change; trying later may succeed."""

    def __init__(self, text: str, *, code: str = "3519") -> None:
        super().__init__(text)
        self.code = code


class Stale(DomainError):
    """The caller's change was based on a state that is no longer the present one; nothing has changed."""


class KeyReused(DomainError):
    """This Idempotency-Key was used for a different request; nothing has changed."""


class Forbidden(DomainError):
    """The caller is known, but may not do this."""

    def __init__(self, text: str, *, code: str = "0108") -> None:
        super().__init__(text)
        self.code = code


class Unauthenticated(DomainError):
    """The caller is not known. `code`: no token (0201), an expired one (0202), an invalid one (0203)."""

    def __init__(self, text: str, *, code: str = "0203") -> None:
        super().__init__(text)
        self.code = code


class TooBusy(DomainError):
    """Too much work of this kind is waiting already; trying again later succeeds."""


class Unsupported(DomainError):
    """The contract has this and the product does not yet: it is refused, never silently dropped."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.field = field
        self.text = text
