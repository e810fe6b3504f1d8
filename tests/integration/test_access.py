"""From the store to the gateway: revoked tokens, AppCodes; at a start and at each change."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.worlds.plane import ALICE, PROJECT, PlaneWorld, plane_world, variant_request

from modelyard.control.access import revocations
from modelyard.domain.identity import Project, Revocations
from modelyard.operations import apps

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PlaneWorld]:
    async with plane_world(tmp_path) as made:
        async with made.store.write() as w:
            await w.save_project(Project(PROJECT, "project", "d1", "domain"))
        yield made


async def service(world: PlaneWorld) -> str:
    model = await world.model("iris")
    made = await world.create(variant_request(model))
    await world.settle()
    return str(made)


async def bound(world: PlaneWorld) -> tuple[str, str, str]:
    """(service, application, code)."""
    service_id = await service(world)
    made = await apps.create(world.context, ALICE, PROJECT, "shop")
    await apps.bind(world.context, ALICE, PROJECT, service_id, [made.app.id])
    await world.settle()
    return service_id, made.app.id, made.codes[0].code


def published(world: PlaneWorld, service_id: str) -> tuple[str, ...]:
    acked = world.gateway.view(service_id).acked
    assert acked is not None
    return acked.app_codes


async def test_a_code_is_a_part_of_its_services_route(world: PlaneWorld) -> None:
    service_id, app_id, code = await bound(world)
    assert published(world, service_id) == (code,)
    assert code not in repr(world.gateway.history)
    await apps.delete(world.context, ALICE, PROJECT, app_id)
    await world.settle()
    assert published(world, service_id) == ()


async def test_other_services_are_not_pushed(world: PlaneWorld) -> None:
    service_id, app_id, _ = await bound(world)
    world.gateway.history.clear()
    await apps.create_code(world.context, ALICE, PROJECT, app_id)
    await world.settle()
    assert [changed for changed, _ in world.gateway.history] == [service_id]


async def test_a_fresh_control_plane_knows_codes_and_revocations(world: PlaneWorld) -> None:
    service_id, _, code = await bound(world)
    async with world.store.write() as w:
        await w.revoke_tokens("u9", world.clock.now)
    world.gateway.revoked = {}
    await world.restart()
    await world.settle()
    assert published(world, service_id) == (code,)
    assert world.gateway.revoked == {"u9": -(-world.clock.now // 1000)}


async def test_a_disabled_project_has_no_codes(world: PlaneWorld) -> None:
    service_id, _, code = await bound(world)
    for enabled, expected in ((False, ()), (True, (code,))):
        async with world.store.write() as w:
            await w.save_project(Project(PROJECT, "project", "d1", "domain", enabled))
        world.context.nudge("access", PROJECT)
        await world.settle()
        assert published(world, service_id) == expected


@pytest.mark.parametrize(
    ("revoked", "now_ms", "users", "tokens"),
    [
        pytest.param({"u": 10_000}, 10_000, {"u": 10}, {}, id="a whole second"),
        pytest.param({"u": 10_001}, 10_001, {"u": 11}, {}, id="later in the second"),
        pytest.param({"u": 10_000}, 10_000 + DAY_MS, {"u": 10}, {}, id="a day later, clocks differ"),
        pytest.param({"u": 10_000}, 70_000 + DAY_MS, {}, {}, id="every token of then has expired"),
        pytest.param(
            {("u", "a"): 9_000, ("u", "b"): 9_000, ("v", "a"): 9_000},
            8_000,
            {},
            {"u": frozenset("ab"), "v": frozenset("a")},
            id="single tokens",
        ),
        pytest.param({("u", "a"): 9_000}, 69_001, {}, {}, id="a single token that has expired"),
    ],
)
def test_what_the_gateway_is_told(
    revoked: dict[str | tuple[str, str], int],
    now_ms: int,
    users: dict[str, int],
    tokens: dict[str, frozenset[str]],
) -> None:
    stored = Revocations(
        {key: time for key, time in revoked.items() if isinstance(key, str)},
        {key: time for key, time in revoked.items() if not isinstance(key, str)},
    )
    assert revocations(stored, now_ms, DAY_MS) == (users, tokens)
