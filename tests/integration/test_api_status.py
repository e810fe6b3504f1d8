"""`/v1/{project_id}/modelyard/status`: who may see how the installation stands, and what of it."""

from collections.abc import AsyncIterator

import pytest
from tests.worlds.api import SECOND, ApiWorld, api_world

from modelyard import __version__


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


PATH = "/v1/p1/modelyard/status"


async def test_how_the_installation_stands(world: ApiWorld) -> None:
    answer = await world.call("GET", PATH)
    assert answer.status_code == 200
    assert answer.json() == {
        "version": __version__,
        "gateway": {"connected": False},
        "instances": {},
        "disk": {"free": "0 MiB of 0 MiB", "state": "ok", "reserve": "not kept: no room"},
        "limits": {},
    }


async def test_only_who_may_read_here_is_told(world: ApiWorld) -> None:
    assert (await world.call("GET", PATH, project=SECOND)).status_code == 403
    assert (await world.client.get(PATH)).status_code == 401
    assert (await world.client.get("/healthz")).json() == {"status": "ok", "version": __version__}
