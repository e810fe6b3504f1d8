"""`Allow` of a method that is not known: exactly the methods that OpenAPI has for the path."""

import httpx
import pytest

from modelyard.api.app import bare_app


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        pytest.param("PATCH", "/v1/p/services", "GET, HEAD, POST", id="several-routes"),
        pytest.param("POST", "/v1/p/services/x", "DELETE, GET, HEAD, PATCH, PUT", id="one-service"),
        pytest.param("OPTIONS", "/v1/p/services/specifications", "GET, HEAD", id="literal-path-goes-first"),
    ],
)
async def test_every_method_of_the_path_is_named(method: str, path: str, allowed: str) -> None:
    transport = httpx.ASGITransport(app=bare_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
