"""What services count, over HTTP: who may read it, what is on the page, and what an instance cannot do to it."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.worlds.api import SECOND, ApiWorld, api_world

from modelyard.core.tallies import Tallies
from modelyard.domain.identity import SYSTEM, Role, User
from modelyard.domain.service import Counter, Invocations
from modelyard.gateway.base import Answers, GatewayMeasures
from modelyard.operations import metrics

TELLS = b'# TYPE modelyard_in_flight gauge\nmodelyard_in_flight 2\nmodelyard_answers_total{status="2xx"} 7\n'


class Counting:
    """The instances, by what they tell. An unknown one tells nothing."""

    def __init__(self, **tells: bytes) -> None:
        self.tells = tells
        self.asked: list[str] = []

    async def __call__(self, instance_id: str, limit_s: float) -> bytes | None:
        assert 0 < limit_s <= metrics.LIMIT_S
        self.asked.append(instance_id)
        return self.tells.get(instance_id)


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        async with made.store.write() as w:
            await w.save_user(User("u-root", "root", "d1", "-"))
            await w.grant("u-root", SYSTEM, Role.ADMIN)
        yield made


def counting(world: ApiWorld, **tells: bytes) -> Counting:
    found = Counting(**tells)
    world.app.state.deps = replace(world.deps, context=replace(world.deps.context, metrics=found))
    return found


async def served(world: ApiWorld, *ids: str, name: str = "digits-service") -> str:
    service_id = await world.service(name=name)
    await world.instances(service_id, *ids)
    return service_id


async def page(world: ApiWorld, path: str) -> list[str]:
    answer = await world.client.get(path, headers={"X-Auth-Token": world.token("root", None)})
    assert answer.status_code == 200, answer.text
    return answer.text.splitlines()


async def test_the_page_of_a_service(world: ApiWorld) -> None:
    service_id = await served(world, "i1", "i2")
    counting(world, i1=TELLS)
    async with world.store.write() as w:
        await w.save_counters({service_id: Counter(Invocations(9, 2), "e", Invocations(9, 2))})
    answer = await world.call("GET", f"/v1/p1/services/{service_id}/metrics", user="reader")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    service = f'project_id="p1",service_id="{service_id}",service_name="digits-service"'
    model = f'{service},model_name="digits-service",model_version="1.0.0",revision="1"'
    i1, i2 = (f'{model},instance="{i}"' for i in ("i1", "i2"))
    one_of = ("modelyard_service_status", "modelyard_rollout_state")
    zeros = [f"{name}{{{service},{label}" for name, label in zip(one_of, ("status", "state"), strict=True)]
    assert [
        line
        for line in answer.text.splitlines()
        if not line.startswith("# HELP") and not (line.startswith(tuple(zeros)) and line.endswith(" 0"))
    ] == [
        "# TYPE modelyard_invocations_total counter",
        f"modelyard_invocations_total{{{service}}} 9",
        "# TYPE modelyard_invocations_failed_total counter",
        f"modelyard_invocations_failed_total{{{service}}} 2",
        "# TYPE modelyard_instances gauge",
        f'modelyard_instances{{{service},phase="starting"}} 0',
        f'modelyard_instances{{{service},phase="ready"}} 2',
        f'modelyard_instances{{{service},phase="draining"}} 0',
        f'modelyard_instances{{{service},phase="stopping"}} 0',
        f'modelyard_instances{{{service},phase="exited"}} 0',
        "# TYPE modelyard_service_status gauge",
        f'modelyard_service_status{{{service},status="running"}} 1',
        "# TYPE modelyard_service_revision gauge",
        f"modelyard_service_revision{{{service}}} 1",
        "# TYPE modelyard_rollout_state gauge",
        f'modelyard_rollout_state{{{service},state="success"}} 1',
        "# TYPE modelyard_instance_up gauge",
        f"modelyard_instance_up{{{i1}}} 1",
        f"modelyard_instance_up{{{i2}}} 0",
        "# TYPE modelyard_instances_silent gauge",
        "modelyard_instances_silent 1",
        "# TYPE modelyard_answers_total counter",
        f'modelyard_answers_total{{{i1},status="2xx"}} 7',
        "# TYPE modelyard_in_flight gauge",
        f"modelyard_in_flight{{{i1}}} 2",
    ]


async def test_the_page_of_the_installation_has_every_service(world: ApiWorld) -> None:
    first = await served(world, "i1")
    second = await served(world, "i2", name="other-service")
    counting(world, i1=TELLS, i2=TELLS)
    lines = await page(world, "/metrics")
    assert "modelyard_gateway_connected 0" in lines
    assert "modelyard_instances_silent 0" in lines
    for service_id in (first, second):
        mine = [line for line in lines if f'service_id="{service_id}"' in line]
        assert any(line.startswith("modelyard_in_flight{") for line in mine)
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


async def test_a_token_may_also_come_as_prometheus_sends_one(world: ApiWorld) -> None:
    service_id = await served(world, "i1")
    token = {"Authorization": f"Bearer {world.token('root', None)}"}
    assert (await world.client.get("/metrics", headers=token)).status_code == 200
    mine = {"Authorization": f"Bearer {world.token('reader')}"}
    path = f"/v1/p1/services/{service_id}"
    assert (await world.client.get(f"{path}/metrics", headers=mine)).status_code == 200
    assert (await world.client.get("/metrics", headers=mine)).status_code == 403
    assert (await world.client.get("/metrics", headers={"Authorization": "Bearer x"})).status_code == 401
    assert (await world.client.get("/metrics", headers={"Authorization": "Basic eDp5"})).status_code == 401
    assert (await world.client.get(path, headers=mine)).status_code == 401  # only who watches


async def test_who_may_read(world: ApiWorld) -> None:
    service_id = await served(world, "i1")
    instances = counting(world, i1=TELLS)
    path = f"/v1/p1/services/{service_id}/metrics"
    assert (await world.client.get(path)).status_code == 401
    assert (await world.client.get("/metrics")).status_code == 401
    assert (await world.call("GET", path, user="invoker")).status_code == 403
    assert (await world.call("GET", path, user="other", project=SECOND)).status_code == 403
    away = await world.call("GET", path.replace("/p1/", "/p2/"), user="other", project=SECOND)
    assert (away.status_code, away.json()["error_code"]) == (404, "ModelArts.3502")
    for user in ("admin", "member", "reader", "invoker"):
        assert (await world.call("GET", "/metrics", user=user)).status_code == 403  # of the project is not enough
    assert instances.asked == []
    for user in ("admin", "member", "reader"):
        assert (await world.call("GET", path, user=user)).status_code == 200
    assert len(await page(world, "/metrics")) > 10


async def test_an_instance_that_tells_garbage_spoils_nothing(world: ApiWorld) -> None:
    service_id = await served(world, "i1", "i2", "i3")
    lies = b'modelyard_in_flight 1\nmodelyard_in_flight{instance="i1"} 9\n# TYPE modelyard_in_flight summary\n'
    counting(world, i1=TELLS, i2=bytes(range(256)) * 100, i3=lies + b"modelyard_instances_silent 99\n")
    lines = await page(world, "/metrics")
    assert all(line.startswith("# ") or re.fullmatch(r"[a-z_]+(\{[^{}]*\})? [0-9.]+", line) for line in lines)
    assert "modelyard_instances_silent 1" in lines
    assert [line.rpartition(",")[2] for line in lines if line.startswith("modelyard_in_flight{")] == [
        'instance="i1"} 2',
        'instance="i3"} 1',
    ]
    assert sum(f'service_id="{service_id}"' in line for line in lines if "instance_up" in line) == 3


async def test_the_page_comes_in_time_however_many_instances_hang(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "PAGE_S", 0.05)
    monkeypatch.setattr(metrics, "AT_ONCE", 2)
    await served(world, *(f"i{n}" for n in range(10)))
    asked = []

    async def hangs(instance_id: str, limit_s: float) -> bytes | None:
        asked.append(instance_id)
        await asyncio.sleep(limit_s)
        return None

    world.app.state.deps = replace(world.deps, context=replace(world.deps.context, metrics=hangs))
    lines = await page(world, "/metrics")
    assert "modelyard_instances_silent 10" in lines
    assert len(asked) <= 2  # nobody else had a place while there was time


def watched(world: ApiWorld, measures: GatewayMeasures | None) -> None:
    async def gateway() -> GatewayMeasures | None:
        return measures

    context = replace(world.deps.context, watched=replace(world.deps.context.watched, gateway=gateway))
    world.app.state.deps = replace(world.deps, context=context)


async def test_what_the_gateway_measured_is_told_by_model_and_class_of_status(world: ApiWorld) -> None:
    service_id = await served(world)
    bounds = (0.1, 1.0)
    answers = (
        Answers(service_id, "iris:1.0.0", 200, bounds, (3, 1, 0), 0.5),
        Answers(service_id, "iris:1.0.0", 201, bounds, (1, 0, 2), 9.0),
        Answers(service_id, "", 401, bounds, (7, 0, 0), 0.1),
        Answers("s-gone", "iris:1.0.0", 200, bounds, (1, 1, 1), 1.0),
    )
    watched(world, GatewayMeasures(3, 2, 100, 7.0, answers))
    lines = await page(world, "/metrics")
    told = {
        line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in lines if "gateway_request_seconds" in line
    }
    service = f'project_id="p1",service_id="{service_id}",service_name="digits-service"'
    iris, none = (f'{service},model_name="{m}",model_version="{v}"' for m, v in (("iris", "1.0.0"), ("", "")))
    name = "modelyard_gateway_request_seconds"
    assert {key: value for key, value in told.items() if key.startswith(f"{name}_") and "iris" in key} == {
        f'{name}_bucket{{{iris},status="2xx",le="0.1"}}': "4",
        f'{name}_bucket{{{iris},status="2xx",le="1.0"}}': "5",
        f'{name}_bucket{{{iris},status="2xx",le="+Inf"}}': "7",
        f'{name}_sum{{{iris},status="2xx"}}': "9.5",
        f'{name}_count{{{iris},status="2xx"}}': "7",
    }
    assert told[f'{name}_count{{{none},status="4xx"}}'] == "7"
    assert not [line for line in lines if "s-gone" in line]
    assert {"modelyard_gateway_connections 3", "modelyard_gateway_in_flight 2"} <= {*lines}
    one = (await world.call("GET", f"/v1/p1/services/{service_id}/metrics", user="reader")).text
    assert f'{name}_count{{{iris},status="2xx"}} 7' in one
    assert "modelyard_gateway_connections" not in one


async def test_what_a_gateway_does_that_cannot_be_asked_is_not_told(world: ApiWorld) -> None:
    await served(world, "i1")
    watched(world, None)
    lines = await page(world, "/metrics")
    assert {line.partition(" ")[0] for line in lines if line.startswith("modelyard_gateway")} == {
        "modelyard_gateway_up",
        "modelyard_gateway_connected",
    }
    assert [line for line in lines if line.startswith("modelyard_invocations_total")]  # the store's


async def test_answers_of_the_api_are_counted(world: ApiWorld) -> None:
    service_id = await served(world)
    tallies = Tallies()
    in_flight: list[float] = []
    world.app.state.deps = replace(world.deps, tallies=tallies, in_flight=in_flight)
    await world.call("GET", f"/v1/p1/services/{service_id}")
    await world.call("GET", "/v1/p1/services/none")
    await world.call("PUT", f"/v1/p1/services/{service_id}", {"status": "sideways"})
    await world.client.request("BREW", "/v1/p1/services")
    told = {
        (one.family.name, *one.values): one.value
        for one in tallies.samples()
        if one.family.kind == "counter" and "api" in one.family.name
    }
    assert told == {
        ("modelyard_api_requests_total", "GET", "2xx"): 1,
        ("modelyard_api_requests_total", "GET", "4xx"): 1,
        ("modelyard_api_requests_total", "PUT", "4xx"): 1,
        ("modelyard_api_requests_total", "other", "4xx"): 1,
        ("modelyard_api_errors_total", "ModelArts.3502"): 1,
        ("modelyard_api_errors_total", "ModelArts.0104"): 1,
        ("modelyard_api_errors_total", "ModelArts.4204"): 1,
    }
    took = [one for one in tallies.samples() if one.family.name == "modelyard_api_request_seconds"]
    assert sum(one.value for one in took if one.part == "count") == 4
    assert in_flight == []


async def test_any_name_can_be_a_label(world: ApiWorld) -> None:
    service_id = await served(world, "i1")
    async with world.store.write() as w:
        service = await w.service("p1", service_id)
        assert service is not None
        await w.save_service(replace(service, name='a"} 1\n# b\\'))
    counting(world, i1=TELLS)
    lines = await page(world, "/metrics")
    assert all(line.startswith(("# ", "modelyard_")) for line in lines)
    assert sum('service_name="a\\"} 1\\n# b\\\\"' in line for line in lines) == 5 + 2 + 10 + 1 + 5 + 1 + 2
