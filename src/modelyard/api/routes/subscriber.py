"""What subscribers call without a login: they have a token that nobody guesses, and the certificate is for all.

A program that visits a link has done what the link is for, as with SMN. A browser gets a page with a button
instead: mail servers and browsers visit links that nobody clicked. HEAD does nothing.
"""

from html import escape
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from modelyard.api.auditing import acts
from modelyard.api.documents import ERRORS, asks
from modelyard.api.envelope import request_id
from modelyard.api.requests import ContextDep, query
from modelyard.api.schemas import notifications as wire
from modelyard.domain.errors import NotFound
from modelyard.notify.signing import CERTIFICATES, CONFIRM, UNSUBSCRIBE, certificate_id
from modelyard.operations import acting, subscriptions

router = APIRouter(tags=["notifications"], responses=ERRORS)

SDK_CONFIRM = "/v2/notifications/subscriptions/subscribe"
SDK_UNSUBSCRIBE = "/v2/notifications/subscriptions/unsubscribe"
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "X-Frame-Options": "DENY",
}
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem}button{font:inherit}"
)

Confirm = Annotated[wire.ConfirmQuery, Depends(query(wire.ConfirmQuery))]
Unsubscribe = Annotated[wire.UnsubscribeQuery, Depends(query(wire.UnsubscribeQuery))]


@router.get(CONFIRM, summary="Confirm a subscription", openapi_extra=asks(wire.ConfirmQuery))
@router.get(SDK_CONFIRM, include_in_schema=False)
@acts
async def confirm(ctx: ContextDep, request: Request, asked: Confirm) -> Response:
    """What a subscribe_url leads to, within 48 hours. A browser is asked first."""
    if _looks_only(request):
        return _question(request, f"Receive notifications of {asked.topic_urn}?", "Confirm")
    return await confirmed(ctx, request, asked)


@router.post(CONFIRM, summary="Confirm a subscription, from a browser", openapi_extra=asks(wire.ConfirmQuery))
async def confirmed(ctx: ContextDep, request: Request, asked: Confirm) -> Response:
    """What the button does."""
    one = await subscriptions.confirm(ctx, asked.topic_urn or "", asked.token or "")
    return _done(request, one.urn, f"You receive notifications of {one.topic_urn} now.")


@router.get(UNSUBSCRIBE, summary="Leave a subscription", openapi_extra=asks(wire.UnsubscribeQuery))
@router.get(SDK_UNSUBSCRIBE, include_in_schema=False)
@acts
async def unsubscribe(ctx: ContextDep, request: Request, asked: Unsubscribe) -> Response:
    """What an unsubscribe_url leads to. A browser is asked first."""
    if _looks_only(request):
        return _question(request, f"No more notifications for {asked.subscription_urn}?", "Unsubscribe")
    return await unsubscribed(ctx, request, asked)


@router.post(UNSUBSCRIBE, summary="Leave a subscription at once", openapi_extra=asks(wire.UnsubscribeQuery))
async def unsubscribed(ctx: ContextDep, request: Request, asked: Unsubscribe) -> Response:
    """What the button does, and mail programs with one click (RFC 8058)."""
    one = await subscriptions.unsubscribe(ctx, asked.subscription_urn or "", asked.token or "")
    return _done(request, one.urn, f"You receive no more notifications of {one.topic_urn}.")


@router.get(CERTIFICATES + "/{certificate}", summary="The certificate that messages are signed under")
async def certificate(ctx: ContextDep, certificate: str) -> Response:
    """What a signing_cert_url leads to: PEM. Also those that are not signed under any more."""
    id = certificate_id(certificate)
    pem = await ctx.notifications.certificate(id) if id else None
    if pem is None:
        raise NotFound("certificate", certificate)
    return Response(pem, media_type="application/x-pem-file", headers={"Cache-Control": "public, max-age=86400"})


def _looks_only(request: Request) -> bool:
    return _browser(request) or request.scope["state"]["method"] == "HEAD"


def _browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _question(request: Request, text: str, button: str) -> Response:
    acting.unchanged()
    action = escape(f"{request.url.path}?{request.url.query}", quote=True)
    form = f'<form method="post" action="{action}"><button>{button}</button></form>'
    return _page(f"<p>{escape(text)}</p>{form}")


def _done(request: Request, subscription_urn: str, text: str) -> Response:
    if _browser(request):
        return _page(f"<p>{escape(text)}</p>")
    answer = {"request_id": request_id(request), "subscription_urn": subscription_urn, "message": text}
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


def _page(content: str) -> Response:
    head = f'<meta charset="utf-8"><title>Modelyard</title><style>{STYLE}</style>'
    return HTMLResponse(f'<!doctype html><html lang="en">{head}{content}</html>', headers=HEADERS)
