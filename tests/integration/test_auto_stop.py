"""Auto stop, carried out by the loop in virtual time."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds.plane import ALICE, PROJECT, PlaneWorld, plane_world, variant_request

from modelyard.core.admission.service import SettingsRequest
from modelyard.core.schedule import Entry
from modelyard.domain.routing import RouteState
from modelyard.domain.service import Desired, RolloutState, ServiceStatus
from modelyard.operations.services.change import UpdateRequest, update_service

pytestmark = pytest.mark.asyncio
AN_HOUR = SettingsRequest(schedule=(Entry("stop", "HOURS", 1),))
HOUR_MS = 3_600_000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PlaneWorld]:
    async with plane_world(tmp_path) as made:
        yield made


async def scheduled(world: PlaneWorld, service_id: str, settings: SettingsRequest = AN_HOUR) -> None:
    await update_service(world.context, ALICE, PROJECT, service_id, UpdateRequest(settings=settings))


async def running(world: PlaneWorld) -> str:
    service_id = await world.create(variant_request(await world.model("m")))
    await world.converge(service_id)
    return service_id


async def test_it_stops_when_it_is_due_and_not_before(world: PlaneWorld) -> None:
    service_id = await running(world)
    await scheduled(world, service_id)
    version = (await world.service(service_id)).version
    await world.elapse(HOUR_MS - 1_000, service_id)
    assert (await world.service(service_id)).status is ServiceStatus.RUNNING
    await world.run_until(lambda r: r.service.status is ServiceStatus.STOPPED, service_id)
    service = await world.service(service_id)
    assert (service.desired, service.version) == (Desired.STOPPED, version + 1)
    assert service.due_ms is None
    assert await world.running() == []
    assert (route := world.route(service_id)) is not None
    assert route.state is RouteState.STOPPED
    told = [line.split(" ", 2)[2] for line in reversed(await world.events(service_id))]
    begin = told.index("auto stop enabled. The service will stop after 3600 s.")
    assert told[begin + 1 :] == ["auto stop expired", "service being stopped", "service stopped"]


async def test_it_survives_the_control_plane(world: PlaneWorld) -> None:
    service_id = await running(world)
    await scheduled(world, service_id)
    await world.plane.close()
    world.clock.advance(world.clock.now + 2 * HOUR_MS)
    await world.restart()
    await world.run_until(lambda r: r.service.status is ServiceStatus.STOPPED, service_id)


async def test_setting_it_again_begins_anew_and_off_is_off(world: PlaneWorld) -> None:
    service_id = await running(world)
    await scheduled(world, service_id)
    await world.elapse(HOUR_MS // 2, service_id)
    await scheduled(world, service_id)
    await world.elapse(HOUR_MS - 10_000, service_id)
    assert (await world.service(service_id)).status is ServiceStatus.RUNNING
    await scheduled(world, service_id, SettingsRequest(schedule=()))
    await world.elapse(HOUR_MS, service_id)
    service = await world.service(service_id)
    assert (service.status, dict(service.attributes), service.due_ms) == (ServiceStatus.RUNNING, {}, None)


async def test_the_next_start_counts_again(world: PlaneWorld) -> None:
    service_id = await running(world)
    await scheduled(world, service_id)
    await world.run_until(lambda r: r.service.status is ServiceStatus.STOPPED, service_id, limit_ms=2 * HOUR_MS)
    await world.elapse(HOUR_MS, service_id)
    await world.put(service_id, status=Desired.RUNNING)
    await world.converge(service_id)
    service = await world.service(service_id)
    assert service.status is ServiceStatus.RUNNING
    assert service.due_ms is not None
    assert service.due_ms > world.clock.now + HOUR_MS - 60_000


async def test_it_ends_a_rollout(world: PlaneWorld) -> None:
    service_id = await running(world)
    await scheduled(world, service_id)
    record = await world.record(service_id)
    slow = replace(variant_request(await world.model("m", "2.0.0")), deploy_timeout_s=7200)
    world.gateway.hold()
    await world.put(service_id, slow)
    await world.elapse(HOUR_MS, service_id)
    world.gateway.release()
    await world.run_until(lambda r: r.service.status is ServiceStatus.STOPPED, service_id)
    newest = (await world.rollouts(service_id))[0]
    assert (newest.state, newest.cause) == (RolloutState.CANCELLED, "the service was stopped by its schedule")
    assert record.service.revision == 1
