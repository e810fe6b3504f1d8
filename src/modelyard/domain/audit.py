"""Rows of the audit: who did what to what, when, from where, and what was answered.

A row is written once and never changed. One request has one row, or several with the same reference where those
before the last had to be written before the answer was known (`Outcome.BEGUN`, or an answer that turned out
another): the last one tells the answer.
"""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """BEGUN: it is about to be done, nothing was answered yet. REFUSED: nothing was changed, the caller is to
    blame. FAILED: a fault of the server; what was to be changed may have been."""

    BEGUN = "begun"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class Means(StrEnum):
    """How a caller said who they are. LOCAL: on the server's machine, as the user who owns the data directory."""

    NONE = ""
    TOKEN = "token"  # noqa: S105 - a word
    SIGNATURE = "signature"
    PASSWORD = "password"  # noqa: S105 - a word
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class AuditRow:
    """`action`: "METHOD /path/of/{the}/call", or "modelyard COMMAND". `user_name` of somebody who is not known is
    who they said they are; `user_id` is "" then. `resource`: what it was done to, `name` what people call it.
    `fields`: names of the fields that were sent, never their values. `reference`: the X-Request-Id of the answer.
    `times`: so many requests alike, from `at_ms` to `until_ms`. `lane`: rows of one lane are bounded together, so
    that nobody can push out another's. `number`: given by the store (0: not stored yet)."""

    at_ms: int
    action: str
    outcome: Outcome
    status: int = 0
    error_code: str = ""
    project_id: str = ""
    user_id: str = ""
    user_name: str = ""
    means: Means = Means.NONE
    resource: str = ""
    name: str = ""
    address: str = ""
    agent: str = ""
    reference: str = ""
    fields: tuple[str, ...] = ()
    times: int = 1
    until_ms: int | None = None
    lane: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """None and "" match any. `user`: name or id; `action`, `resource`: a part of it, `resource` also of its name.
    `logins`: also logins that succeeded. Times are inclusive milliseconds. `after`: only rows of greater numbers.
    The newest come first, unless `oldest_first`. `offset`: rows to leave out."""

    project_id: str | None = None
    user: str = ""
    action: str = ""
    resource: str = ""
    outcome: Outcome | None = None
    logins: bool = True
    since_ms: int | None = None
    until_ms: int | None = None
    after: int | None = None
    oldest_first: bool = False
    offset: int = 0
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows of a lane up to this number were removed, as the bounds of age or rows wanted; the last time then."""

    lane: str
    number: int
    at_ms: int
