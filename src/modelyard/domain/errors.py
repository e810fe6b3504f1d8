"""Conditions that a use case can end in.

An error here names what is wrong, never how a transport says it: `api.errors` turns each into a status, a
code of `error_codes.tsv` and a text. Store and engine errors live beside their ports.
"""

from dataclasses import dataclass

from modelyard.domain.texts import shown


class DomainError(Exception):
    """Base of every condition that a caller can be told about."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule of a request.

    `field` is the path as the caller wrote it (`config[0].weight`); `text` names the value and the bound;
    `code` is the number of the contract's error (`ModelArts.3522` is "3522").
    """

    field: str
    text: str
    code: str = "0104"


class Invalid(DomainError):
    """The request breaks at least one rule; nothing was changed."""

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
    """The name is taken. `hint`: a sentence that says what to do instead."""

    def __init__(self, kind: str, key: str, hint: str = "") -> None:
        super().__init__(f"{kind} {shown(key)} already exists")
        self.kind = kind
        self.key = key
        self.hint = hint


class Conflict(DomainError):
    """The state of the thing forbids the change now (`state` says which); trying later may succeed."""

    def __init__(self, text: str, *, code: str = "3519") -> None:
        super().__init__(text)
        self.code = code


class Stale(DomainError):
    """The thing is not in the state that the caller made the change from; nothing was changed."""


class KeyReused(DomainError):
    """This Idempotency-Key was used for another request; nothing was changed."""


class Forbidden(DomainError):
    """The caller is known and may not do this."""

    def __init__(self, text: str, *, code: str = "0108") -> None:
        super().__init__(text)
        self.code = code


class Unauthenticated(DomainError):
    """The caller is not known. `code` tells no token (0201), expired (0202), invalid (0203)."""

    def __init__(self, text: str, *, code: str = "0203") -> None:
        super().__init__(text)
        self.code = code


class TooBusy(DomainError):
    """More work of this kind waits than is worth waiting for; trying again later succeeds."""


class Unsupported(DomainError):
    """The contract knows this and the product does not do it yet: refused, never dropped."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.field = field
        self.text = text
