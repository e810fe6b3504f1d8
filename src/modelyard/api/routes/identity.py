"""Identity: `/v3`, in Keystone's shape (contract §6)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from modelyard.api import keystone
from modelyard.api.documents import ERRORS, takes
from modelyard.api.requests import Caller, Deps, Everything, address, query, unknown_callers_body
from modelyard.api.schemas import identity as wire
from modelyard.api.schemas.wire import Parsed
from modelyard.domain.errors import NotFound, Unauthenticated
from modelyard.iam.tokens import Token
from modelyard.operations import acting, identity

root = APIRouter(tags=["identity"])
router = APIRouter(prefix="/v3", tags=["identity"], responses=ERRORS)

SUBJECT = "X-Subject-Token"

Json = dict[str, Any]


def base_url(request: Request, deps: Deps) -> str:
    """Where callers reach this API, without a slash at the end."""
    return deps.api_url.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"


@root.get("/", summary="Versions of the identity API", status_code=300, response_class=JSONResponse)
async def versions(request: Request, deps: Everything) -> JSONResponse:
    return JSONResponse(keystone.versions(base_url(request, deps)), status_code=300)


@router.get("", summary="Version of the identity API")
@router.get("/", include_in_schema=False)
async def version(request: Request, deps: Everything) -> Json:
    return keystone.version(base_url(request, deps))


@router.post("/auth/tokens", summary="Log in", status_code=201, openapi_extra=takes(wire.LoginBody, wire.EXAMPLE))
async def log_in(
    request: Request,
    deps: Everything,
    asked: Annotated[wire.Change, Depends(query(wire.Change))],
    sent: Annotated[Parsed[wire.LoginBody], Depends(unknown_callers_body(wire.LoginBody))],
) -> Response:
    """With a password or a token. The answer's header X-Subject-Token is the token; it lives for 24 hours."""
    login = keystone.login(sent, address(request))
    if login.token is None:
        acting.claimed(login.user.name or login.user.id or "nobody")
    text, token = await identity.log_in(deps.identity, login)
    request.scope["state"]["caller"] = token.principal
    with_catalog = "nocatalog" not in request.query_params
    return _token_answer(request, deps, text, token, with_catalog=with_catalog, status=201)


@router.get("/auth/tokens", summary="Validate a token")
async def validate(request: Request, deps: Everything, caller: Caller) -> Response:
    """Says what the token in X-Subject-Token is; 404 when it is none."""
    del caller
    text = request.headers.get(SUBJECT, "")
    try:
        token = await identity.token_now(deps.identity, text)
    except Unauthenticated as error:
        raise NotFound("token", "in X-Subject-Token") from error
    return _token_answer(request, deps, text, token, with_catalog="nocatalog" not in request.query_params)


@router.delete("/auth/tokens", summary="Revoke a token", status_code=204, response_class=Response)
async def revoke(request: Request, deps: Everything, caller: Caller) -> Response:
    """The one in X-Subject-Token, within seconds also at the gateway. Other tokens of its user stay good."""
    text = request.headers.get(SUBJECT, "")
    await identity.revoke(deps.identity, caller, text, deps.context.nudge)
    return Response(status_code=204)


@router.get("/auth/catalog", summary="Where the services are")
async def catalog(request: Request, deps: Everything, caller: Caller) -> Json:
    base = base_url(request, deps)
    services = keystone.catalog(base, deps.region, caller.project_id)
    return {"catalog": services, "links": {"self": f"{base}/v3/auth/catalog", "previous": None, "next": None}}


@router.get("/auth/projects", summary="List projects that a token can be scoped to")
async def my_projects(request: Request, deps: Everything, caller: Caller) -> Json:
    return keystone.projects(base_url(request, deps), await identity.projects(deps.identity, caller))


@router.get("/auth/domains", summary="List domains that a token can be scoped to")
async def my_domains(request: Request, deps: Everything, caller: Caller) -> Json:
    return keystone.domains(base_url(request, deps), [(caller.domain_id, caller.domain_name)])


def _token_answer(
    request: Request, deps: Deps, text: str, token: Token, *, with_catalog: bool, status: int = 200
) -> JSONResponse:
    base, project_id = base_url(request, deps), token.principal.project_id
    catalog = keystone.catalog(base, deps.region, project_id) if with_catalog else None
    headers = {SUBJECT: text, "Vary": "X-Auth-Token"}
    return JSONResponse(keystone.token(token, catalog), status_code=status, headers=headers)
