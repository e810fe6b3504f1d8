"""`/docs`: the reference as a page that needs neither a token nor a network."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from modelyard.api import reference

router = APIRouter()


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    return HTMLResponse(reference.page(request.app.openapi()))
