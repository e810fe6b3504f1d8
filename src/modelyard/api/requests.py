"""What the routes are given: the use cases' world, the caller, a parsed body or query. FastAPI dependencies.

The caller is known before a body is looked at.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from fastapi import Depends, Request, Response, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from modelyard import __version__
from modelyard.api.auth import Authenticator, Credentials, StoredIdentity
from modelyard.api.body import (
    LOGIN_LIMITS,
    BodyLimits,
    Room,
    Share,
    bounded,
    decoded,
    expect,
    json_object,
    json_value,
)
from modelyard.api.schemas.wire import Parsed, Wire
from modelyard.api.transfers import Pace, Places
from modelyard.core import audit
from modelyard.core.tallies import Tallies
from modelyard.domain.errors import Invalid, NotFound, Violation
from modelyard.domain.identity import Principal
from modelyard.domain.texts import NOT_TEXT, UNSTORABLE, shown
from modelyard.iam.addresses import NOBODY, Proxies
from modelyard.iam.passwords import Passwords
from modelyard.iam.signature import UNSIGNED, SignedRequest
from modelyard.iam.throttle import Throttle
from modelyard.iam.tokens import TokenKey
from modelyard.operations.audit import Audit
from modelyard.operations.context import Context
from modelyard.operations.disk_use import DiskPorts
from modelyard.operations.identity import Identity
from modelyard.operations.installation_status import InstallationStatus
from modelyard.operations.objects import Storage


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything the API stands on.

    `api_url`: where callers reach it ("" means as they say in Host). `authenticator`: who finds out who calls
    (None: tokens and signatures of the users in the store). `uploads`, `downloads`: how many objects may be on
    their way, and `pace` how slowly. `storage`: where they are. `proxies`: whose X-Forwarded-For is believed.
    `healthy`: whether the rest of this process is at work, for /healthz; `status`: what only who calls with a
    token is told. `audit`: where acts are recorded (None: `create_app` makes one). `disk`: what is on it.
    `tallies`: where answers are counted; `in_flight`: an entry for each request that is not answered to its end.
    """

    context: Context
    tokens: TokenKey
    storage: Storage
    passwords: Passwords = field(default_factory=Passwords)
    throttle: Throttle = field(default_factory=Throttle)
    authenticator: Authenticator | None = None
    proxies: Proxies = NOBODY
    api_url: str = ""
    region: str = "modelyard"
    version: str = __version__
    limits: BodyLimits = BodyLimits()
    room: Room = field(default_factory=lambda: Room(64 * 1024 * 1024))
    login_room: Room = field(default_factory=lambda: Room(16 * 1024 * 1024))
    uploads: Places = field(default_factory=Places)
    downloads: Places = field(default_factory=Places)
    pace: Pace = Pace()
    healthy: Callable[[], bool] = lambda: True
    status: Callable[[], InstallationStatus] = lambda: InstallationStatus(gateway_connected=False)
    audit: Audit | None = None
    disk: DiskPorts | None = None
    tallies: Tallies = field(default_factory=Tallies)
    in_flight: list[float] = field(default_factory=list)

    @property
    def identity(self) -> Identity:
        return Identity(self.context.store, self.context.clock, self.tokens, self.passwords, self.throttle)


IDS = {
    **{"service_id": "service", "service_ids": "service", "model_id": "model"},
    **{"user_id": "user", "domain_id": "domain", "role_id": "role", "access_key": "credential"},
    **{"task_id": "task", "log_group_id": "log group", "log_stream_id": "log stream"},
    **{"topic_urn": "topic", "subscription_urn": "subscription", "certificate": "certificate"},
    **{"app_id": "app", "app_code": "app code", "flavor": "flavor", "pool_id": "pool", "bucket": "bucket"},
    "registry": "registry",
}
"""Path parameters that name a thing."""

UNREAD = b"-"
"""In place of a body that was not signed: as it is not empty, no signature of an empty one fits."""

WireT = TypeVar("WireT", bound=Wire)
token_header = APIKeyHeader(
    name="X-Auth-Token", auto_error=False, description="the X-Subject-Token of POST /v3/auth/tokens"
)
bearer_header = HTTPBearer(auto_error=False, description="the same token, for those who scrape metrics")


def deps(request: Request) -> Deps:
    held = request.app.state.deps
    assert isinstance(held, Deps)
    return held


def context(request: Request) -> Context:
    """The use cases' world; an id that no database could hold is answered here."""
    for name, kind in IDS.items():
        if UNSTORABLE.search(key := request.path_params.get(name, "")):
            raise NotFound(kind, shown(key))
    return deps(request).context


async def raw_body(request: Request) -> bytes:
    """The body as it was sent by somebody who is known, read once and under the limit."""
    return await _read(request, deps(request).limits, deps(request).room)


async def _read(request: Request, limits: BodyLimits, room: Room) -> bytes:
    state = request.scope["state"]
    if "body" not in state:
        share = Share(room)
        state["ends"].append(share.release)
        announced = request.headers.get("content-length", "")
        state["body"] = await bounded(request.stream(), limits, share, announced)
    body = state["body"]
    assert isinstance(body, bytes)
    return body


async def caller(request: Request, token: Annotated[str | None, Security(token_header)] = None) -> Principal:
    """Who calls; raises Unauthenticated, Forbidden."""
    authorization = request.headers.get("authorization", "")
    return await _principal(
        request, Credentials(token or "", authorization, _signed(request), lambda: raw_body(request))
    )


async def scraper(
    request: Request,
    token: Annotated[str | None, Security(token_header)] = None,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(bearer_header)] = None,
) -> Principal:
    """As `caller`, of who watches: the token may also be in the header that every Prometheus can send."""
    return await caller(request, token or (bearer.credentials if bearer else None))


async def streaming_caller(
    request: Request, token: Annotated[str | None, Security(token_header)] = None
) -> Principal:
    """As `caller`, of a request whose body is an object: it is read only where its hash was signed."""

    async def signed() -> bytes:
        unsigned = UNSIGNED in request.headers.getlist("x-sdk-content-sha256")
        return UNREAD if unsigned else await raw_body(request)

    authorization = request.headers.get("authorization", "")
    return await _principal(request, Credentials(token or "", authorization, _signed(request), signed))


async def _principal(request: Request, credentials: Credentials) -> Principal:
    stand = deps(request)
    authenticator = stand.authenticator or StoredIdentity(stand.identity)
    request.scope["state"]["credentials"] = credentials
    known = request.scope["state"]["caller"] = await authenticator.principal(credentials)
    return known


def _signed(request: Request) -> SignedRequest:
    raw_path = request.scope.get("raw_path") or request.url.path.encode()
    return SignedRequest(
        method=request.scope["state"].get("method", request.method),
        path=raw_path.partition(b"?")[0].decode("latin-1"),
        query=request.scope["query_string"].decode("latin-1"),
        headers=request.headers.raw,
    )


async def plain_body(request: Request, *, patch: bool = False) -> bytes:
    """The body as JSON text; raises UnsupportedMedia for what says that it is something else."""
    expect(request.headers.get("content-type"), patch=patch)
    return decoded(await raw_body(request), _coding(request), deps(request).limits)


def _coding(request: Request) -> str:
    return ",".join(request.headers.getlist("content-encoding"))


def body(model: type[WireT]) -> Callable[[Request], Awaitable[Parsed[WireT]]]:
    """A dependency that reads the body as `model`; what is wrong with it is in the result."""

    async def read(request: Request) -> Parsed[WireT]:
        return _parsed(request, model, await plain_body(request), deps(request).limits)

    return read


def unknown_callers_body(
    model: type[WireT], limits: BodyLimits = LOGIN_LIMITS
) -> Callable[[Request], Awaitable[Parsed[WireT]]]:
    """The same for a request that nobody stands behind: the body is small, and kept apart (`api.body`)."""

    async def read(request: Request) -> Parsed[WireT]:
        expect(request.headers.get("content-type"))
        sent = await _read(request, limits, deps(request).login_room)
        return _parsed(request, model, decoded(sent, _coding(request), limits), limits)

    return read


def _parsed(request: Request, model: type[WireT], text: bytes, limits: BodyLimits) -> Parsed[WireT]:
    sent = json_object(text, limits)
    request.scope["state"]["fields"] = audit.names(sent)
    parsed = model.parse(sent)
    request.scope["state"]["ignored"].extend(parsed.ignored)
    return parsed


async def patch_body(request: Request) -> object:
    """The JSON value in a body that is a JSON Patch. A dependency."""
    sent = json_value(await plain_body(request, patch=True), deps(request).limits)
    request.scope["state"]["fields"] = audit.names(sent)
    return sent


def query(model: type[WireT]) -> Callable[[Request], WireT]:
    """A dependency that reads the query as `model`; raises Invalid with everything that is wrong with it."""

    def read(request: Request) -> WireT:
        parsed = model.parse(_parameters(request, model))
        request.scope["state"]["ignored"].extend(parsed.ignored)
        if parsed.violations:
            raise Invalid(*parsed.violations)
        return parsed.value

    return read


def _parameters(request: Request, model: type[Wire]) -> Mapping[str, str]:
    """The query: a parameter without a value is one that is not there; raises Invalid."""
    parameters: dict[str, str] = {}
    wrong: list[Violation] = []
    for name, value in request.query_params.multi_items():
        if UNSTORABLE.search(value) or UNSTORABLE.search(name):
            wrong.append(Violation(name, NOT_TEXT))
        elif name in model.model_fields and parameters.get(name, value) != value:
            wrong.append(Violation(name, f"is there twice, as {shown(parameters[name])} and as {shown(value)}"))
        elif value:
            parameters[name] = value
    if wrong:
        raise Invalid(*wrong)
    return parameters


def address(request: Request) -> str:
    """Where the call comes from."""
    peer = request.client.host if request.client else ""
    return deps(request).proxies.caller(peer, request.headers.getlist("x-forwarded-for"))


def uncached(response: Response) -> None:
    """The answer holds what only its caller may know: nothing on its way keeps it. A dependency."""
    response.headers["Cache-Control"] = "no-store"


def ignored(request: Request, names: list[str]) -> None:
    """Name keys that were read and do not count."""
    request.scope["state"]["ignored"].extend(names)


Caller = Annotated[Principal, Depends(caller)]
Scraper = Annotated[Principal, Depends(scraper)]
StreamingCaller = Annotated[Principal, Depends(streaming_caller)]
ContextDep = Annotated[Context, Depends(context)]
Everything = Annotated[Deps, Depends(deps)]
