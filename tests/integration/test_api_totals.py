"""What all services of a project may take together, held to by every way of asking for more."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.worlds.api import ApiWorld, api_world, entry

from modelyard.domain.identity import Role
from modelyard.domain.service import ServiceStatus
from modelyard.objects.paths import ObjectPath

MODEL = "m-digits-1.0.0"
SIZE = 2
"""Cores of an instance (modelarts.vm.cpu.2u), which has 8192 MiB."""


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        await made.model()
        context = replace(made.deps.context, instance_disk_mib=1000)
        made.app.state.deps = replace(made.deps, context=context)
        yield made


async def limited(world: ApiWorld, **quotas: int) -> None:
    async with world.store.write() as w:
        for name, value in quotas.items():
            await w.save_quota("p1", name, value)


async def made(world: ApiWorld, name: str, count: int, *, query: str = "") -> httpx.Response:
    config = [entry(MODEL, instance_count=count)]
    body = {"service_name": name, "infer_type": "real-time", "config": config}
    return await world.call("POST", f"/v1/p1/services{query}", body)


async def changed(world: ApiWorld, service_id: str, count: int, **more: Any) -> httpx.Response:
    body = {"config": [entry(MODEL, instance_count=count)], **more}
    return await world.call("PUT", f"/v1/p1/services/{service_id}", body)


async def running(world: ApiWorld, name: str, count: int) -> str:
    answer = await made(world, name, count)
    assert answer.status_code == 200, answer.text
    service_id = str(answer.json()["service_id"])
    await world.brought(service_id, ServiceStatus.RUNNING)
    return service_id


def refused(answer: httpx.Response, quota: str) -> str:
    assert answer.status_code == 400, answer.text
    error = answer.json()
    assert error["error_code"] == "ModelArts.0118"
    assert f"(quota {quota})" in error["error_msg"]
    return str(error["error_msg"])


@pytest.mark.parametrize(
    ("quota", "most"), [("total_cpu", 3 * SIZE), ("total_memory_mib", 3 * 8192), ("total_disk_mib", 3000)]
)
async def test_all_services_together_fit_or_the_next_is_refused(world: ApiWorld, quota: str, most: int) -> None:
    await limited(world, **{quota: most})
    await running(world, "one", 2)
    for query in ("", "?dry_run=true"):
        refused(await made(world, "two", 2, query=query), quota)
    assert (await made(world, "two", 1, query="?dry_run=true")).status_code == 200
    assert (await made(world, "two", 1)).status_code == 200
    refused(await made(world, "three", 1), quota)


async def test_a_refusal_says_what_is_asked_what_is_taken_and_what_is_left(world: ApiWorld) -> None:
    await limited(world, total_cpu=7)
    await running(world, "one", 2)
    text = refused(await made(world, "two", 3), "total_cpu")
    assert "config: asks for 6 cores; of the 7 that the project may have" in text
    assert "other services take 4, 3 are left" in text


async def test_who_lowers_is_never_refused_and_who_raises_is(world: ApiWorld) -> None:
    first, second = await running(world, "one", 3), await running(world, "two", 3)
    await limited(world, total_cpu=2 * SIZE)
    refused(await changed(world, first, 4), "total_cpu")
    assert (await changed(world, first, 3)).status_code == 200, "as much as before"
    await world.brought(first, ServiceStatus.RUNNING)
    assert (await changed(world, first, 2)).status_code == 200
    assert (await world.call("PUT", f"/v1/p1/services/{second}", {"description": "x"})).status_code == 200
    patch = [{"op": "replace", "path": "/config/0/instance_count", "value": 4}]
    refused(await world.call("PATCH", f"/v1/p1/services/{second}", patch), "total_cpu")
    resize = {"changed_property": "instance_count", "configs": [{"model_id": MODEL, "changed_value": 5}]}
    answer = await world.call("PUT", f"/v1/p1/services/{second}/property", resize)
    assert answer.status_code == 400, answer.text


async def test_what_stands_takes_nothing_and_needs_room_to_start(world: ApiWorld) -> None:
    first = await running(world, "one", 2)
    await world.call("PUT", f"/v1/p1/services/{first}", {"status": "stopped"})
    await world.brought(first, ServiceStatus.STOPPED)
    await limited(world, total_cpu=3 * SIZE)
    second = await running(world, "two", 2)
    text = refused(await world.call("PUT", f"/v1/p1/services/{first}", {"status": "running"}), "total_cpu")
    assert text.startswith("status: ")
    assert (await changed(world, first, 5)).status_code == 200, "stored for the next start"
    assert (await world.call("DELETE", f"/v1/p1/services/{second}")).status_code == 200
    assert (await changed(world, first, 3)).status_code == 200
    started = await world.call("PUT", f"/v1/p1/services/{first}", {"status": "running"})
    assert started.status_code == 200, started.text


async def test_what_still_runs_has_its_room_until_it_ended(world: ApiWorld) -> None:
    first = await running(world, "one", 2)
    await world.instances(first, "i1", "i2")
    await limited(world, total_cpu=2 * SIZE)
    assert (await world.call("PUT", f"/v1/p1/services/{first}", {"status": "stopped"})).status_code == 200
    refused(await made(world, "two", 1), "total_cpu")


async def test_of_two_at_once_one_is_refused(world: ApiWorld) -> None:
    first, second = await running(world, "one", 1), await running(world, "two", 1)
    await limited(world, total_cpu=3 * SIZE)
    answers = await asyncio.gather(changed(world, first, 2), changed(world, second, 2))
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    answers = await asyncio.gather(*(made(world, f"s{n}", 1) for n in range(5)))
    assert [answer.status_code for answer in answers] == [400] * 5


async def test_another_project_is_not_counted(world: ApiWorld) -> None:
    await running(world, "one", 3)
    async with world.store.write() as w:
        await w.save_quota("p2", "total_cpu", SIZE)
        for model in (await w.models_by_id("p1", {MODEL})).values():
            await w.add_model(replace(model, id="m-other", project_id="p2"))
    from tests.worlds.api import SECOND

    body = {"service_name": "s", "infer_type": "real-time", "config": [entry("m-other")]}
    assert (await world.call("POST", "/v1/p2/services", body, user="other", project=SECOND)).status_code == 200


async def test_a_bound_on_disk_that_nobody_holds_instances_to_is_refused(world: ApiWorld) -> None:
    async with world.store.write() as w:
        await w.grant("u-admin", "system", Role.ADMIN)
    path, wanted = "/v1/modelyard/admin/projects/p1/quotas", {"quotas": {"total_disk_mib": 5000}}
    assert (await world.call("PUT", path, wanted)).status_code == 200
    world.app.state.deps = replace(world.deps, context=replace(world.deps.context, instance_disk_mib=0))
    answer = await world.call("PUT", path, wanted)
    assert answer.status_code == 400
    assert "MODELYARD_INSTANCE_DISK_MIB" in answer.json()["error_msg"]
    assert (await world.call("PUT", path, {"quotas": {"total_disk_mib": 10**12}})).status_code == 200, "no bound"


async def test_what_is_taken_is_shown_beside_the_quotas(world: ApiWorld) -> None:
    await running(world, "one", 2)
    async with world.store.write() as w:
        await w.grant("u-admin", "system", Role.ADMIN)
    shown = (await world.call("GET", "/v1/modelyard/admin/projects/p1/quotas")).json()
    assert {name: shown["used"][name] for name in ("total_cpu", "total_memory_mib", "total_disk_mib")} == {
        "total_cpu": 4.0,
        "total_memory_mib": 16384,
        "total_disk_mib": 2000,
    }


async def test_everything_that_a_quota_counts_is_shown_beside_it(world: ApiWorld) -> None:
    await running(world, "one", 1)
    async with world.store.write() as w:
        await w.grant("u-admin", "system", Role.ADMIN)
        await w.claim_bucket("scores", "p1")
    await world.deps.storage.objects.write(ObjectPath("scores", "a"), b"12345")
    assert (await world.call("POST", "/v2/p1/notifications/topics", {"name": "alerts"})).status_code < 300
    used = (await world.call("GET", "/v1/modelyard/admin/projects/p1/quotas")).json()["used"]
    assert {name: value for name, value in used.items() if not name.startswith("total_")} == {
        "real_time_services": 1,
        "batch_services": 0,
        "buckets": 1,
        "objects_max_bytes": 5,
        "topics": 1,
        "subscriptions": 0,
        "messages": 0,
    }
