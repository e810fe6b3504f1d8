"""Contract §2, field by field: what is accepted is shown by the next read, what is refused changes nothing. The
row of the table is in the test's id (s2-…).
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from tests.contract.conformance import conforms, error
from tests.worlds.api import ApiWorld, api_world, entry

from modelyard.api.schemas import answers
from modelyard.domain.capacity import FlavorEntry, PoolEntry
from modelyard.domain.service import ServiceStatus
from modelyard.store.sql.services import ServiceReading

SERVICES = "/v1/p1/services"
MODEL = "m-digits-service-1.0.0"
NEXT = "m-digits-service-2.0.0"
URN = "urn:smn:local:p1:alarms"
LTS = {"type": "LTS", "configuration": {"log_group_id": "g" * 64, "log_stream_id": "s" * 64}}
CUSTOM = {"cpu": 0.335, "memory": 512}
Body = dict[str, Any]


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        await made.model("2.0.0", "digits-service")
        async with made.store.write() as w:
            await w.save_pool(PoolEntry("pool-1", "p1", "lab", "running", 1, {"nodes": ["n1"]}))
            await w.save_pool(PoolEntry("pool-2", "p1", "sick", "abnormal", 2))
            await w.save_pool(PoolEntry("pool-3", "p2", "theirs", "running", 3))
            await w.save_flavor(FlavorEntry("mine", False, {"cpu": 1, "memory_mib": 256}, frozenset({"p1"})))
            await w.save_flavor(FlavorEntry("yours", False, {"cpu": 1, "memory_mib": 256}, frozenset({"p2"})))
            await w.save_quota("p1", "instances_per_model", 7)
        yield made


def config(**more: Any) -> Body:
    return {"config": [entry(MODEL, **more)]}


def more(**properties: Any) -> Body:
    return config(additional_properties=properties)


def service(**properties: Any) -> Body:
    return {"additional_properties": properties}


def stop(unit: Any = "HOURS", duration: Any = 2, kind: Any = "stop") -> Body:
    return {"schedule": [{"type": kind, "time_unit": unit, "duration": duration}]}


ACCEPTED: dict[str, tuple[Body, Body]] = {
    "description": ({"description": "x" * 100}, {"description": "x" * 100}),
    "description-cleared": ({"description": ""}, {"description": ""}),
    "schedule": (stop("HOURS", "2"), stop("HOURS", 2)),
    "schedule-off": ({"schedule": []}, {}),
    "load_balancer_policy": ({"load_balancer_policy": "SOURCE_IP"}, {"load_balancer_policy": "SOURCE_IP"}),
    "priority": ({"priority": "3"}, {"priority": 3}),
    "service_secrets-none": ({"service_secrets": []}, {}),
    "additional_properties-kept": (service(mine={"a": [1]}), service(mine={"a": [1]})),
    "smn_notification-off": (service(smn_notification={}), service(smn_notification={})),
    "additional_properties-wrapped": (
        {"additional_properties": {"any": {"websocket_upgrade": False}}},
        service(websocket_upgrade=False),
    ),
    "log_report_channels-off": (service(log_report_channels=[]), service(log_report_channels=[])),
    "websocket_upgrade": (service(websocket_upgrade=True), service(websocket_upgrade=True)),
    "traffic_limit": (
        service(traffic_limit={"num": "100", "unit": "SECOND"}),
        service(traffic_limit={"num": 100, "unit": "SECOND"}),
    ),
    "request_limit": (
        service(request_limit={"max_body_bytes": 1000, "timeout_seconds": 1.5}),
        service(request_limit={"max_body_bytes": 1000, "timeout_seconds": 1.5}),
    ),
    "model_id": ({"config": [entry(NEXT)]}, {"config": [entry(NEXT)]}),
    "specification-opened-for-the-project": (config(specification="mine"), config(specification="mine")),
    "specification-custom": (
        config(specification="custom", pool_name="lab", custom_spec=CUSTOM),
        config(specification="custom", pool_name="lab", custom_spec=CUSTOM),
    ),
    "instance_count-quota-of-the-project": (config(instance_count="7"), config(instance_count=7)),
    "weight-text": (config(weight="100"), config(weight=100)),
    "weight-missing-zero": (
        {"config": [entry(MODEL), {k: v for k, v in entry(NEXT).items() if k != "weight"}]},
        {"config": [entry(MODEL), entry(NEXT, weight=0)]},
    ),
    "envs": (config(envs={"B": "2", "A": ""}), config(envs={"B": "2", "A": ""})),
    "deploy_timeout_in_seconds": (
        config(deploy_timeout_in_seconds="7200"),
        config(deploy_timeout_in_seconds=7200),
    ),
    "cluster_id": (config(cluster_id="pool-1"), config(cluster_id="pool-1")),
    "pool_name-beats-cluster_id": (
        config(cluster_id="nope", pool_name="lab"),
        config(cluster_id="nope", pool_name="lab"),
    ),
    "affinity": (
        config(
            pool_name="lab",
            affinity={
                "node_affinity": {
                    "mode": "required",
                    "pool_infos": [{"pool_name": "lab", "nodes": [{"name": "n1"}]}],
                }
            },
        ),
        {},
    ),
    "nodes-empty": (config(nodes=[]), {}),
    "max_surge-fraction": (more(max_surge="0.25"), more(max_surge=0.25)),
    "max_surge-count": (more(max_surge=2), more(max_surge=2)),
    "max_unavailable": (more(max_unavailable=0.5), more(max_unavailable=0.5)),
    "termination_grace_period_seconds": (
        more(termination_grace_period_seconds=0),
        more(termination_grace_period_seconds=0),
    ),
    "model-properties-wrapped": (
        config(additional_properties={"any": {"max_surge": 2}}),
        more(max_surge=2),
    ),
}


def holds(shown: Any, expected: Any) -> bool:
    """Whether everything expected is shown; objects may say more."""
    if isinstance(expected, dict):
        return all(key in shown and holds(shown[key], value) for key, value in expected.items())
    if isinstance(expected, list):
        return len(shown) == len(expected) and all(map(holds, shown, expected))
    return bool(shown == expected and type(shown) is type(expected))


@pytest.mark.parametrize(("sent", "expected"), ACCEPTED.values(), ids=[f"s2-{row}" for row in ACCEPTED])
async def test_accepted(world: ApiWorld, sent: Body, expected: Body) -> None:
    service_id = await world.service()
    path = f"{SERVICES}/{service_id}"
    done = conforms(await world.call("PUT", path, sent), answers.UpdatedService)
    assert ("update_time" in done) == ("config" in sent)
    detail = conforms(await world.call("GET", path), answers.ServiceDetail)
    assert holds(detail, expected), detail
    if "config" in sent:
        record = conforms(await world.call("GET", f"{path}/logs"), answers.UpdateRecords)["logs"][0]
        assert holds(record, expected), record


REFUSED: dict[str, tuple[Body, str, str]] = {
    "description-101": ({"description": "x" * 101}, "description", "0104"),
    **{f"description-{c}": ({"description": c}, "description", "0104") for c in "<>=&\"'"},
    "status": ({"status": "paused"}, "status", "0104"),
    "schedule-type": (stop(kind="start"), "schedule[0].type", "0104"),
    "schedule-time_unit": (stop("WEEKS"), "schedule[0].time_unit", "0104"),
    "schedule-duration": (stop(duration=0), "schedule[0].duration", "0104"),
    "schedule-duration-text": (stop(duration="x"), "schedule[0].duration", "0104"),
    "load_balancer_policy": ({"load_balancer_policy": "RANDOM"}, "load_balancer_policy", "0104"),
    "priority": ({"priority": 4}, "priority", "0104"),
    "service_secrets": (
        {"service_secrets": [{"secretId": "s", "mouthPath": "/run/s"}]},
        "service_secrets[0].secretId",
        "0104",
    ),
    "service_secrets-mouthPath": (
        {"service_secrets": [{"secretId": "s"}]},
        "service_secrets[0].mouthPath",
        "0104",
    ),
    "smn_notification": (
        service(smn_notification={"topic_urn": URN, "events": [1, "3", 7, 11]}),
        "additional_properties.smn_notification.topic_urn",
        "0104",
    ),
    "smn_notification-map": (
        service(smn_notification={"any-key": {"topic_urn": URN, "events": [1]}}),
        "additional_properties.smn_notification.any-key.topic_urn",
        "0104",
    ),
    "smn_notification-wrapped": (
        service(wrapper={"smn_notification": {"topic_urn": URN, "events": [1]}}),
        "additional_properties.smn_notification.topic_urn",
        "0104",
    ),
    "log_report_channels": (
        service(log_report_channels=[LTS]),
        "additional_properties.log_report_channels[0].configuration.log_group_id",
        "0104",
    ),
    "log_report_channels-no-ids": (
        service(log_report_channels=[{"type": "LTS", "configuration": {}}]),
        "additional_properties.log_report_channels[0].configuration.log_group_id",
        "0104",
    ),
    "two-wrappers": (
        service(a={"traffic_limit": {"num": 1, "unit": "DAY"}}, b={"websocket_upgrade": True}),
        "additional_properties.a",
        "0104",
    ),
    "wrapper-beside-a-label": (service(a={"traffic_limit": {}}, label="x"), "additional_properties.a", "0104"),
    "wrapper-beside-a-known-key": (
        service(traffic_limit={}, w={"websocket_upgrade": True}),
        "additional_properties.w",
        "0104",
    ),
    "wrapper-in-a-wrapper": (service(a={"b": {"websocket_upgrade": True}}), "additional_properties.a", "0104"),
    "wrapper-in-an-array": (service(a=[{"websocket_upgrade": True}]), "additional_properties.a", "0104"),
    "two-wrappers-of-a-model": (
        more(a={"max_surge": 1}, b={"max_unavailable": 1}),
        "config[0].additional_properties.b",
        "0104",
    ),
    "persistent_volumes-as-the-page-has-it": (
        more(persistent_volumes=[{"name": "v", "mount_path": "/data"}]),
        "config[0].additional_properties.persistent_volumes[0]",
        "0104",
    ),
    "smn_notification-urn": (
        service(smn_notification={"topic_urn": "x", "events": [1]}),
        "additional_properties.smn_notification.topic_urn",
        "0104",
    ),
    "smn_notification-event": (
        service(smn_notification={"topic_urn": URN, "events": [2]}),
        "additional_properties.smn_notification.events[0]",
        "0104",
    ),
    "log_report_channels-type": (
        service(log_report_channels=[{"type": "FTP"}]),
        "additional_properties.log_report_channels[0].type",
        "0104",
    ),
    "websocket-and-traffic_limit": (
        service(websocket_upgrade=True, traffic_limit={"num": 1, "unit": "DAY"}),
        "additional_properties.traffic_limit",
        "0104",
    ),
    "traffic_limit-unit": (
        service(traffic_limit={"num": 1, "unit": "WEEK"}),
        "additional_properties.traffic_limit.unit",
        "0104",
    ),
    "traffic_limit-num": (
        service(traffic_limit={"num": 0, "unit": "DAY"}),
        "additional_properties.traffic_limit.num",
        "0104",
    ),
    "request_limit": (
        service(request_limit={"timeout_seconds": 0}),
        "additional_properties.request_limit.timeout_seconds",
        "0104",
    ),
    "model_id-unknown": ({"config": [entry("nope")]}, "config[0].model_id", "3507"),
    "model_id-twice": ({"config": [entry(MODEL, weight=50)] * 2}, "config[1].model_id", "3516"),
    "specification-unknown": (config(specification="x"), "config[0].specification", "0104"),
    "specification-closed": (config(specification="modelarts.vm.gpu.p4"), "config[0].specification", "0104"),
    "specification-of-another-project": (config(specification="yours"), "config[0].specification", "0104"),
    "specification-custom-in-public": (
        config(specification="custom", custom_spec=CUSTOM),
        "config[0].specification",
        "0104",
    ),
    "custom_spec-missing": (
        config(specification="custom", pool_name="lab"),
        "config[0].custom_spec",
        "0104",
    ),
    "custom_spec-cpu": (
        config(specification="custom", pool_name="lab", custom_spec={"cpu": 0, "memory": 1}),
        "config[0].custom_spec.cpu",
        "0104",
    ),
    "custom_spec-both": (
        config(
            specification="custom",
            pool_name="lab",
            custom_spec={**CUSTOM, "gpu_p4": 0, "ascend_a310": 0},
        ),
        "config[0].custom_spec.ascend_a310",
        "0104",
    ),
    "instance_count-over-quota": (config(instance_count=8), "config[0].instance_count", "3522"),
    "weight-sum": (config(weight=99), "config", "0104"),
    "weight-missing": (config(weight=None), "config[0].weight", "0104"),
    "envs-name": (config(envs={"A=B": ""}), "config[0].envs", "0104"),
    "deploy_timeout-0": (config(deploy_timeout_in_seconds=0), "config[0].deploy_timeout_in_seconds", "0104"),
    "deploy_timeout-7201": (
        config(deploy_timeout_in_seconds=7201),
        "config[0].deploy_timeout_in_seconds",
        "0104",
    ),
    "cluster_id-unknown": (config(cluster_id="nope"), "config[0].cluster_id", "3547"),
    "cluster_id-of-another-project": (config(cluster_id="pool-3"), "config[0].cluster_id", "3547"),
    "pool_name-sick": (config(pool_name="sick"), "config[0].pool_name", "0104"),
    "affinity-in-public": (
        config(affinity={"node_affinity": {"mode": "required", "pool_infos": []}}),
        "config[0].affinity.node_affinity",
        "0104",
    ),
    "nodes": (config(nodes=["n"]), "config[0].nodes", "0104"),
    **{
        f"{name}-in-real-time": (config(**{name: value}), f"config[0].{name}", "0104")
        for name, value in {
            "src_path": "obs://b/in",
            "dest_path": "obs://b/out",
            "req_uri": "/",
            "mapping_type": "file",
            "mapping_rule": '{"type": "object"}',
            "src_type": "ManifestFile",
        }.items()
    },
    "max_surge-0": (more(max_surge=0), "config[0].additional_properties.max_surge", "0104"),
    "max_unavailable-literal-0": (
        more(max_unavailable=0),
        "config[0].additional_properties.max_unavailable",
        "0104",
    ),
    "max_unavailable-1.5": (
        more(max_unavailable=1.5),
        "config[0].additional_properties.max_unavailable",
        "0104",
    ),
    "termination_grace": (
        more(termination_grace_period_seconds=-1),
        "config[0].additional_properties.termination_grace_period_seconds",
        "0104",
    ),
    "log_volume-in-public": (
        more(log_volume=[{"host_path": "/srv/logs", "mount_path": "/logs"}]),
        "config[0].additional_properties.log_volume[0]",
        "0104",
    ),
    "persistent_volumes-not-allowed": (
        more(persistent_volumes=[{"name": "v", "mount_path": "/data", "source_address": "/srv"}]),
        "config[0].additional_properties.persistent_volumes[0].source_address",
        "0104",
    ),
    "persistent_volumes-mount_path": (
        more(persistent_volumes=[{"name": "v", "mount_path": "/etc/x", "source_address": "/srv"}]),
        "config[0].additional_properties.persistent_volumes[0].mount_path",
        "0104",
    ),
}


@pytest.mark.parametrize(("sent", "field", "code"), REFUSED.values(), ids=[f"s2-{row}" for row in REFUSED])
async def test_refused(world: ApiWorld, sent: Body, field: str, code: str) -> None:
    service_id = await world.service()
    before = await world.stored(service_id)
    answer = await world.call("PUT", f"{SERVICES}/{service_id}", {"description": "other", **sent})
    body = error(answer, 404 if code == "3507" else 400, code)
    assert field in [detail["field"] for detail in body["details"]], body
    assert await world.stored(service_id) == before


AFTERWARDS: dict[str, tuple[Body, Body, str]] = {
    "websocket-absent": (service(websocket_upgrade=True), service(other=1), ""),
    "websocket-back": (
        service(websocket_upgrade=True),
        service(websocket_upgrade=False),
        "additional_properties.websocket_upgrade",
    ),
    "websocket-then-limit": (
        service(websocket_upgrade=True),
        service(traffic_limit={"num": 1, "unit": "DAY"}),
        "additional_properties.traffic_limit",
    ),
}


@pytest.mark.parametrize(("first", "then", "field"), AFTERWARDS.values(), ids=[f"s2-{row}" for row in AFTERWARDS])
async def test_what_cannot_change_any_more(world: ApiWorld, first: Body, then: Body, field: str) -> None:
    service_id = await world.service()
    path = f"{SERVICES}/{service_id}"
    conforms(await world.call("PUT", path, first), answers.UpdatedService)
    answer = await world.call("PUT", path, then)
    if field:
        assert [d["field"] for d in error(answer, 400, "0104")["details"]] == [field]
    detail = conforms(await world.call("GET", path), answers.ServiceDetail)
    assert holds(detail, first)


async def test_create_takes_what_update_takes(world: ApiWorld) -> None:
    body = {
        "service_name": "everything",
        "infer_type": "real-time",
        "workspace_id": "0",
        "description": "d",
        "cluster_id": "pool-1",
        "vpc_id": "v",
        **stop("MINUTES", 5),
        "load_balancer_policy": "LEAST_CONNECTIONS",
        "priority": 1,
        **service(smn_notification={}, odd=None, label="x"),
        "config": [entry(NEXT, specification="custom", custom_spec=CUSTOM)],
    }
    created = conforms(await world.call("POST", SERVICES, body), answers.CreatedService)
    detail = conforms(await world.call("GET", f"{SERVICES}/{created['service_id']}"), answers.ServiceDetail)
    expected = {**body, **service(smn_notification={}, label="x")}
    assert holds(detail, expected), detail
    assert detail["due_time"] - detail["publish_at"] == 5 * 60 * 1000
    template = (await world.stored(created["service_id"]))[1].variants[0].template
    size = template.resources
    assert (template.pool, size.cpu, size.memory_mib) == ("pool-1", 0.34, 512)


async def test_batch_and_edge_are_held_to_their_rules(world: ApiWorld) -> None:
    batch = entry(NEXT, weight=None, src_path="ftp://x", mapping_type="csv")
    body = {"service_name": "b", "infer_type": "batch", "config": [batch]}
    fields = [d["field"] for d in error(await world.call("POST", SERVICES, body), 400, "0104")["details"]]
    assert fields == [
        "config[0].dest_path",
        "config[0].req_uri",
        "config[0].src_path",
        "config[0].mapping_rule",
    ]
    edge = {"service_name": "e", "infer_type": "edge", "config": [entry(NEXT, weight=None)]}
    fields = [d["field"] for d in error(await world.call("POST", SERVICES, edge), 400, "0104")["details"]]
    assert fields == ["infer_type", "config[0].nodes"]


async def test_no_network_to_choose_outside_of_a_pool(world: ApiWorld) -> None:
    body = {"service_name": "s", "infer_type": "real-time", "vpc_id": "v", "config": [entry(NEXT)]}
    assert error(await world.call("POST", SERVICES, body), 400, "0104")["details"][0]["field"] == "vpc_id"


async def test_volumes_below_an_allowed_directory(world: ApiWorld, tmp_path: Any) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in").chmod(0o777)
    (tmp_path / "out").symlink_to("/etc")
    context = replace(world.deps.context, volume_dirs=(str(tmp_path),), mountable=True)
    world.app.state.deps = replace(world.deps, context=context)
    service_id = await world.service()

    def asked(name: str) -> Body:
        volume = {"name": "v", "mount_path": "/data", "source_address": f"{tmp_path}/{name}"}
        return more(persistent_volumes=[volume])

    for name in ("out", "missing", "in/../../x"):
        error(await world.call("PUT", f"{SERVICES}/{service_id}", asked(name)), 400, "0104")
    conforms(await world.call("PUT", f"{SERVICES}/{service_id}", asked("in")), answers.UpdatedService)
    (volume,) = (await world.stored(service_id))[1].variants[0].template.volumes
    assert (volume.host_path, volume.mount_path) == (str(tmp_path / "in"), "/data")


async def test_a_failed_service_is_repaired_by_running_and_a_config(world: ApiWorld) -> None:
    service_id = await world.service(ServiceStatus.FAILED)
    body = {"status": "running", **config(instance_count=2)}
    assert "update_time" in conforms(
        await world.call("PUT", f"{SERVICES}/{service_id}", body), answers.UpdatedService
    )
    assert (await world.stored(service_id))[1].variants[0].instance_count == 2


async def test_a_put_does_not_read_its_history(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def everything(_self: object, _service_id: str) -> list[Any]:
        raise AssertionError("a PUT read every revision or rollout of the service")

    service_id = await world.service()
    for status in ("", "stopped", "running"):
        with monkeypatch.context() as patch:
            patch.setattr(ServiceReading, "revisions", everything)
            patch.setattr(ServiceReading, "rollouts", everything)
            body = {"status": status} if status else config(instance_count=2)
            conforms(await world.call("PUT", f"{SERVICES}/{service_id}", body), answers.UpdatedService)
        await world.brought(service_id, ServiceStatus.STOPPED if status == "stopped" else ServiceStatus.RUNNING)
