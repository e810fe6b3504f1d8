"""What surrounds every answer: request ids, the names of ignored keys, and a last resort for faults of ours."""

import logging
import re
import uuid
from collections.abc import Callable
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelyard.api import errors
from modelyard.api.paths import routed_path

log = logging.getLogger(__name__)

IGNORED = "X-Modelyard-Ignored"
MAX_IGNORED = 32
MAX_NAME = 120
ABSOLUTE = re.compile(b"^https?://[^/?]*", re.IGNORECASE)
"""What a request line may carry before the path (RFC 9112, 3.2.2); the server leaves it there."""


def request_id(request: Request) -> str:
    """What the headers of the answer say too."""
    return str(request.scope["state"]["request_id"])


class BrokenOff(Exception):
    """An answer cannot be ended that has begun: the connection breaks off, so that nobody takes it for whole."""


class Envelope:
    """ASGI middleware; `scope["state"]["ignored"]` collects what the routes did not know, and `ends` what is to be
    called when the request is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        raw = scope.get("raw_path") or quote(scope["path"]).encode()
        path = routed_path(ABSOLUTE.sub(b"", raw) or b"/")
        request_id = uuid.uuid4().hex
        ignored: list[str] = []
        ends: list[Callable[[], None]] = []
        state = {
            **scope.get("state", {}),
            "ignored": ignored,
            "ends": ends,
            "method": method,
            "request_id": request_id,
        }
        asked = "GET" if method == "HEAD" else method
        scope = {**scope, "path": path, "method": asked, "state": state}  # the server's own stays as it is
        begun = False

        async def enveloped(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["x-openstack-request-id"] = f"req-{request_id}"
                if ignored:
                    headers[IGNORED] = names(ignored)
            elif method == "HEAD" and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._app(scope, receive, enveloped)
        except ClientDisconnect:  # who called is gone: nobody is there to be answered, and nothing is broken
            log.info("request %s: the caller went away before all of it had come", request_id)
        except BrokenOff as error:
            log.warning("request %s: the answer breaks off: %s", request_id, error)
        except Exception as error:  # noqa: BLE001 - the one place where a fault becomes an answer
            response = errors.internal(Request(scope), error, request_id)
            if not begun:
                await response(scope, receive, enveloped)
        finally:
            for end in ends:
                end()


def names(ignored: list[str]) -> str:
    """The keys as a header can carry them: percent-encoded, the first ones only."""
    shown = [quote(name[:MAX_NAME], safe="[]._-~") for name in ignored[:MAX_IGNORED]]
    return ", ".join(shown + (["..."] if len(ignored) > MAX_IGNORED else []))
