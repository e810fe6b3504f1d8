"""Calls in, answers out, as a file that people can read: every field, in its order, and what is left out.

GOLDEN=write pytest tests/golden/answers      writes it anew
"""

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from tests.worlds.api import ApiWorld, api_world, entry
from tests.worlds.batch import batch_variant, stored_batch

from modelyard.api.convert.catalog import ARCH, INTERPRETER
from modelyard.domain.batch import Publication, Source, Split, Task, TaskState
from modelyard.domain.capacity import FlavorEntry, PoolEntry
from modelyard.domain.model import ModelStatus
from modelyard.domain.service import Counter, Event, EventType, Invocations, RolloutState, ServiceStatus
from modelyard.engines.base import Usage

HERE = Path(__file__).parent
WRITE = os.environ.get("GOLDEN") == "write"
SERVICES, MODELS = "/v1/p1/services", "/v1/p1/models"
ONE, TWO = "m-digits-1.0.0", "m-digits-2.0.0"
PACKAGE: dict[str, Any] = {
    "runtime": "python3.11",
    "model_algorithm": "svm",
    "dependencies": [{"installer": "pip", "packages": []}],
    "health": {"url": "/health"},
    "apis": [{"url": "/", "method": "post"}],
    "metrics": {"f1": 0.5},
    "specification": {"min_cpu": 0.5, "min_memory": 512},
}
PROPERTIES: dict[str, Any] = {
    "zone": {"rack": None, "rows": [1, None, 2.50]},
    "traffic_limit": {"num": "100", "unit": "SECOND"},
    "request_limit": {"timeout_seconds": 1.5, "max_body_bytes": 1000},
    "ümlaut": "Größe 1 < 2 & \u2028 \U0001f600",
}


@dataclass
class Recording:
    world: ApiWorld
    calls: list[dict[str, Any]] = field(default_factory=list)
    replaced: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = await self.world.call(method, path, body, headers=headers)
        assert answer.text == compact(answer), "the bytes are what Python's json makes of it"
        told = {name: answer.headers[name] for name in ("etag", "idempotent-replayed") if name in answer.headers}
        said = {"call": f"{method} {path}", "status": answer.status_code, **told, "answer": answer.json()}
        self.calls.append(said)
        return said["answer"]

    def text(self) -> str:
        text = json.dumps(self.calls, indent=1, ensure_ascii=False)
        for one, word in self.replaced.items():
            text = text.replace(one, word)
        return text.replace(f'"{ARCH}"', '"ARCH"').replace(f'"{INTERPRETER}"', '"PYTHON"') + "\n"


def compact(answer: httpx.Response) -> str:
    return json.dumps(answer.json(), separators=(",", ":"), ensure_ascii=False)


async def recorded(world: ApiWorld) -> str:
    tape = Recording(world)
    await stocked(world)
    await models(tape)
    service_id = await life(tape)
    await others(tape)
    await everything_about(tape, service_id)
    await jobs(tape)
    await going(tape, service_id)
    await batches(tape)
    await objects(tape)
    return tape.text()


async def stocked(world: ApiWorld) -> None:
    async def usage(_: str) -> dict[str, Usage]:
        return {"i-1": Usage(0.25, 100.5), "i-2": Usage(1.0, 20.0)}

    context = replace(world.deps.context, usage=usage, requests_per_minute=lambda _: 7)
    world.app.state.deps = replace(world.deps, context=context)
    async with world.store.write() as w:
        said = {"nodes": ["n1"], "cpu": 8.5, "memory_mib": 4096, "description": "in the lab", "owner": "u-admin"}
        await w.save_pool(PoolEntry("pool-1", "p1", "lab", "running", 1, said))
        await w.save_pool(PoolEntry("pool-2", "p1", "sick", "abnormal", 2))
        gpu = {"cpu": 4, "memory_mib": 1024, "category": "GPU", "accelerators": 1, "display": "one GPU"}
        await w.save_flavor(FlavorEntry("gpu", True, gpu))
        await w.save_flavor(FlavorEntry("mine", False, {"cpu": 0.5, "memory_mib": 256}, frozenset({"p1"})))


async def models(tape: Recording) -> None:
    world = tape.world
    sent = {"description": "labels", "apis": [{"url": "/x"}], "model_metrics": '{"f1": 1}', "model_docs": []}
    await world.model("1.0.0", size_bytes=10)
    await world.model("2.0.0", config=PACKAGE, error="of another Python", attributes={"install_type": ["batch"]})
    await world.model("3.0.0", config=PACKAGE, attributes=sent)
    await world.model("4.0.0", status=ModelStatus.FAILED, error="no model")
    body = {
        "source_location": "obs://models/digits",
        "description": "",
        "model_name": "new",
        "input_params": [{"name": "x", "more": None}],
        "install_type": "real-time",
        "model_version": "0.0.1",
        "model_type": "Scikit_Learn",
    }
    made = await tape.call("POST", MODELS, body)
    await tape.call("GET", f"{MODELS}/{made['model_id']}")
    for version in (1, 2, 3, 4):
        await tape.call("GET", f"{MODELS}/m-digits-{version}.0.0")
    await tape.call("GET", f"{MODELS}?model_name=digits&sort_by=model_version")
    await tape.call("GET", f"{MODELS}/ai-engine-runtimes")
    await tape.call("GET", f"{MODELS}/ai-engine-runtimes?limit=1&offset=1")


async def life(tape: Recording) -> str:
    """A service with everything that one can say, through its states."""
    world = tape.world
    entries = [
        {
            "weight": "100",
            "envs": {"B": "2", "A": ""},
            "additional_properties": {"max_surge": "2", "max_unavailable": 0.5},
            "specification": "modelarts.vm.cpu.2u",
            "model_id": ONE,
            "instance_count": 2,
            "deploy_timeout_in_seconds": "7200",
        },
        {key: value for key, value in entry(TWO).items() if key != "weight"},
    ]
    body = {
        "service_name": "digits",
        "infer_type": "real-time",
        "description": "all of it",
        "config": entries,
        "schedule": [{"type": "stop", "time_unit": "HOURS", "duration": "2"}],
        "additional_properties": PROPERTIES,
        "load_balancer_policy": "SOURCE_IP",
        "priority": 3,
    }
    await tape.call("POST", f"{SERVICES}?dry_run=true", body)
    made = await tape.call("POST", SERVICES, body, **{"Idempotency-Key": "k"})
    await tape.call("POST", SERVICES, body, **{"Idempotency-Key": "k"})
    service_id = str(made["service_id"])
    path = f"{SERVICES}/{service_id}"
    await tape.call("GET", path)
    await tape.call("GET", f"{path}/logs")
    await world.brought(service_id, ServiceStatus.RUNNING)
    await world.instances(service_id, "i-1", "i-2")
    async with world.store.write() as w:
        await w.save_counters({service_id: Counter(Invocations(12, 3))})
        await w.add_events([Event(service_id, EventType.ABNORMAL, 'failed: "x"', world.clock())])
    await tape.call("GET", path)
    await tape.call("GET", f"{path}/monitor")
    second = {
        "config": [
            {
                **entries[0],
                "model_id": TWO,
                "specification": "custom",
                "custom_spec": {"memory": 512, "cpu": 0.335},
                "pool_name": "lab",
            }
        ]
    }
    await tape.call("PUT", f"{path}?dry_run=true", {"description": "new", "priority": 1, **second})
    await tape.call("PUT", f"{path}?dry_run=true", {"description": "all of it"})
    await tape.call("PUT", path, {"description": "words only"}, **{"Idempotency-Key": "u"})
    await tape.call("PUT", path, {"description": "words only"}, **{"Idempotency-Key": "u"})
    await tape.call("PUT", path, second, **{"If-Match": '"1.1"'})
    await tape.call("PUT", path, second)
    await tape.call("GET", path)
    async with world.store.write() as w:
        (rollout, *_) = await w.rollouts(service_id)
        service = await w.service("p1", service_id)
        assert service is not None
        await w.save_service(replace(service, revision=1))
        await w.save_rollout(replace(rollout, state=RolloutState.FAIL, cause="it broke", ended_ms=world.now))
    await world.brought(service_id, ServiceStatus.CONCERNING)
    return service_id


async def others(tape: Recording) -> None:
    """Services that have nothing to say, and one that failed."""
    await tape.world.service(name="plain")
    failed = await tape.world.service(name="broken")
    async with tape.world.store.write() as w:
        service = await w.service("p1", failed)
        assert service is not None
        await w.save_service(replace(service, status=ServiceStatus.FAILED, failed=True, error="no model"))
    await tape.call("GET", f"{SERVICES}/{failed}")


async def jobs(tape: Recording) -> None:
    """A batch service whose task is at work, and one that is finished."""
    world = tape.world
    service_id = await stored_batch(world.store, batch_variant(2), world.clock(), owner="u-admin")
    path = f"{SERVICES}/{service_id}"
    source = Source(0, "obs://b/in/rows.csv", "b", "in/rows.csv", 40, "v", "rows.csv_result.txt")
    async with world.store.write() as w:
        await w.add_task(Task("task-1", service_id, 1, 1, "roll-jobs-1", world.clock()))
        await w.plan("task-1", (source,), (Split(0, 0, 40, 0, 4),), "", planned=False)
    await tape.call("GET", path)
    await world.brought(service_id, ServiceStatus.RUNNING)
    async with world.store.write() as w:
        await w.lease("task-1", "i-1", world.clock())
        await w.publish("task-1", Publication(0, 0, 1, 4, 1, "p", 8, 16))
        task = await w.task("task-1")
        assert task is not None
        await w.save_task(replace(task, waiting="the object store does not answer"))
    for what in ("", "/tasks", "/tasks/task-1", "/monitor"):
        await tape.call("GET", path + what)
    async with world.store.write() as w:
        await w.save_task(replace(task, state=TaskState.FINISHED, finished_ms=world.clock()))
    await world.brought(service_id, ServiceStatus.FINISHED)
    for what in ("", "/tasks/task-1/failed-rows"):
        await tape.call("GET", path + what)
    await tape.call("POST", f"{path}/tasks/task-1/retry-failed?dry_run=true")
    await tape.call("POST", f"{path}/tasks/task-1/retry-failed")


async def everything_about(tape: Recording, service_id: str) -> None:
    path = f"{SERVICES}/{service_id}"
    for what in ("", "/events", "/events?event_type=abnormal", "/logs", "/monitor", "/revisions", "/revisions/2"):
        await tape.call("GET", path + what)
    for query in ("", "?limit=1&offset=1&sort_by=service_name", "?status=failed", "?tags=any"):
        await tape.call("GET", SERVICES + query)
    await tape.call("GET", f"{SERVICES}/specifications")
    await tape.call("GET", f"{SERVICES}/specifications?is_personal_cluster=true&limit=2")
    await tape.call("GET", "/v1/p1/clusters")


async def going(tape: Recording, service_id: str) -> None:
    """Small changes, back again, and away."""
    path, world = f"{SERVICES}/{service_id}", tape.world
    counts = {"changed_property": "instance_count", "configs": [{"model_id": TWO, "changed_value": "3"}]}
    patch = [{"op": "replace", "path": "/config/0/envs/A", "value": "x"}]
    await tape.call("PUT", f"{path}/property?dry_run=true", counts)
    await tape.call("PUT", f"{path}/property", counts)
    await world.brought(service_id, ServiceStatus.RUNNING)
    await tape.call("PATCH", path, patch)
    await world.brought(service_id, ServiceStatus.RUNNING)
    await tape.call("POST", f"{path}/revisions/1/rollback?dry_run=true")
    await tape.call("POST", f"{path}/revisions/1/rollback")
    await tape.call("PUT", path, {"status": "stopped"})
    await world.brought(service_id, ServiceStatus.STOPPED)
    await tape.call("GET", path)
    await tape.call("DELETE", f"{MODELS}/{ONE}?cascade=true")
    await tape.call("DELETE", path)
    await tape.call("GET", path)


async def batches(tape: Recording) -> None:
    """A batch service: what it is told, what it is not, and what a change would do."""
    world = tape.world
    leaves = {"x": {"index": "0"}, "y": {"type": "string", "column": "name"}, "z": {"index": -1}}
    data = {"type": "object", "properties": {"x": {"type": "number"}}}
    request = {"Content-type": "application/json", "data": data}
    await world.model("1.0.0", "rows", config={"apis": [{"url": "/", "method": "post", "request": request}]})
    said = {
        "model_id": "m-rows-1.0.0",
        "specification": "modelarts.vm.cpu.2u",
        "instance_count": "2",
        "src_path": "https://in.obs.example.com/rows/",
        "dest_path": "s3://in/out",
        "req_uri": "/",
        "mapping_type": "csv",
        "mapping_rule": json.dumps({"properties": leaves}),
        "additional_properties": {"csv_header": True, "error_threshold": {"share": "0.25"}, "csv_delimiter": ";"},
    }
    body = {"service_name": "nightly", "infer_type": "batch", "config": [said]}
    await tape.call("POST", f"{SERVICES}?dry_run=true", body)
    wrong = {
        "weight": 50,
        "src_path": "ftp://x",
        "dest_path": None,
        "req_uri": "/predict",
        "mapping_rule": {"properties": {"x": 1}},
        "additional_properties": {"max_surge": 1, "error_threshold": {}, "csv_encoding": "hz"},
    }
    await tape.call("POST", SERVICES, {**body, "config": [{**said, **wrong}], "load_balancer_policy": "SOURCE_IP"})
    made = await tape.call("POST", SERVICES, body)
    service_id = str(made["service_id"])
    path = f"{SERVICES}/{service_id}"
    await world.brought(service_id, ServiceStatus.RUNNING)
    await tape.call("GET", path)
    await tape.call("PUT", f"{path}?dry_run=true", {"config": [{**said, "instance_count": 1}]})
    counts = {
        "changed_property": "instance_count",
        "configs": [{"model_id": "m-rows-1.0.0", "changed_value": "3"}],
    }
    await tape.call("PUT", f"{path}/property", counts)
    await tape.call("PUT", path, {"config": [{**said, "dest_path": "s3://in/other"}]})
    await tape.call("GET", f"{SERVICES}?infer_type=batch")
    await tape.call("GET", f"{path}/logs")


async def objects(tape: Recording) -> None:
    """What is said of objects; the objects themselves are no JSON."""
    path, world = "/v1/p1/objects", tape.world
    await tape.call("PUT", f"{path}/data")
    for key in ("a/b.csv", "a/c/d.csv", "%C3%BC"):
        await tape.call("PUT", f"{path}/data/{key}", b"1,2\n")
    await tape.call("PUT", f"{path}/data/a/b.csv", b"", **{"If-None-Match": "*"})
    await tape.call(
        "PUT",
        f"{path}/data/x",
        b"x",
        **{"Content-Digest": "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"},
    )
    for query in ("", "?prefix=a/&delimiter=/", "?limit=1", "?limit=1&after=a/b.csv"):
        await tape.call("GET", f"{path}/data{query}")
    made = await tape.call("POST", f"{path}/data/large?action=upload", {"size": 5})
    upload = str(made["upload_id"])
    await tape.call("PUT", f"{path}/data/large?upload={upload}&offset=0", b"123")
    await tape.call("PUT", f"{path}/data/large?upload={upload}&offset=0", b"123")
    await tape.call("PUT", f"{path}/data/large?upload={upload}&offset=3", b"45")
    await tape.call("GET", f"{path}/data/large?upload={upload}")
    await tape.call("POST", f"{path}/data/large?action=complete&upload={upload}", {})
    await tape.call("POST", f"{path}/data/large?action=sign", {})
    await tape.call("GET", f"{path}/data/nothing")
    await tape.call("GET", f"{path}/nowhere")
    await tape.call("DELETE", f"{path}/data/%C3%BC")
    await tape.call("DELETE", f"{path}/data")
    await tape.call("GET", path)
    world.objects.away = True
    await tape.call("GET", f"{path}/data")
    tape.replaced[upload] = "UPLOAD"


async def test_answers() -> None:
    async with api_world() as world:
        text = await recorded(world)
    path = HERE / "answers.json"
    if WRITE:
        path.write_text(text)
    assert text == path.read_text()
