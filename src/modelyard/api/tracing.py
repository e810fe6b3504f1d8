"""Requests of the API as spans: those that may change something, and those whose callers trace them.

The caller's `traceparent` is gone on with where it says that it is sampled; where it says that it is not, nothing
is told. The answer names the trace (`traceresponse`, as the second level of W3C Trace Context has it).

Of strangers only what they changed is told (a login, say): they may ask for anything as often as they like.
"""

import secrets
from dataclasses import dataclass
from functools import partial

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelyard.api.auditing import READING
from modelyard.api.requests import Deps
from modelyard.core import tracing as core
from modelyard.domain.identity import Principal
from modelyard.domain.tracing import Attribute, TraceContext
from modelyard.operations.tracing import Requested, Tracing

RESPONSE = "traceresponse"


class Traces:
    """ASGI middleware, inside of the envelope, which has given the request its id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        deps = getattr(scope["app"].state, "deps", None) if scope["type"] == "http" else None
        tracing = deps.context.tracing if isinstance(deps, Deps) else None
        requested = begun(scope, tracing) if tracing is not None else None
        if tracing is None or requested is None:
            await self._app(scope, receive, send)
            return
        await _Served(tracing, requested, scope).by(self._app, receive, send)


def begun(scope: Scope, tracing: Tracing) -> Requested | None:
    """None: it is not traced."""
    headers = Headers(scope=scope)
    parents, states = headers.getlist("traceparent"), headers.getlist("tracestate")
    caller = core.parsed(parents[0], ",".join(states)) if len(parents) == 1 else None
    if caller is not None and not caller.sampled:
        return None
    if caller is None and scope["state"]["method"] in READING:
        return None
    span_id = secrets.token_hex(8)
    context = (
        TraceContext(caller.trace_id, span_id, caller.state)
        if caller is not None
        else TraceContext(secrets.token_hex(16), span_id)
    )
    return Requested(context, caller.span_id if caller else "", tracing.now_ns(), partial(_described, scope))


def _described(scope: Scope) -> tuple[str, dict[str, Attribute]]:
    """The name of its span and what is known of it: by its route, never by what the caller wrote."""
    method, path = scope["state"]["method"], str(getattr(scope.get("route"), "path", "")).replace(":path", "")
    attributes: dict[str, Attribute] = {
        "http.request.method": method,
        "modelyard.request.id": scope["state"]["request_id"],
    }
    if path:
        attributes["http.route"] = path
    caller = scope["state"].get("caller")
    if isinstance(caller, Principal):
        attributes["enduser.id"] = caller.user_id
        attributes["modelyard.project.id"] = caller.project_id or ""
    return f"{method} {path}".rstrip(), attributes


@dataclass(slots=True)
class _Served:
    """One request that is traced."""

    tracing: Tracing
    requested: Requested
    scope: Scope
    status: int = 0

    async def by(self, app: ASGIApp, receive: Receive, send: Send) -> None:
        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                MutableHeaders(scope=message)[RESPONSE] = self.requested.context.traceparent
            await send(message)

        error: str | None = "it was not answered"
        try:
            with self.tracing.serving(self.requested):
                await app(self.scope, receive, named)
            error = None
        except Exception as failed:
            error = type(failed).__name__
            raise
        finally:
            self._over(error)

    def _over(self, error: str | None) -> None:
        if self.status:
            self.requested.attributes["http.response.status_code"] = self.status
        number = self.scope["state"].get("error_code", "")
        code = f"ModelArts.{number}" if number else str(self.status)
        if self.status >= 400:
            self.requested.attributes["error.type"] = code
        if error is None and self.status >= 500:
            error = code
        if self._is_known() or self._is_change():
            self.tracing.answered(self.requested, error, stored=self.status < 400)

    def _is_known(self) -> bool:
        return isinstance(self.scope["state"].get("caller"), Principal)

    def _is_change(self) -> bool:
        return self.scope["state"]["method"] not in READING and 200 <= self.status < 400
