"""What Terraform and SDK pollers rely on (contract §1), as one sequence against a working control plane: create →
poll → read back equal → update → stop → import → delete → 404. Fake engine and gateway, virtual time.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.contract.conformance import arrays, conforms, error
from tests.worlds.api import entry
from tests.worlds.plane import ALICE, PROJECT, PlaneWorld, plane_world

from modelyard.api.app import Deps, create_app
from modelyard.api.auth import Credentials
from modelyard.api.schemas import answers
from modelyard.domain.identity import Principal
from modelyard.iam.tokens import TokenKey
from modelyard.objects.memory import MemoryObjects
from modelyard.objects.staging import Staging
from modelyard.operations.object_usage import Usage
from modelyard.operations.objects import Storage

SERVICES = f"/v1/{PROJECT}/services"
COMPUTED = {"model_name", "model_version", "status", "scaling", "support_debug"}
PENDING = {"deploying", "stopping", "deleting"}


class Alice:
    async def principal(self, credentials: Credentials) -> Principal:
        del credentials
        return ALICE


@dataclass
class Provider:
    """A client that keeps a state, as Terraform does."""

    world: PlaneWorld
    client: httpx.AsyncClient
    service_id: str = ""

    async def send(self, method: str, body: Any = None, path: str | None = None) -> httpx.Response:
        where = f"{SERVICES}/{self.service_id}" if path is None else path
        return await self.client.request(method, where, json=body)

    async def read(self) -> dict[str, Any]:
        detail: dict[str, Any] = conforms(await self.send("GET"), answers.ServiceDetail)
        return detail

    async def settled(self) -> dict[str, Any]:
        """Poll as SDKs do: at once after the change, until the status is none that passes."""
        detail = await self.read()
        for _ in range(1000):
            await self.world.settle()
            detail = await self.read()
            if detail["status"] not in PENDING:
                return detail
            clock = self.world.clock
            moments = [t for t in (self.world.engine.next_change_ms(), clock.next_ms()) if t is not None]
            clock.advance(min(moments, default=clock.now))
            self.world.engine.announce()
        raise AssertionError(f"it never settles: {detail}")


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Provider]:
    async with plane_world(tmp_path) as world:
        objects = MemoryObjects()
        storage = Storage(objects, Staging(tmp_path / "uploads", lambda: 0), Usage(objects), lambda: 0)
        deps = Deps(context=world.context, tokens=TokenKey.generate(), storage=storage, authenticator=Alice())
        app = create_app(deps)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            yield Provider(world, client)


def asked(model_id: str, **more: Any) -> dict[str, Any]:
    """A resource as it is written in a file: what it says must come back unchanged."""
    return {
        "description": "from a file",
        "schedule": [{"type": "stop", "time_unit": "DAYS", "duration": 1}],
        "load_balancer_policy": "LEAST_CONNECTIONS",
        "priority": 2,
        "additional_properties": {
            "smn_notification": {},
            "traffic_limit": {"num": 10, "unit": "SECOND"},
            "anything": {"else": [True, 1.5, "x"]},
        },
        "config": [
            entry(
                model_id,
                envs={"Z": "1", "A": "2"},
                deploy_timeout_in_seconds=60,
                additional_properties={"max_surge": 2, "termination_grace_period_seconds": 1},
                **more,
            )
        ],
    }


def said(detail: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """What a read says of what was asked for, without what is only computed."""
    shown = {key: detail[key] for key in body if key in detail}
    shown["config"] = [{k: v for k, v in one.items() if k not in COMPUTED} for one in detail["config"]]
    return shown


async def test_the_life_of_a_resource(provider: Provider) -> None:
    world = provider.world
    first, second = await world.model("m"), await world.model("m", "2.0.0")
    body = asked(first)
    created = await provider.send("POST", {"service_name": "tf", "infer_type": "real-time", **body}, SERVICES)
    provider.service_id = conforms(created, answers.CreatedService)["service_id"]
    assert (await provider.read())["status"] == "deploying"
    detail = await provider.settled()
    assert (detail["status"], said(detail, body)) == ("running", body)
    assert said(await provider.read(), body) == body  # a second plan is empty

    body = asked(second, instance_count=2)
    conforms(await provider.send("PUT", body), answers.UpdatedService)
    assert (await provider.read())["status"] == "deploying"
    detail = await provider.settled()
    assert (detail["status"], said(detail, body)) == ("running", body)
    assert [one["status"] for one in detail["config"]] == ["running"]

    assert conforms(await provider.send("PUT", {"status": "stopped"}), answers.UpdatedService) == {}
    assert (await provider.read())["status"] == "stopping"
    detail = await provider.settled()
    assert (detail["status"], said(detail, body)) == ("stopped", body)

    listed = await provider.send("GET", path=f"{SERVICES}?service_name=tf")
    page = conforms(listed, answers.ServicePage)  # an import finds it by its name
    assert (arrays(page), page["services"][0]["service_id"]) == (["services"], provider.service_id)
    assert said(await provider.read(), body) == body

    assert conforms(await provider.send("DELETE"), answers.Done) == {}
    for _ in range(100):
        await world.settle()
        gone = await provider.send("GET")
        if gone.status_code != 200:
            break
        assert gone.json()["status"] == "deleting"
        clock = world.clock
        clock.advance(min((t for t in (world.engine.next_change_ms(), clock.next_ms()) if t), default=clock.now))
        world.engine.announce()
    error(gone, 404, "3502")
    error(await provider.send("DELETE"), 404, "3502")
    assert conforms(await provider.send("GET", path=SERVICES), answers.ServicePage)["total_count"] == 0


async def test_a_put_of_what_is_there_is_harmless(provider: Provider) -> None:
    body = asked(await provider.world.model("m"))
    created = await provider.send("POST", {"service_name": "tf", "infer_type": "real-time", **body}, SERVICES)
    provider.service_id = created.json()["service_id"]
    before = await provider.settled()
    started = len(provider.world.engine.started)
    conforms(await provider.send("PUT", {"status": "running", **said(before, body)}), answers.UpdatedService)
    after = await provider.settled()
    assert said(after, body) == body
    assert len(provider.world.engine.started) == started


async def test_a_first_deployment_that_fails_is_read_and_repaired(provider: Provider) -> None:
    world = provider.world
    world.engine.capacity = 1
    body = asked(await world.model("m"), instance_count=2)
    created = await provider.send("POST", {"service_name": "tf", "infer_type": "real-time", **body}, SERVICES)
    provider.service_id = created.json()["service_id"]
    await world.settle()
    assert (await provider.read())["status"] in {"deploying", "pending"}
    assert conforms(await provider.send("PUT", {"status": "stopped"}), answers.UpdatedService) == {}
    assert (await provider.settled())["status"] == "stopped"
