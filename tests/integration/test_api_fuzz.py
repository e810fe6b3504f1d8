"""Whatever a PUT says: the stored service is exactly the old or exactly the new one, and the answer says which."""

import asyncio
import json
import os
from contextlib import AsyncExitStack
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.worlds.api import ApiWorld, api_world

from modelyard.domain.record import Changes
from modelyard.domain.service import Desired, Service, ServiceStatus

MODELS = ["m-s-1.0.0", "m-s-2.0.0", "nope", "", 5, None]
NUMBERS = [0, 1, 2, 6, 40, 60, 100, -1, 101, 1.5, "1", "100", "x", True, None, 10**20, []]
WORDS = ["", "fine", "<", "x" * 101, 7, None, [], "\x00", "\ud800"]


def of(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


properties = st.fixed_dictionaries(
    {}, optional={"max_surge": of(*NUMBERS, 0.5), "max_unavailable": of(*NUMBERS, 0.5), "log_volume": of([], [1])}
)
entries = st.fixed_dictionaries(
    {"model_id": of(*MODELS[:2]), "weight": of(100, "100"), "instance_count": of(1, "2")},
    optional={"envs": of({}, {"A": "1"}, {"A": 1}), "additional_properties": properties, "odd": st.integers()},
).map(lambda e: {"specification": "modelarts.vm.cpu.2u", **e})
any_entries = st.fixed_dictionaries(
    {},
    optional={
        "model_id": of(*MODELS),
        "weight": of(*NUMBERS),
        "instance_count": of(*NUMBERS),
        "specification": of("modelarts.vm.cpu.2u", "custom", 1),
        "deploy_timeout_in_seconds": of(*NUMBERS),
        "additional_properties": properties | of([], 1, {"k": {"max_surge": 1}}),
        "nodes": of([], ["n"]),
        "custom_spec": of({"cpu": 1, "memory": 1}, {"cpu": "x"}, [], None),
        "pool_name": of("", "nope", 1),
        "affinity": of({}, {"node_affinity": {"mode": "x", "pool_infos": [{"nodes": [{}]}]}}, 1),
        "mapping_rule": of("", "{", "{}", {}, "[]", 1),
    },
)
schedules = of(
    [],
    None,
    [{"type": "stop"}],
    [{"type": "stop", "time_unit": "HOURS", "duration": "2"}],
    [{"type": "stop", "time_unit": "DAYS", "duration": 10**17}],
    [1],
    {},
)
LIMITS = [
    {},
    {"num": 1, "unit": "DAY"},
    {"num": "7", "unit": "HOUR"},
    {"num": 0, "unit": "x"},
    {"num": 1},
    [],
    None,
]
service_properties = st.fixed_dictionaries(
    {},
    optional={
        "smn_notification": of({}, {"topic_urn": "urn:smn:r:p:t", "events": ["1", 3]}, {"k": {"events": 1}}, 1),
        "log_report_channels": of([], [{"type": "LTS"}], [{"type": 1}], [1], None),
        "websocket_upgrade": of(True, False, None, 1, "true"),
        "traffic_limit": of(*LIMITS),
        "request_limit": of({}, {"timeout_seconds": "2.5"}, {"max_body_bytes": -1}, {"timeout_seconds": 10**9}, 1),
        "access_log": of({}, {"mode": "all"}, {"mode": "sampled", "share": "0.5"}, {"mode": 1}, {"share": 9}, 1),
        "odd": of(None, {"deep": [[1]]}),
    },
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "config": st.lists(entries, min_size=1, max_size=1)
        | st.lists(entries | any_entries, max_size=2)
        | of({}, 1),
        "description": of(*WORDS),
        "status": of("running", "stopped", "odd", 1, None),
        "schedule": schedules,
        "additional_properties": service_properties | of(1, [], {"any": {"websocket_upgrade": True}}),
        "load_balancer_policy": of("SOURCE_IP", "ROUND_ROBIN", "odd", 1, "", None),
        "service_secrets": of([], None, [{"secretId": "s"}], [{"secretId": "s", "mouthPath": "/s"}], 1),
        "priority": of(1, "3", 4, 0, "x", None),
        "strange": st.integers(),
    },
)
states = st.sampled_from([s for s in ServiceStatus if s not in {ServiceStatus.FINISHED, ServiceStatus.DELETING}])


def test_a_put_changes_all_or_nothing() -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        world = runner.run(stack.enter_async_context(api_world()))
        runner.run(world.model("2.0.0", "s"))

        @settings(max_examples=int(os.environ.get("MODELYARD_FUZZ", "80")), deadline=None, database=None)
        @given(bodies, states)
        def put(body: dict[str, Any], state: ServiceStatus) -> None:
            runner.run(_one(world, body, state))

        try:
            put()
        finally:
            runner.run(stack.aclose())


async def _one(world: ApiWorld, body: dict[str, Any], state: ServiceStatus) -> None:
    service_id = await world.service(state, name="s")
    try:
        await _put(world, service_id, body, state)
    finally:
        async with world.store.write() as w:
            service = await w.service(None, service_id)
            assert service is not None
            await w.apply(service_id, Changes(service.version, delete_service=True))


async def _put(world: ApiWorld, service_id: str, body: dict[str, Any], state: ServiceStatus) -> None:
    before = await _everything(world, service_id)
    answer = await world.call("PUT", f"/v1/p1/services/{service_id}", json.dumps(body).encode())
    after = await _everything(world, service_id)
    assert answer.status_code in {200, 400, 404}, answer.text
    if answer.status_code != 200:
        assert after == before
        assert world.nudges == []
        assert answer.json()["error_code"] != "ModelArts.0010"
        return
    service, revision, rollouts = await world.stored(service_id)
    changed = after != before
    assert service.version == (2 if changed else 1)
    assert world.nudges == ([("service", service_id)] if changed else [])
    assert service.description == (body.get("description") or "")
    _settings_are_as_sent(service, body)
    started = "update_time" in answer.json()
    if started:
        assert rollouts[0].active
        assert (service.revision, service.status) == (2, ServiceStatus.DEPLOYING)
    if service.revision == 2:
        sent = body["config"]
        assert [v.model_id for v in revision.variants] == [entry["model_id"] for entry in sent]
        assert [v.instance_count for v in revision.variants] == [int(e["instance_count"]) for e in sent]
        assert sum(v.weight for v in revision.variants) == 100
    if body.get("status") == "stopped" and state is not ServiceStatus.STOPPED:
        assert (service.desired, service.status) == (Desired.STOPPED, ServiceStatus.STOPPING)
    assert sum(rollout.active for rollout in rollouts) <= 1


def _settings_are_as_sent(service: Service, body: dict[str, Any]) -> None:
    """Of an accepted body, on a service that had no settings before."""
    kept = service.attributes
    assert kept.get("priority") == (None if body.get("priority") is None else int(body["priority"]))
    assert kept.get("load_balancer_policy") == (body.get("load_balancer_policy") or None)
    assert len(kept.get("schedule", ())) == len(body.get("schedule") or ())
    counts = bool(body.get("schedule")) and service.desired is Desired.RUNNING
    assert (service.due_ms is not None) == counts
    sent = body.get("additional_properties") or {}
    sent = sent.get("any", sent)
    assert set(kept.get("additional_properties", {})) == {key for key, value in sent.items() if value is not None}
    limit = sent.get("request_limit") or {}
    assert service.settings.requests.timeout_s == float(limit.get("timeout_seconds", 60))


async def _everything(world: ApiWorld, service_id: str) -> tuple[object, ...]:
    async with world.store.read() as r:
        return (await r.service(None, service_id), await r.revisions(service_id), await r.rollouts(service_id))
