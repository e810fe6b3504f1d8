"""What of a request a row of the audit says, and how many rows requests that are alike may make. Pure.

Values of bodies, queries and headers are secrets until proven otherwise, so none is kept: only the names of
fields, and of the path what names a thing.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from modelyard.domain.audit import AuditRow, Means, Outcome
from modelyard.domain.texts import printable, shortened

MOST_FIELDS = 40
MOST_NAME = 200
MOST_AGENT = 100
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_SECRET = re.compile(r"code|secret|token|password|signature", re.IGNORECASE)
"""Parameters of a path whose value is never kept."""

LOGIN = "POST /v3/auth/tokens"
UNKNOWN = "unknown callers"
"""The lane of those who nobody is known to be."""
SEVERAL = "several calls"


def names(body: object) -> tuple[str, ...]:
    """The fields of a body, two levels deep, without their values.

    {"service_name": "x", "config": [{"weight": 1}]}         → service_name, config[].weight
    {"user": {"name": "ada", "password": "…"}}               → user.name, user.password
    [{"op": "replace", "path": "/description", "value": …}]  → replace /description
    """
    if isinstance(body, list):
        return _bounded(_change(one) for one in body)
    return _bounded(_fields(body)) if isinstance(body, Mapping) else ()


def _fields(body: Mapping[str, object]) -> list[str]:
    found: list[str] = []
    for name, value in body.items():
        inside, mark = (value, ".") if isinstance(value, Mapping) else ({}, "")
        if isinstance(value, list):
            inside, mark = {key: 0 for one in value if isinstance(one, Mapping) for key in one}, "[]."
        keys = [key for key in inside if isinstance(key, str) and _NAME.fullmatch(key)]
        if _NAME.fullmatch(name):
            found += [f"{name}{mark}{key}" for key in keys] or [name]
    return found


def _change(one: object) -> str:
    if not isinstance(one, Mapping):
        return ""
    path = [
        part for part in str(one.get("path", "")).split("/")[1:4] if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", part)
    ]
    operation = str(one.get("op", ""))
    return f"{operation} /{'/'.join(path)}" if operation.isalpha() and len(operation) < 10 else ""


def _bounded(found: Iterable[str]) -> tuple[str, ...]:
    unique = list(dict.fromkeys(one for one in found if one))
    return tuple(unique[:MOST_FIELDS] + (["…"] if len(unique) > MOST_FIELDS else []))


def resource(template: str, given: Mapping[str, str]) -> str:
    """The path of a call below its project, with what it names.

    /v2/{project_id}/notifications/topics/{topic_urn}        → notifications/topics/urn:smn:…
    /v1/{project_id}/services/{service_id}, {service_id: 7f}  → services/7f
    …/apps/{app_id}/app-code/{app_code}, {app_code: secret}   → app-auth/apps/7/app-code/***
    """
    path = re.sub(r"^/v[12]/(\{project_id\}|modelyard/admin)/|^/", "", template)
    for name, value in given.items():
        shown = "***" if _SECRET.search(name) else printable(value)
        path = re.sub(rf"\{{{re.escape(name)}(:path)?\}}", lambda _, shown=shown: shown, path)  # type: ignore[misc]
    return shortened(path, MOST_NAME)


def agent(text: str) -> str:
    """A user agent, shortened."""
    return shortened(printable(text), MOST_AGENT)


def outcome(status: int) -> Outcome:
    return Outcome.DONE if status < 400 else Outcome.REFUSED if status < 500 else Outcome.FAILED


def lane(row: AuditRow, *, administrator: bool = False) -> str:
    """Which rows it shares its bound with: what a project's users changed, which secrets they read, what came to
    nothing of what they asked and how they logged in are bounded apart, and so is what nobody knows the caller of.
    """
    if row.means is Means.LOCAL or (administrator and not row.project_id):
        return "installation"
    if not row.user_id:
        return UNKNOWN
    return f"{row.project_id or row.user_id}{_kind(row)}"


def _kind(row: AuditRow) -> str:
    if row.outcome in {Outcome.REFUSED, Outcome.FAILED}:
        return " refused"
    if row.action == LOGIN:
        return " logins"
    return " reads" if row.action.startswith("GET ") else ""


@dataclass(frozen=True, slots=True)
class Alike:
    """Refusals that are counted together. `action` "": whatever else comes of this caller; `who` "": of all."""

    who: str
    action: str = ""
    error_code: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class FloodBounds:
    """In one window: so many refusals of a known caller have one row each (`singly`), of an unknown one the first
    of each kind; then they are counted by kind, so many kinds of each caller (`kinds`), of so many callers."""

    window_ms: int = 60_000
    singly: int = 60
    kinds: int = 10
    callers: int = 50


class Flood:
    """Refusals cost nothing to cause, so what is alike within a window is counted: the first ones have a row at
    once, the others one together when the window is over. Whatever comes, a window has a bounded number of rows.
    """

    def __init__(self, bounds: FloodBounds = FloodBounds()) -> None:
        self._bounds = bounds
        self._came: dict[str, int] = {}
        self._kinds: dict[str, set[Alike]] = {}
        self._counted: dict[Alike, AuditRow] = {}
        self._began_ms: int | None = None

    def take(self, row: AuditRow, party: str) -> AuditRow | None:
        """The row to write at once; None: it is counted. `party`: what counts as one address."""
        if self._began_ms is None:
            self._began_ms = row.at_ms
        who = row.user_id or party
        if row.user_id:
            self._came[who] = self._came.get(who, 0) + 1
            if self._came[who] <= self._bounds.singly:
                return row
        alike, fresh = self._alike(who, row)
        if fresh and not row.user_id:
            return row
        before = self._counted.get(alike)
        if before is not None:
            self._counted[alike] = replace(before, times=before.times + 1, until_ms=row.at_ms)
        else:
            self._counted[alike] = _of_many(row, alike)
        return None

    def due_ms(self) -> int | None:
        """When the window is over; None: none has begun."""
        return None if self._began_ms is None else self._began_ms + self._bounds.window_ms

    def drain(self) -> list[AuditRow]:
        """The window is over: the rows of what was counted."""
        rows = list(self._counted.values())
        self._came.clear()
        self._kinds.clear()
        self._counted.clear()
        self._began_ms = None
        return rows

    def _alike(self, who: str, row: AuditRow) -> tuple[Alike, bool]:
        """(what it is counted as, whether it is the first of its own kind)."""
        alike = Alike(who, row.action, row.error_code, "" if row.user_id else row.user_name)
        kinds = self._kinds.get(who)
        if kinds is None:
            if not row.user_id and len(self._kinds) >= self._bounds.callers:
                return Alike(""), False
            kinds = self._kinds.setdefault(who, set())
        if alike in kinds:
            return alike, False
        if len(kinds) >= self._bounds.kinds:
            return Alike(who), False
        kinds.add(alike)
        return alike, True


def _of_many(row: AuditRow, alike: Alike) -> AuditRow:
    """Of them all it says what they have in common."""
    row = replace(row, resource="", name="", reference="", fields=(), until_ms=row.at_ms)
    if alike.action:
        return row
    return replace(
        row,
        action=SEVERAL,
        error_code="",
        status=0,
        user_name=row.user_name if row.user_id else "",
        address=row.address if alike.who else "",
    )
