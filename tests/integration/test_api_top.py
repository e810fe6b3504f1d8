"""What services use now, and what takes the disk, over the API."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest
from tests.worlds.api import SECOND, ApiWorld, api_world

from modelyard.api.auditing import audited
from modelyard.domain.audit import AuditQuery
from modelyard.domain.identity import SYSTEM, Role, User
from modelyard.engines.base import Usage
from modelyard.operations.disk_use import DiskPorts, Unneeded

TOLD = b"""modelyard_in_flight 2
modelyard_request_seconds_bucket{le="0.1"} 50
modelyard_request_seconds_bucket{le="0.2"} 100
modelyard_request_seconds_bucket{le="+Inf"} 100
"""


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        async with made.store.write() as w:
            await w.save_user(User("u-root", "root", "d1", "h"))
            await w.grant("u-root", SYSTEM, Role.ADMIN)
        yield made


async def test_a_row_for_each_service(world: ApiWorld) -> None:
    service_id = await world.service()
    await world.service(name="idle")
    await world.instances(service_id, "i1", "i2")

    async def usage(asked: str) -> Mapping[str, Usage]:
        assert asked == service_id
        return {"i1": Usage(0.25, 100), "i2": Usage(0.5, 50.5)}

    async def metrics(instance_id: str, limit_s: float) -> bytes | None:
        return TOLD if instance_id == "i1" else None

    context = replace(world.deps.context, usage=usage, metrics=metrics, requests_per_minute=lambda _: 60)
    world.app.state.deps = replace(world.deps, context=context)
    answer = await world.call("GET", "/v1/p1/modelyard/top", user="reader")
    assert answer.status_code == 200, answer.text
    busy, idle = answer.json()["services"]
    assert busy == {
        "service_id": service_id,
        "service_name": "digits-service",
        "project_id": "p1",
        "infer_type": "real-time",
        "status": "running",
        "instances": 2,
        "ready": 2,
        "cpu": 0.75,
        "cpu_allowed": 4,
        "memory_mib": 150.5,
        "memory_mib_allowed": 16384,
        "requests_per_minute": 60,
        "invocation_times": 0,
        "failed_times": 0,
        "in_flight": 2,
        "p50_seconds": 0.1,
        "p99_seconds": pytest.approx(0.198),
    }
    assert (idle["instances"], "in_flight" in idle) == (0, False)


async def test_who_may_see_what(world: ApiWorld) -> None:
    await world.service()
    theirs = await world.call("GET", "/v1/p2/modelyard/top", user="other", project=SECOND)
    assert theirs.json()["services"] == []
    assert (await world.call("GET", "/v1/p1/modelyard/top", user="invoker")).status_code == 403
    assert (await world.call("GET", "/v1/p1/modelyard/top", user="other", project=SECOND)).status_code == 403
    for method, path in (("GET", "top"), ("GET", "disk"), ("POST", "clean")):
        assert (await world.call(method, f"/v1/modelyard/admin/{path}")).status_code == 403
    every = await world.call("GET", "/v1/modelyard/admin/top", user="root")
    assert every.json()["count"] == 1


async def test_the_disk_and_what_is_cleaned(world: ApiWorld) -> None:
    left = [Unneeded("package", "d1", 70), Unneeded("upload", "b/k", 7)]
    stays = Unneeded("package", "d2", 9, held=True)

    async def measured() -> Mapping[str, int]:
        return {"database": 5, "packages": 100}

    async def unneeded() -> list[Unneeded]:
        return list(left)

    async def clean() -> list[Unneeded]:
        gone = [*left, stays]
        left.clear()
        return gone

    world.app.state.deps = audited(replace(world.deps, disk=DiskPorts(measured, unneeded, clean)))
    shown = (await world.call("GET", "/v1/modelyard/admin/disk", user="root")).json()
    assert (shown["used"], shown["total_bytes"]) == ({"database": 5, "packages": 100}, 105)
    would = (await world.call("POST", "/v1/modelyard/admin/clean?dry_run=true", user="root")).json()
    assert (would["dry_run"], would["total_bytes"], would["count"], len(left)) == (True, 77, 2, 2)
    done = (await world.call("POST", "/v1/modelyard/admin/clean", user="root")).json()
    assert (done["removed"], left) == (would["removed"], [])
    assert (done["total_bytes"], done["count"], would["held"]) == (77, 2, [])
    assert done["held"] == [{"kind": "package", "name": "d2", "size_bytes": 9}]
    async with world.store.read() as r:
        _, told = await r.audit(AuditQuery(action="clean"))
    outcomes = [(row.user_name, str(row.outcome)) for row in told]
    assert outcomes == [("root", "done"), ("root", "begun")], "before anything is removed; a dry run is no change"
