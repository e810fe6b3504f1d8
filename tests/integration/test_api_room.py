"""Sizes against what is there, on every way that a size takes into a service, and where flavors are opened."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from tests.worlds.api import ApiWorld, api_world, entry

from modelyard.domain.capacity import FlavorEntry, PoolEntry
from modelyard.domain.identity import SYSTEM, Role
from modelyard.domain.resources import Capacity
from modelyard.domain.service import ServiceStatus

GPU = "modelarts.vm.gpu.p4"
SERVICES = "/v1/p1/services"
FLAVORS = "/v1/modelyard/admin/flavors"
SPEC = "config[0].specification"


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        context = replace(made.deps.context, capacity=Capacity(2, 8000, 0, 0))
        made.app.state.deps = replace(made.deps, context=context)
        await made.model()
        async with made.store.write() as w:
            await w.grant("u-admin", SYSTEM, Role.ADMIN)
            await w.save_flavor(FlavorEntry(GPU, True))
            await w.save_flavor(FlavorEntry("huge", True, {"cpu": 64, "memory_mib": 1024}))
            await w.save_flavor(FlavorEntry("one", True, {"cpu": 1, "memory_mib": 1024}))
            await w.save_pool(PoolEntry("pool-1", "p1", "lab", "running", 1, {"cpu": 3}))
        yield made


def config(**more: Any) -> dict[str, Any]:
    return {"config": [entry("m-digits-1.0.0", **more)]}


ASKED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a GPU": (config(specification=GPU), SPEC, "1 GPU, of which there are 0"),
    "cores": (config(specification="huge"), SPEC, "64 cores, of which there are 2"),
    "a size of one's own": (
        config(specification="custom", pool_name="lab", custom_spec={"cpu": 1_000_000, "memory": 1}),
        "config[0].custom_spec",
        "1000000 cores, of which there are 2",
    ),
    "more than a pool has": (
        config(specification="one", pool_name="lab", instance_count=4),
        "config",
        "into the pool 'lab': it takes 4 cores, of which 3 are free",
    ),
}


@pytest.mark.parametrize("dry", ["", "?dry_run=true"], ids=["", "dry-run"])
@pytest.mark.parametrize(("body", "field", "text"), ASKED.values(), ids=ASKED.keys())
async def test_what_does_not_fit_is_refused(
    world: ApiWorld, body: dict[str, Any], field: str, text: str, dry: str
) -> None:
    service_id = await world.service()
    created = {"service_name": "new", "infer_type": "real-time", **body}
    for method, path, sent in (("POST", SERVICES, created), ("PUT", f"{SERVICES}/{service_id}", body)):
        answer = await world.call(method, path + dry, sent)
        assert answer.status_code == 400, answer.text
        assert [(d["field"], text in d["error_msg"]) for d in answer.json()["details"]] == [(field, True)]


async def test_a_patch_and_a_count_are_held_against_it_too(world: ApiWorld) -> None:
    service_id = await world.service()
    path = f"{SERVICES}/{service_id}"
    patch = [{"op": "replace", "path": "/config/0/specification", "value": "huge"}]
    assert "64 cores" in (await world.call("PATCH", path, patch)).json()["error_msg"]
    small = {"config": [entry("m-digits-service-1.0.0", specification="one", pool_name="lab", instance_count=3)]}
    assert (await world.call("PUT", path, small)).status_code == 200
    await world.brought(service_id, ServiceStatus.RUNNING)
    more = {
        "changed_property": "instance_count",
        "configs": [{"model_id": "m-digits-service-1.0.0", "changed_value": "4"}],
    }
    assert "of which 3 are free" in (await world.call("PUT", f"{path}/property", more)).json()["error_msg"]


async def test_what_other_services_have_of_a_pool_is_not_free_until_they_stop(world: ApiWorld) -> None:
    first = {
        **{"service_name": "first", "infer_type": "real-time"},
        **config(specification="one", pool_name="lab", instance_count=2),
    }
    service_id = (await world.call("POST", SERVICES, first)).json()["service_id"]
    second = {**first, "service_name": "second"}
    assert "2 cores, of which 1 are free" in (await world.call("POST", SERVICES, second)).json()["error_msg"]
    assert (await world.call("PUT", f"{SERVICES}/{service_id}", {"status": "stopped"})).status_code == 200
    assert (await world.call("POST", SERVICES, second)).status_code == 200


async def test_what_was_admitted_before_can_be_changed_otherwise(world: ApiWorld) -> None:
    """An earlier release let it in: whatever leaves its size alone is no matter of its size."""
    context = replace(world.deps.context, capacity=Capacity())
    world.app.state.deps = replace(world.deps, context=context)
    service_id = await world.service()
    path = f"{SERVICES}/{service_id}"
    body = {"config": [entry("m-digits-service-1.0.0", specification=GPU)]}
    assert (await world.call("PUT", path, body)).status_code == 200
    await world.brought(service_id, ServiceStatus.STOPPED)
    world.app.state.deps = replace(world.deps, context=replace(context, capacity=Capacity(2, 8000, 0, 0)))
    for change in ({"description": "x"}, {"status": "running"}):
        assert (await world.call("PUT", path, change)).status_code == 200


OPENINGS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "open": ("PATCH", "/modelarts.vm.gpu.pnt004", {"open": True}, "open"),
    "open for one": ("PATCH", "/modelarts.vm.gpu.pnt004", {"open_projects": ["p1"]}, "open_projects"),
    "add an open one": ("POST", "", {"name": "n", "cpu": 3, "memory_mib": 1, "open": True}, "open"),
    "let an open one grow": ("PATCH", "/one", {"memory_mib": 8001}, "memory_mib"),
    "unknown category": ("POST", "", {"name": "n", "cpu": 1, "memory_mib": 1, "category": "TPU"}, "category"),
    "too large a number": ("POST", "", {"name": "n", "cpu": 1e17, "memory_mib": 1}, "cpu"),
}


@pytest.mark.parametrize(("method", "path", "body", "field"), OPENINGS.values(), ids=OPENINGS.keys())
async def test_what_nobody_could_use_is_not_opened(
    world: ApiWorld, method: str, path: str, body: dict[str, Any], field: str
) -> None:
    answer = await world.call(method, FLAVORS + path, body)
    assert answer.status_code == 400, answer.text
    assert [d["field"] for d in answer.json()["details"]] == [field]


async def test_what_does_not_fit_is_sold_out_can_be_closed_and_kept_closed(world: ApiWorld) -> None:
    shown = (await world.call("GET", f"{SERVICES}/specifications")).json()["specifications"]
    status = {one["specification"]: one["spec_status"] for one in shown}
    assert (status[GPU], status["huge"], status["one"], status["modelarts.vm.cpu.2u"]) == (
        *("sellout", "sellout"),
        *("normal", "normal"),
    )
    assert (await world.call("PATCH", f"{FLAVORS}/huge", {"open": False})).status_code == 200
    closed = {"name": "later", "cpu": 128, "memory_mib": 1024, "category": "GPU", "accelerators": 8}
    assert (await world.call("POST", FLAVORS, closed)).status_code == 200


async def test_a_pool_has_no_negative_size(world: ApiWorld) -> None:
    body = {"project_id": "p1", "name": "n", "cpu": -1}
    answer = await world.call("POST", "/v1/modelyard/admin/pools", body)
    assert [d["field"] for d in answer.json()["details"]] == ["cpu"]
    assert (await world.call("PATCH", "/v1/modelyard/admin/pools/pool-1", {"memory_mib": 0})).status_code == 400
