"""Every request that may change something is audited: here, around all routes, so that no route can forget it.

A request may change something unless its method says that it only reads (GET, HEAD, OPTIONS, TRACE); a GET may
whose route says so (`acts`). A change has its row before the answer leaves: written in the transaction of the
change, or before the object store was asked (`operations.acting`); what neither of them wrote is written here.
When that cannot be, a success is not answered. Refusals are recorded too, within bounds (`core.audit.Flood`).

What only reads is not recorded, but for answers with secrets (`reveals`) and requests whose signature was refused.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelyard.api import errors
from modelyard.api.auth import Credentials
from modelyard.api.requests import Deps, address
from modelyard.core import audit as core
from modelyard.domain.audit import AuditRow, Means, Outcome
from modelyard.domain.errors import DomainError
from modelyard.domain.identity import Principal
from modelyard.domain.texts import printable, shortened
from modelyard.iam import signature
from modelyard.operations import acting
from modelyard.operations.acting import Act, AuditedObjects, AuditedStore
from modelyard.operations.audit import Audit
from modelyard.operations.disk_use import DiskPorts, Unneeded
from modelyard.store.base import StoreUnavailableError

log = logging.getLogger(__name__)

READING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
NO_API = "no such call"
NOT_RECORDED = "It may have been done, but it could not be recorded in the audit. Look, then try again."

RouteT = TypeVar("RouteT", bound=Callable[..., Any])


def acts(endpoint: RouteT) -> RouteT:
    """A decorator of routes whose GET changes something, since a link in a message leads to them."""
    endpoint.__acts__ = True  # type: ignore[attr-defined]
    return endpoint


def reveals(endpoint: RouteT) -> RouteT:
    """A decorator of routes that only read, and answer secrets (unless they say `acting.unchanged`)."""
    endpoint.__reveals__ = True  # type: ignore[attr-defined]
    return endpoint


def audited(deps: Deps) -> Deps:
    """The same, with nothing left that changes anything and is not recorded."""
    audit = deps.audit or Audit(deps.context.store, deps.context.clock, tallies=deps.tallies)
    return replace(
        deps,
        audit=audit,
        context=replace(deps.context, store=AuditedStore(deps.context.store, deps.tallies)),
        storage=replace(deps.storage, objects=AuditedObjects(deps.storage.objects, audit)),
        disk=_audited_disk(deps.disk, audit) if deps.disk else None,
    )


def _audited_disk(disk: DiskPorts, audit: Audit) -> DiskPorts:
    async def clean() -> Sequence[Unneeded]:
        await acting.begin(audit)
        return await disk.clean()

    return replace(disk, clean=clean)


class Auditing:
    """ASGI middleware, inside of the envelope, which has given the request its id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        deps = getattr(scope["app"].state, "deps", None) if scope["type"] == "http" else None
        if not isinstance(deps, Deps) or deps.audit is None:
            await self._app(scope, receive, send)
            return
        request = _Audited(deps, deps.audit, Request(scope, receive))
        await request.served(self._app, receive, send)


class _Audited:
    """One request."""

    def __init__(self, deps: Deps, audit: Audit, request: Request) -> None:
        self._deps = deps
        self._audit = audit
        self._request = request
        self._scope = request.scope
        self._act = Act(self._expected, lambda: self._changing)
        self._begun = False
        self._replaced = False

    async def served(self, app: ASGIApp, receive: Receive, send: Send) -> None:
        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start" and not self._begun:
                self._begun = True
                try:
                    await self._answered(message["status"])
                except StoreUnavailableError as error:
                    await self._unrecorded(error, receive, send)
            if not self._replaced:
                await send(message)

        try:
            with acting.during(self._act):
                await app(self._scope, receive, telling)
        except ClientDisconnect:
            if not self._begun and self._changing:
                await self._audit.refused(self._row(Outcome.REFUSED, 0, ""))
            raise
        except Exception:
            if not self._begun and self._changing:
                await self._audit.refused(self._row(Outcome.FAILED, 500, errors.INTERNAL))
            raise

    @property
    def _changing(self) -> bool:
        """Known for a GET when its route is."""
        method = self._scope["state"]["method"]
        return method not in READING or (method == "GET" and hasattr(self._endpoint, "__acts__"))

    @property
    def _endpoint(self) -> object:
        return self._scope.get("endpoint")

    async def _answered(self, status: int) -> None:
        """Raises StoreUnavailableError when what was done is not recorded."""
        if status >= 400:
            if self._changing or self._signature_refused(status):
                code = self._scope["state"].get("error_code", "")
                await self._audit.refused(self._row(core.outcome(status), status, code))
        elif not self._act.unchanged and (self._untold or self._revealing):
            await self._audit.record(self._row(Outcome.DONE, status, ""))

    @property
    def _untold(self) -> bool:
        """Whether no row says yet that it is done."""
        return self._changing and self._act.told is not Outcome.DONE

    @property
    def _revealing(self) -> bool:
        return self._scope["state"]["method"] == "GET" and hasattr(self._endpoint, "__reveals__")

    def _signature_refused(self, status: int) -> bool:
        credentials = self._credentials
        unproven = credentials is not None and "caller" not in self._scope["state"]
        return unproven and status in {401, 403} and credentials is not None and credentials.signed

    async def _unrecorded(self, error: StoreUnavailableError, receive: Receive, send: Send) -> None:
        """In place of the success that was to be answered."""
        log.error("a change is not in the audit: %s", error)
        self._replaced = True
        answer = errors.answer(self._request, 503, errors.INTERNAL, NOT_RECORDED)
        await answer(self._scope, receive, send)

    def _expected(self, outcome: Outcome) -> AuditRow:
        """Before the answer is known."""
        if outcome is Outcome.BEGUN:
            return self._row(outcome, 0, "")
        return self._row(outcome, getattr(self._scope.get("route"), "status_code", None) or 200, "")

    @property
    def _credentials(self) -> Credentials | None:
        held = self._scope["state"].get("credentials")
        return held if isinstance(held, Credentials) else None

    def _row(self, outcome: Outcome, status: int, code: str) -> AuditRow:
        state, act, request = self._scope["state"], self._act, self._request
        action, resource = self._what()
        known = state.get("caller")
        caller = known if isinstance(known, Principal) else None
        row = AuditRow(
            at_ms=self._audit.now_ms(),
            action=action,
            outcome=outcome,
            status=status,
            error_code=code,
            project_id=self._project(caller),
            user_id=caller.user_id if caller else "",
            user_name=caller.user_name if caller else self._claimed(),
            means=self._means(caller),
            resource=act.resource or resource,
            name=shortened(printable(act.name), core.MOST_NAME),
            address=address(request),
            agent=core.agent(request.headers.get("user-agent", "")),
            reference=state["request_id"],
            fields=state.get("fields", ()),
        )
        return replace(row, lane=core.lane(row, administrator=caller is not None and caller.administrator))

    def _what(self) -> tuple[str, str]:
        """(action, resource) by the route, if there is one for this method."""
        method, route = self._scope["state"]["method"], self._scope.get("route")
        path = str(getattr(route, "path", ""))
        if not path or method not in {*(getattr(route, "methods", None) or ()), "HEAD"}:
            return f"{shortened(printable(method), 20)} ({NO_API})", ""
        given = {name: str(value) for name, value in self._scope.get("path_params", {}).items()}
        return f"{method} {path.replace(':path', '')}", core.resource(path, given)

    def _project(self, caller: Principal | None) -> str:
        """Where it is read: what an administrator does, in the project that the path names, or in none; what
        everybody else does, in their own."""
        if caller is None:
            return ""
        named = str(self._scope.get("path_params", {}).get("project_id", ""))
        if not caller.administrator or self._what()[0] == core.LOGIN:
            return caller.project_id or ""
        return shortened(printable(named), 64)

    def _claimed(self) -> str:
        credentials = self._credentials
        if credentials is not None and credentials.signed:
            try:
                key = signature.parsed(credentials.authorization).access_key
                return f"access key {shortened(printable(key), 64)}"
            except DomainError:
                return ""
        return shortened(printable(self._act.claimed), 64)

    def _means(self, caller: Principal | None) -> Means:
        if self._what()[0] == core.LOGIN:
            return Means.PASSWORD if self._act.claimed else Means.TOKEN if caller else Means.NONE
        if caller is None or self._credentials is None:
            return Means.NONE
        return Means.SIGNATURE if self._credentials.signed and not self._credentials.token else Means.TOKEN
