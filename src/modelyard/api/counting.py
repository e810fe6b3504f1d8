"""Counts what the API answers: method, class of status, code of the error, and time to the head of the answer."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelyard.api import errors
from modelyard.api.requests import Deps
from modelyard.core.metric_catalogue import API_ERRORS, API_REQUESTS, API_SECONDS
from modelyard.core.tallies import Tallies

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"


class Counting:
    """ASGI middleware, inside of the envelope, which keeps how a request was sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        deps = getattr(scope["app"].state, "deps", None) if scope["type"] == "http" else None
        if not isinstance(deps, Deps):
            await self._app(scope, receive, send)
            return
        began_s, begun = time.monotonic(), False

        def counted(status: int, code: str) -> None:
            method = scope["state"]["method"]
            _count(deps.tallies, method if method in METHODS else OTHER, status, code, time.monotonic() - began_s)

        async def counting(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                counted(message["status"], scope["state"].get("error_code", ""))
            await send(message)

        deps.in_flight.append(began_s)
        try:
            await self._app(scope, receive, counting)
        except Exception:
            if not begun:
                counted(500, errors.INTERNAL)
            raise
        finally:
            deps.in_flight.pop()


def _count(tallies: Tallies, method: str, status: int, code: str, took_s: float) -> None:
    tallies.add(API_REQUESTS, method, f"{status // 100}xx")
    tallies.observe(API_SECONDS, took_s, method)
    if status >= 400 and code:
        tallies.add(API_ERRORS, f"ModelArts.{code}")
