"""Pools over the API: rows that name engines, how they stand, what is used of them, and moving between them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.worlds.api import ApiWorld, api_world, entry
from tests.worlds.pools import CONTAINERS, HERE, OTHERS, PROCESSES, FakePools

from modelyard.control.pools import PoolWatch
from modelyard.domain.capacity import FlavorEntry, PoolEntry
from modelyard.domain.identity import SYSTEM, Role
from modelyard.domain.pools import Node, Sight
from modelyard.domain.resources import Capacity
from modelyard.domain.service import ServiceStatus
from modelyard.operations.context import PoolPorts

ADMIN = "/v1/modelyard/admin/pools"
SERVICES = "/v1/p1/services"
MODEL = "m-digits-1.0.0"


@dataclass
class Pools:
    """An API whose pools are watched."""

    world: ApiWorld
    engines: FakePools
    watch: PoolWatch

    async def add(self, name: str, **fields: Any) -> str:
        answer = await self.world.call("POST", ADMIN, {"project_id": "p1", "name": name, **fields})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["pool_id"])

    async def refused(self, body: dict[str, Any]) -> list[tuple[str, str]]:
        answer = await self.world.call("POST", ADMIN, {"project_id": "p1", "name": "new", **body})
        assert answer.status_code == 400, answer.text
        assert len((await self.world.call("GET", ADMIN)).json()["pools"]) == 0
        return [(d["field"], d["error_msg"]) for d in answer.json()["details"]]

    async def look(self) -> None:
        await self.watch.round()
        await self.watch.settled()

    async def cluster(self, name: str) -> dict[str, Any]:
        (found,) = (await self.world.call("GET", f"/v1/p1/clusters?cluster_name={name}")).json()["clusters"]
        return dict(found)

    async def create(self, name: str = "svc", *, dry: bool = False, **more: Any) -> Any:
        body = {"service_name": name, "infer_type": "real-time", "config": [entry(MODEL, **more)]}
        return await self.world.call("POST", SERVICES + ("?dry_run=true" if dry else ""), body)


@pytest.fixture
async def pools() -> AsyncIterator[Pools]:
    async with api_world() as world:
        engines = FakePools()
        watch = PoolWatch(world.store, engines, lambda key: world.nudges.append(("service", key)), world.clock)
        ports = PoolPorts(watch.sight, watch.look)
        context = replace(world.deps.context, pools=ports, capacity=Capacity(2, 2048, 0, 0))
        world.app.state.deps = replace(world.deps, context=context)
        await world.model()
        async with world.store.write() as w:
            await w.grant("u-admin", SYSTEM, Role.ADMIN)
            await w.save_flavor(FlavorEntry("one", True, {"cpu": 1, "memory_mib": 1024}))
            await w.save_flavor(FlavorEntry("four", True, {"cpu": 4, "memory_mib": 2048}))
        yield Pools(world, engines, watch)


# Rows.


async def test_a_row_names_its_engine_and_says_how_that_was_seen(pools: Pools) -> None:
    pool_id = await pools.add("lab", engine="container", endpoint=CONTAINERS.endpoint, cpu=3, nodes=["here"])
    await pools.add("plain")
    shown = {one["name"]: one for one in (await pools.world.call("GET", ADMIN)).json()["pools"]}
    expected = {
        **{
            "pool_id": pool_id,
            "engine": "container",
            "endpoint": CONTAINERS.endpoint,
            "cpu": 3,
            "status": "running",
        },
        **{"effective_status": "running", "runs_on": "a fake engine", "seen_nodes": ["here"], "nodes": ["here"]},
    }
    assert shown["lab"].items() >= expected.items()
    assert shown["plain"]["engine"] == "process"
    assert "endpoint" not in shown["plain"]
    async with pools.world.store.read() as r:
        (plain,) = [one for one in await r.pools("p1") if one.name == "plain"]
    assert plain.attributes == {}


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown engine": ({"engine": "swarm"}, "engine", "must be one of process, container"),
    "another shape": ({"engine": "container", "endpoint": "tcp://h:1"}, "endpoint", "must be unix:///PATH"),
    "processes have none": ({"endpoint": "unix:///run/x"}, "endpoint", "processes are of this machine"),
    "no node of it": ({"nodes": ["n1"]}, "nodes", "has 'n1', but the nodes that are there are 'here'"),
    "a negative size": ({"cpu": -1}, "cpu", "is -1"),
}


@pytest.mark.parametrize(("body", "field", "text"), BAD.values(), ids=BAD.keys())
async def test_what_a_row_cannot_say(pools: Pools, body: dict[str, Any], field: str, text: str) -> None:
    ((found, said),) = await pools.refused(body)
    assert found == field
    assert text in said


async def test_an_engine_that_cannot_be_reached_is_refused(pools: Pools) -> None:
    pools.engines.away(CONTAINERS, "no such file")
    ((field, text),) = await pools.refused({"engine": "container", "endpoint": CONTAINERS.endpoint})
    assert field == "endpoint"
    assert CONTAINERS.endpoint in text
    assert "which cannot be used now: no such file" in text
    pools.engines.away(replace(CONTAINERS, endpoint=""), "no container engine is set")
    assert await pools.refused({"engine": "container"}) == [
        ("engine", "is 'container', which cannot be used now: no container engine is set")
    ]


async def test_an_engine_stays_while_a_service_uses_the_pool(pools: Pools) -> None:
    pool_id = await pools.add("lab")
    assert (await pools.create(pool_name="lab")).status_code == 200
    path = f"{ADMIN}/{pool_id}"
    refused = await pools.world.call("PATCH", path, {"engine": "container", "endpoint": OTHERS.endpoint})
    assert refused.status_code == 400, refused.text
    assert "'svc'" in refused.json()["error_msg"]
    assert (await pools.world.call("PATCH", path, {"engine": "process", "cpu": 8})).status_code == 200
    assert (await pools.world.call("PATCH", path, {"endpoint": "unix:///x"})).status_code == 400


async def test_an_unused_pool_changes_its_engine_and_what_went_with_it_goes(pools: Pools) -> None:
    pool_id = await pools.add("lab", engine="container", endpoint=CONTAINERS.endpoint, nodes=["here"], cpu=3)
    path = f"{ADMIN}/{pool_id}"
    pools.engines.sights[OTHERS] = Sight("other", "", (Node("there"),))
    changed = (await pools.world.call("PATCH", path, {"endpoint": OTHERS.endpoint})).json()
    assert (changed["endpoint"], changed["seen_nodes"], "nodes" in changed) == (OTHERS.endpoint, ["there"], False)
    changed = (await pools.world.call("PATCH", path, {"engine": "process"})).json()
    assert (changed["engine"], "endpoint" in changed, changed["cpu"]) == ("process", False, 3)
    pools.engines.away(CONTAINERS)
    gone = {"engine": "container", "endpoint": CONTAINERS.endpoint}
    assert (await pools.world.call("PATCH", path, gone)).status_code == 400
    assert (await pools.world.call("PATCH", path, {"status": "abnormal"})).status_code == 200


async def test_names_are_unique(pools: Pools) -> None:
    await pools.add("lab")
    answer = await pools.world.call("POST", ADMIN, {"project_id": "p1", "name": "lab"})
    assert answer.status_code == 409


# Health.


async def test_a_pool_out_of_reach_takes_nothing_new_and_changes_nothing_that_is_there(pools: Pools) -> None:
    await pools.add("lab", engine="container", endpoint=CONTAINERS.endpoint)
    await pools.add("plain")
    service_id = (await pools.create(pool_name="lab")).json()["service_id"]
    await pools.world.brought(service_id, ServiceStatus.RUNNING)
    pools.engines.away(CONTAINERS)
    await pools.look()
    for dry in (False, True):
        refused = await pools.create("second", dry=dry, pool_name="lab")
        ((field, text),) = [(d["field"], d["error_msg"]) for d in refused.json()["details"]]
        assert field == "config[0].pool_name"
        assert "resource pool 'lab' is abnormal, it must be running: connection refused" in text
    path = f"{SERVICES}/{service_id}"
    assert (await pools.world.call("PUT", path, {"config": [entry(MODEL, pool_name="lab")]})).status_code == 400
    assert (await pools.world.call("PUT", path, {"description": "x"})).status_code == 200
    assert (await pools.create("elsewhere", pool_name="plain")).status_code == 200
    cluster = await pools.cluster("lab")
    assert (cluster["status"], cluster["nodes"]["count"], cluster["nodes"]["available_count"]) == (
        "abnormal",
        1,
        0,
    )
    assert (await pools.world.call("GET", "/v1/p1/clusters?status=running")).json()["total_count"] == 1
    events = (await pools.world.call("GET", f"{path}/events")).json()["events"]
    assert "the resource pool 'lab' is abnormal: connection refused" in [one["event_info"] for one in events]
    pools.engines.back(CONTAINERS)
    await pools.look()
    assert (await pools.create("second", pool_name="lab")).status_code == 200


async def test_nobody_asks_an_engine_to_read_or_admit(pools: Pools) -> None:
    await pools.add("lab")
    asked = len(pools.engines.asked)
    pools.engines.hangs = {PROCESSES}
    assert (await pools.create(pool_name="lab")).status_code == 200
    for path in ("/v1/p1/clusters", "/v1/p1/modelyard/pools", ADMIN, "/metrics"):
        assert (await pools.world.call("GET", path)).status_code == 200
    assert len(pools.engines.asked) == asked


# Room.


async def test_what_is_used_and_left_is_shown_everywhere(pools: Pools) -> None:
    pool_id = await pools.add("lab", cpu=3, description="of the lab")
    assert (await pools.create(specification="one", pool_name="lab", instance_count=2)).status_code == 200
    cluster = await pools.cluster("lab")
    assert (cluster["allocatable_cpu_cores"], cluster["allocatable_memory"], cluster["allocatable_gpus"]) == (
        1,
        2048,
        1,
    )
    detail = (await pools.world.call("GET", f"/v1/p1/clusters/{pool_id}")).json()
    shown = detail.pop("pool")
    assert detail == cluster
    node = {"name": "here", "ready": True, "cpu_cores": 4, "memory": 4096, "gpus": 1, "npus": 0}
    assert shown == {
        **{"pool_id": pool_id, "pool_name": "lab", "description": "of the lab", "status": "running"},
        **{"engine": "process", "runs_on": "a fake engine", "nodes": [node]},
        **{"capacity_cpu_cores": 3, "capacity_memory": 4096, "capacity_gpus": 1, "capacity_npus": 0},
        **{"used_cpu_cores": 2, "used_memory": 2048, "used_gpus": 0, "used_npus": 0},
    }
    listed = (await pools.world.call("GET", "/v1/p1/modelyard/pools")).json()
    assert listed == {"total_count": 1, "count": 1, "pools": [shown]}
    page = (await pools.world.call("GET", "/metrics")).text
    for line in (
        'modelyard_pool_healthy{project_id="p1",pool="lab"} 1',
        'modelyard_pool_used{project_id="p1",pool="lab",resource="cpu"} 2',
        'modelyard_pool_capacity{project_id="p1",pool="lab",resource="cpu"} 3',
    ):
        assert line in page, page
    assert (await pools.world.call("GET", "/v1/p1/clusters/lab")).status_code == 404
    assert (await pools.world.call("GET", f"/v1/p2/clusters/{pool_id}", user="other")).status_code == 403


async def test_one_instance_is_held_against_the_nodes_of_its_pool_not_against_this_machine(pools: Pools) -> None:
    await pools.add("lab")
    assert (await pools.create(specification="four", pool_name="lab")).status_code == 200
    outside = (await pools.create("outside", specification="four")).json()
    assert "does not fit on this machine" in outside["error_msg"]
    pools.engines.sights[PROCESSES] = Sight("x", "", (Node("tiny", Capacity(3, 4096)), HERE))
    await pools.look()
    assert (await pools.create("larger", specification="four", pool_name="lab")).status_code == 200
    pools.engines.sights[PROCESSES] = Sight("x", "", (Node("tiny", Capacity(3, 4096)),))
    await pools.look()
    refused = (await pools.create("too-large", specification="four", pool_name="lab")).json()
    assert (
        "the biggest node of the pool 'lab' ('tiny'): it takes 4 cores, of which there are 3"
        in refused["error_msg"]
    )


async def test_a_start_is_held_against_what_others_took_meanwhile(pools: Pools) -> None:
    await pools.add("lab", cpu=3)
    first = (await pools.create("first", specification="one", pool_name="lab", instance_count=2)).json()[
        "service_id"
    ]
    path = f"{SERVICES}/{first}"
    assert (await pools.world.call("PUT", path, {"status": "stopped"})).status_code == 200
    await pools.world.brought(first, ServiceStatus.STOPPED)
    assert (
        await pools.create("second", specification="one", pool_name="lab", instance_count=2)
    ).status_code == 200
    for query in ("", "?dry_run=true"):
        refused = (await pools.world.call("PUT", path + query, {"status": "running"})).json()
        assert [d["field"] for d in refused["details"]] == ["status"]
        assert "into the pool 'lab': it takes 2 cores, of which 1 are free" in refused["error_msg"]
    async with pools.world.store.read() as r:
        service = await r.service("p1", first)
    assert service is not None
    assert service.status is ServiceStatus.STOPPED


async def test_who_lowers_what_they_have_of_a_pool_that_shrank_is_not_refused(pools: Pools) -> None:
    pool_id = await pools.add("lab", cpu=4)
    service_id = (await pools.create(specification="one", pool_name="lab", instance_count=4)).json()["service_id"]
    await pools.world.brought(service_id, ServiceStatus.RUNNING)
    assert (await pools.world.call("PATCH", f"{ADMIN}/{pool_id}", {"cpu": 2})).status_code == 200
    path = f"{SERVICES}/{service_id}"

    async def resized(count: int) -> int:
        config = [entry(MODEL, specification="one", pool_name="lab", instance_count=count)]
        return (await pools.world.call("PUT", path, {"config": config})).status_code

    assert await resized(5) == 400
    assert await resized(3) == 200


async def test_instances_hold_their_room_until_they_are_gone_though_their_service_moved(pools: Pools) -> None:
    await pools.add("lab", cpu=2)
    await pools.add("attic", cpu=2)
    service_id = (await pools.create(specification="one", pool_name="lab", instance_count=2)).json()["service_id"]
    await pools.world.brought(service_id, ServiceStatus.RUNNING)
    await pools.world.instances(service_id, "i1", "i2")
    config = [entry(MODEL, specification="one", pool_name="attic", instance_count=2)]
    assert (await pools.world.call("PUT", f"{SERVICES}/{service_id}", {"config": config})).status_code == 200
    for pool in ("lab", "attic"):
        assert "of which 0 are free" in (await pools.create("b", specification="one", pool_name=pool)).text


# Placement.


async def test_an_image_needs_a_container_engine_somewhere(pools: Pools) -> None:
    await pools.add("box", engine="container", endpoint=CONTAINERS.endpoint)
    await pools.add("plain")
    await pools.world.model(name="nginx", type="Image")
    config = {"service_name": "web", "infer_type": "real-time"}

    async def created(**more: Any) -> Any:
        return await pools.world.call("POST", SERVICES, {**config, "config": [entry("m-nginx-1.0.0", **more)]})

    for more, where in (({}, "in no pool of containers"), ({"pool_name": "plain"}, "'plain' runs processes")):
        refused = (await created(**more)).json()
        assert [d["field"] for d in refused["details"]] == ["config[0].model_id"]
        assert where in refused["error_msg"]
        assert "MODELYARD_CONTAINER_ENGINE" in refused["error_msg"]
    unknown = (await created(pool_name="none")).json()
    assert [d["field"] for d in unknown["details"]] == ["config[0].pool_name"]
    assert (await created(pool_name="box")).status_code == 200
    context = replace(pools.world.deps.context, images=True)
    pools.world.app.state.deps = replace(pools.world.deps, context=context)
    config["service_name"] = "again"
    assert (await created(pool_name="plain")).status_code == 200


async def test_images_can_be_published_where_a_pool_runs_them(pools: Pools) -> None:
    body = {
        **{"model_name": "web", "model_version": "1.0.0", "model_type": "Image", "install_type": ["real-time"]},
        "source_location": "registry.example.com/web:1",
    }
    refused = await pools.world.call("POST", "/v1/p1/models", body)
    assert [d["field"] for d in refused.json()["details"]] == ["model_type"]
    await pools.add("box", engine="container", endpoint=CONTAINERS.endpoint)
    assert (await pools.world.call("POST", "/v1/p1/models", body)).status_code == 200


async def test_an_image_is_no_batch_service(pools: Pools) -> None:
    await pools.add("box", engine="container", endpoint=CONTAINERS.endpoint)
    await pools.world.model(name="nginx", type="Image", install_types=frozenset({"real-time"}))
    config = [{"model_id": "m-nginx-1.0.0", "specification": "one", "instance_count": 1, "pool_name": "box"}]
    body = {"service_name": "job", "infer_type": "batch", "config": config}
    refused = (await pools.world.call("POST", SERVICES, body)).json()
    assert ("config[0].model_id", "ModelArts.3589") in [(d["field"], d["error_code"]) for d in refused["details"]]


async def test_rows_go_to_a_command_only_where_it_is_a_process(pools: Pools) -> None:
    await pools.add("box", engine="container", endpoint=CONTAINERS.endpoint)
    await pools.add("plain")
    await pools.world.model(name="command", config={"cmd": "serve", "model_type": "Custom"})
    said = {}
    for pool in ("box", "plain"):
        config = [{"model_id": "m-command-1.0.0", "specification": "one", "instance_count": 1, "pool_name": pool}]
        body = {"service_name": "job", "infer_type": "batch", "config": config}
        refused = (await pools.world.call("POST", SERVICES, body)).json()
        said[pool] = [d["error_msg"] for d in refused["details"] if d["field"] == "config[0].model_id"]
    assert ["pools of processes only" in text for text in said["box"]] == [True]
    assert said["plain"] == []


async def test_affinity_is_held_against_nodes_that_were_seen(pools: Pools) -> None:
    await pools.add("lab")
    await pools.add("other")

    def affinity(mode: str, pool: str, node: str) -> dict[str, Any]:
        return {"node_affinity": {"mode": mode, "pool_infos": [{"pool_name": pool, "nodes": [{"name": node}]}]}}

    infos = "config[0].affinity.node_affinity.pool_infos"
    for mode, pool, node, field, code in (
        ("required", "lab", "there", f"{infos}[0].nodes[0].name", "3598"),
        ("required", "none", "here", f"{infos}[0].pool_name", "3547"),
        ("required", "other", "here", infos, "0104"),
    ):
        refused = (await pools.create(pool_name="lab", affinity=affinity(mode, pool, node))).json()
        assert [(d["field"], d["error_code"]) for d in refused["details"]] == [(field, f"ModelArts.{code}")]
    for n, (mode, pool) in enumerate((("required", "lab"), ("preferred", "other"))):
        made = await pools.create(f"s{n}", pool_name="lab", affinity=affinity(mode, pool, "here"))
        assert made.status_code == 200, made.text


async def test_a_row_of_an_earlier_release_is_read_and_its_nodes_are_those_that_are_there(pools: Pools) -> None:
    async with pools.world.store.write() as w:
        await w.save_pool(PoolEntry("old", "p1", "old", "running", 1, {"nodes": ["node-1", "node-2"], "cpu": 3}))
    assert (await pools.cluster("old"))["nodes"]["count"] == 2
    await pools.look()
    assert (await pools.cluster("old"))["nodes"] == {"specification": "custom", "count": 1, "available_count": 1}
    assert (await pools.create(pool_name="old")).status_code == 200


# Moving.


async def test_moving_between_pools_is_a_rollout_and_so_is_its_plan(pools: Pools) -> None:
    await pools.add("lab")
    attic = await pools.add("attic", engine="container", endpoint=OTHERS.endpoint)
    service_id = (await pools.create(pool_name="lab")).json()["service_id"]
    await pools.world.brought(service_id, ServiceStatus.RUNNING)
    await pools.world.instances(service_id, "i1")
    path, there = f"{SERVICES}/{service_id}", {"config": [entry(MODEL, pool_name="attic")]}
    plan = (await pools.world.call("PUT", f"{path}?dry_run=true", there)).json()
    assert [(one["starts"], one["stops"]) for one in plan["instances"]] == [(1, 1)]
    assert plan["config"][0]["fields"]["pool_name"] == {"before": "lab", "after": "attic"}
    moved = await pools.world.call("PUT", path, there)
    assert moved.json()["update_time"]
    _, revision, (rollout, *_) = await pools.world.stored(service_id)
    assert revision.variants[0].template.pool == attic
    assert rollout.active


async def test_variants_of_one_service_are_in_different_pools(pools: Pools) -> None:
    lab, attic = await pools.add("lab"), await pools.add("attic", engine="container", endpoint=OTHERS.endpoint)
    await pools.world.model("2.0.0")
    config = [
        entry(MODEL, pool_name="lab", weight=50),
        entry("m-digits-2.0.0", cluster_id=attic, weight=50),
    ]
    body = {"service_name": "both", "infer_type": "real-time", "config": config}
    made = await pools.world.call("POST", SERVICES, body)
    _, revision, _ = await pools.world.stored(made.json()["service_id"])
    assert [v.template.pool for v in revision.variants] == [lab, attic]
