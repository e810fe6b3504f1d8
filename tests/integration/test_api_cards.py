"""Cards as clients of the API see them: what may be asked for, what a service uses, what is on the page."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from tests.worlds.api import ApiWorld, api_world, entry

from modelyard.domain.capacity import PoolEntry
from modelyard.domain.devices import Device, Grant, Inventory, Kind, Reading
from modelyard.domain.identity import SYSTEM, Role, User
from modelyard.domain.record import Changes
from modelyard.domain.resources import Capacity
from modelyard.domain.service import ServiceStatus
from modelyard.operations.context import CardPorts

MODEL = "m-digits-1.0.0"
P4 = "modelarts.vm.gpu.p4"
FLAVORS = "/v1/modelyard/admin/flavors"
ONE = Inventory((Device(Kind.GPU, 0, "GPU-a", "NVIDIA P4", 8000),))


@dataclass
class Machine:
    """What a test says there is."""

    inventory: Inventory = ONE
    readings: Mapping[tuple[Kind, int], Reading] = field(default_factory=dict)
    granted: Sequence[Grant] = ()

    def ports(self) -> CardPorts:
        async def readings() -> Mapping[tuple[Kind, int], Reading]:
            return self.readings

        async def granted() -> Sequence[Grant]:
            return self.granted

        return CardPorts(lambda: self.inventory, readings, granted)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
async def world(machine: Machine) -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        await made.model()
        async with made.store.write() as w:
            await w.save_user(User("u-root", "root", "d1", "-"))
            await w.grant("u-root", SYSTEM, Role.ADMIN)
            await w.save_pool(PoolEntry("pool-1", "p1", "lab", "running", 1, {"nodes": ["n1"]}))
        context = replace(made.deps.context, capacity=Capacity(64, 262_144), cards=machine.ports())
        made.app.state.deps = replace(made.deps, context=context)
        yield made


async def root(world: ApiWorld, method: str, path: str, body: Any = None) -> httpx.Response:
    headers = {"X-Auth-Token": world.token("root", None)}
    return await world.client.request(method, path, headers=headers, json=body)


async def made(world: ApiWorld, name: str = "svc", query: str = "", **more: Any) -> httpx.Response:
    body = {"service_name": name, "infer_type": "real-time", "config": [entry(MODEL, **more)]}
    return await world.call("POST", f"/v1/p1/services{query}", body)


def custom(**devices: Any) -> dict[str, Any]:
    spec = {"cpu": 1, "memory": 64, **devices}
    return {"specification": "custom", "pool_name": "lab", "custom_spec": spec}


def said(answer: httpx.Response) -> str:
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error_msg"])


async def test_the_flavor_of_the_contract_once_it_is_opened(world: ApiWorld, machine: Machine) -> None:
    assert "has to be opened by an administrator" in said(await made(world, specification=P4))
    assert (await root(world, "PATCH", f"{FLAVORS}/{P4}", {"open": True})).status_code == 200
    answer = await made(world, specification=P4)
    assert answer.status_code == 200, answer.text
    _, revision, _ = await world.stored(answer.json()["service_id"])
    assert revision.variants[0].template.resources.gpus == 1
    shown = (await world.call("GET", "/v1/p1/services/specifications?limit=100")).json()["specifications"]
    found = {one["specification"]: one for one in shown}
    assert (found[P4]["gpu_info"], found[P4]["spec_status"], found[P4]["is_open"]) == ({"gpu": 1}, "normal", True)
    npu = found["modelarts.vm.ai1.snt3"]
    assert (npu["npu_info"], npu["spec_status"], npu["is_open"]) == ({"npu": 1}, "sellout", False)
    machine.inventory = Inventory()
    assert "it takes 1 GPU, of which there are 0" in said(await made(world, "other", specification=P4))


@pytest.mark.parametrize(
    ("devices", "text"),
    [
        (
            {"gpu_p4": 1.5},
            "custom_spec.gpu_p4: is 1.5: below 1 it is a part of one card, from 1 on whole cards: 1 or 2",
        ),
        ({"gpu_p4": -0.5}, "custom_spec.gpu_p4: is -0.5, must be at least 0"),
        ({"gpu_p4": 0.001}, "custom_spec.gpu_p4: is 0.001, must be 0, or at least 0.01"),
        ({"gpu_p4": 2}, "custom_spec: does not fit on this machine: it takes 2 GPU, of which there are 1"),
        ({"ascend_a310": 1}, "it takes 1 NPU, of which there are 0"),
        ({"gpu_p4": 0.5, "ascend_a310": 1}, "custom_spec.ascend_a310: excludes gpu_p4"),
        ({"ascend_a310": 0.5}, "custom_spec.ascend_a310"),
        ({"gpu_p4": "half"}, "custom_spec.gpu_p4"),
    ],
)
async def test_what_cannot_be_had(world: ApiWorld, devices: dict[str, Any], text: str) -> None:
    assert text in said(await made(world, **custom(**devices)))
    assert text in said(await made(world, query="?dry_run=true", **custom(**devices)))
    assert (await world.call("GET", "/v1/p1/services")).json()["total_count"] == 0


@pytest.mark.parametrize(("asked", "kept"), [(0.335, 0.34), (0.5, 0.5), (1, 1), (1.004, 1), (0, 0)])
async def test_parts_and_wholes(world: ApiWorld, asked: float, kept: float) -> None:
    answer = await made(world, **custom(gpu_p4=asked))
    assert answer.status_code == 200, answer.text
    _, revision, _ = await world.stored(answer.json()["service_id"])
    template = revision.variants[0].template
    assert (template.resources.gpus, template.explicit.gpus) == (kept, kept)


async def test_flavors_of_the_administrator(world: ApiWorld) -> None:
    size = {"cpu": 1, "memory_mib": 64, "category": "GPU"}
    for count, text in ((1.5, "from 1 on only whole ones, so 1 or 2"), (-1, "must be 0 to")):
        answer = await root(world, "POST", FLAVORS, {"name": "odd", "accelerators": count, **size})
        assert f"accelerators: is {count}" in said(answer)
        assert text in said(answer)
    answer = await root(world, "POST", FLAVORS, {"name": "half", "accelerators": 0.5, "open": True, **size})
    assert answer.status_code < 300, answer.text
    assert "only whole ones" in said(await root(world, "PATCH", f"{FLAVORS}/half", {"accelerators": 2.5}))
    answer = await made(world, specification="half")
    _, revision, _ = await world.stored(answer.json()["service_id"])
    assert revision.variants[0].template.resources.gpus == 0.5


async def test_while_nobody_can_tell_what_there_is_it_is_taken(world: ApiWorld, machine: Machine) -> None:
    """It waits, and says why; an update of what runs is not refused for a tool that hangs."""
    machine.inventory = Inventory((), "nvidia-smi did not answer in time")
    assert (await made(world, **custom(gpu_p4=1))).status_code == 200


async def test_what_a_service_uses(world: ApiWorld, machine: Machine) -> None:
    answer = await made(world, **custom(gpu_p4=0.5))
    service_id = answer.json()["service_id"]
    await world.instances(service_id, "i1")
    half = Grant(Kind.GPU, 0, 0.5, "GPU-a")
    async with world.store.write() as w:
        record = await w.record(service_id)
        assert record is not None
        (instance,) = record.instances
        with_half = replace(instance, id="i2", devices=(half,))
        changes = Changes(record.service.version, instances=(with_half,), forget_instances=(instance.id,))
        await w.apply(service_id, changes)
    machine.readings, machine.granted = {(Kind.GPU, 0): Reading(0.8, 6000)}, [half, half]
    (seen,) = (await world.call("GET", f"/v1/p1/services/{service_id}/monitor")).json()["monitors"]
    assert {name: seen[name] for name in seen if name.startswith(("gpu", "npu"))} == {
        "gpu_usage": 0.4,
        "gpu_total": 0.5,
        "gpu_memory_usage": 3000,
        "gpu_memory_total": 4000,
        "npu_usage": 0,
        "npu_total": 0,
        "npu_memory_usage": 0,
        "npu_memory_total": 0,
    }
    page = (await root(world, "GET", "/metrics")).text
    assert 'modelyard_accelerators_granted{kind="gpu"} 1' in page
    assert 'modelyard_accelerator_busy_ratio{kind="gpu",card="0"} 0.8' in page
    machine.inventory = Inventory()
    assert "modelyard_accelerator" not in (await root(world, "GET", "/metrics")).text


async def test_a_dry_run_tells_that_a_change_needs_another_card(world: ApiWorld, machine: Machine) -> None:
    answer = await made(world, **custom(gpu_p4=1))
    service_id = answer.json()["service_id"]
    await world.brought(service_id, ServiceStatus.RUNNING)
    await world.instances(service_id, "i1")
    change = {"config": [entry(MODEL, envs={"N": "1"}, **custom(gpu_p4=1))]}
    path = f"/v1/p1/services/{service_id}?dry_run=true"
    room = (await world.call("PUT", path, change)).json()["room"]
    assert room["surge_resources"]["gpus"] == 1
    assert room["waits_for"] == "2 GPU, of which there are 1"
    machine.inventory = Inventory((*ONE.devices, Device(Kind.GPU, 1)))
    room = (await world.call("PUT", path, change)).json()["room"]
    assert (room["surge_resources"]["gpus"], "waits_for" in room) == (1, False)
    change = {"config": [entry(MODEL, envs={"N": "1"})]}
    machine.inventory = ONE
    room = (await world.call("PUT", path, change)).json()["room"]
    assert "gpus" not in room["surge_resources"]
