"""Tasks of batch services over the API: shown, listed, their failed rows read and tried again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.worlds.api import ApiWorld, api_world
from tests.worlds.batch import JOB, batch_variant, stored_batch

from modelyard.batch.runner import Pace
from modelyard.core.batch import names
from modelyard.core.batch.results import failed_row
from modelyard.domain.batch import Format, Publication, Source, Split, Task, TaskState
from modelyard.domain.revision import Variant
from modelyard.domain.service import ServiceStatus
from modelyard.objects.local import LocalObjects
from modelyard.objects.paths import ObjectPath
from modelyard.operations.context import BatchPorts

SERVICE = "svc-jobs"
PATH = f"/v1/p1/services/{SERVICE}"
TASK = "task-1"


@dataclass
class BatchWorld:
    api: ApiWorld
    objects: LocalObjects

    async def get(self, path: str, status: int = 200, **more: Any) -> Any:
        answer = await self.api.call("GET", path, **more)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def begin(self, asked: Variant | None = None, rows: int = 100) -> None:
        """A running service whose task has one source of so many rows, in splits of ten."""
        await stored_batch(self.api.store, asked or batch_variant(), self.api.clock(), owner="u-admin")
        task = Task(TASK, SERVICE, 1, 1, "roll-jobs-1", self.api.clock())
        source = Source(0, "obs://b/in/rows.csv", "b", "in/rows.csv", rows, "v", "rows.csv_result.txt")
        splits = [Split(0, at, at + 10, at, 10) for at in range(0, rows, 10)]
        async with self.api.store.write() as w:
            await w.add_task(task)
            await w.plan(TASK, (source,), splits, "end", planned=True)
        await self.api.brought(SERVICE, ServiceStatus.RUNNING)

    async def publish(self, *failed: int, in_ledger: bool = False) -> None:
        """The next ten rows, of which these (of the split) failed. `in_ledger`: the part is no object."""
        async with self.api.store.write() as w:
            split = await w.lease(TASK, "w", self.api.clock())
            assert split is not None
            lines = b"".join(b'{"row":%d,"error":"no number"}\n' % (split.first_row + row) for row in failed)
            name = f"{names.parts_name(TASK)}/0-{split.start}-{split.attempt}"
            part = b"{}\n" * 10 + lines
            if not in_ledger:
                await self.objects.write(ObjectPath("b", f"out/{name}"), part)
            published = Publication(0, split.start, split.attempt, 10, len(failed), name, 30, len(part))
            published = replace(published, content=part if in_ledger else b"")
            assert await w.publish(TASK, published)

    async def end(self, state: TaskState, status: ServiceStatus) -> None:
        async with self.api.store.write() as w:
            task = await w.task(TASK)
            assert task is not None
            await w.save_task(replace(task, state=state, finished_ms=self.api.clock()))
        await self.api.brought(SERVICE, status)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[BatchWorld]:
    async with api_world() as api:
        objects = LocalObjects(tmp_path)
        (tmp_path / "b").mkdir()
        context = replace(api.deps.context, batch=BatchPorts(lambda _: Pace(12.34, 7.6), objects))
        api.app.state.deps = replace(api.deps, context=context)
        yield BatchWorld(api, objects)


async def test_the_detail_tells_of_the_task(world: BatchWorld) -> None:
    await world.begin()
    await world.publish(3, 4)
    shown = await world.get(PATH)
    assert shown["status"] == "running"
    assert shown["progress"] == 10
    assert (shown["invocation_times"], shown["failed_times"]) == (10, 2)
    assert "access_address" not in shown
    task = shown["batch"]
    assert task == await world.get(f"{PATH}/tasks/{TASK}")
    assert {key: task[key] for key in ("task_id", "number", "state", "planned", "rows", "rows_done")} == {
        "task_id": TASK,
        "number": 1,
        "state": "active",
        "planned": True,
        "rows": 100,
        "rows_done": 8,
    }
    assert (task["rows_failed"], task["sources"], task["sources_failed"]) == (2, 1, 0)
    assert (task["rows_per_second"], task["seconds_left"]) == (12.3, 8)
    (entry,) = shown["config"]
    assert entry["start_time"] == task["started_at"]
    assert "finished_time" not in entry
    assert entry["status"] == "running"


async def test_what_is_finished_says_where_its_results_are(world: BatchWorld) -> None:
    await world.begin(rows=10)
    await world.publish()
    await world.end(TaskState.FINISHED, ServiceStatus.FINISHED)
    shown = await world.get(PATH)
    assert (shown["status"], shown["progress"]) == ("finished", 100)
    assert shown["batch"]["manifest"] == f"obs://b/out/infer-result-{TASK}.manifest"
    assert "rows_per_second" not in shown["batch"]
    assert shown["config"][0]["finished_time"] == shown["batch"]["finished_at"]
    assert shown["config"][0]["status"] == "finished"


async def test_lists_have_batch_services_and_tell_them_apart(world: BatchWorld) -> None:
    await world.begin()
    await world.api.service()
    await world.publish(0)
    both = (await world.get("/v1/p1/services"))["services"]
    assert len(both) == 2
    (one,) = (await world.get("/v1/p1/services?infer_type=batch&status=running"))["services"]
    assert one["batch"]["rows_done"] == 9
    assert (await world.get("/v1/p1/services?status=finished"))["count"] == 0
    (other,) = (await world.get("/v1/p1/services?infer_type=real-time"))["services"]
    assert "batch" not in other


async def test_without_the_gateway_a_batch_service_is_as_it_is(world: BatchWorld) -> None:
    async def away() -> bool:
        return False

    await world.begin()
    await world.api.service()
    context = replace(world.api.deps.context, facts=away)
    world.api.app.state.deps = replace(world.api.deps, context=context)
    assert (await world.get(PATH))["status"] == "running"
    running = (await world.get("/v1/p1/services?status=running"))["services"]
    assert [one["service_id"] for one in running] == [SERVICE]
    concerning = (await world.get("/v1/p1/services?status=concerning"))["services"]
    assert [one["infer_type"] for one in concerning] == ["real-time"]
    assert (await world.get("/v1/p1/services?status=running&infer_type=real-time"))["services"] == []


async def test_the_monitor_counts_rows(world: BatchWorld) -> None:
    await world.begin()
    await world.publish(1)
    await world.api.instances(SERVICE, "i-1")
    shown = await world.get(f"{PATH}/monitor")
    (one,) = shown["monitors"]
    assert (one["invocation_times"], one["failed_times"]) == (10, 1)
    assert (one["model_running_instance_count"], one["model_instance_count"]) == (1, 1)
    assert shown["req_count_per_min"] == round(12.34 * 60)


async def test_metrics_tell_of_rows(world: BatchWorld) -> None:
    await world.begin()
    await world.publish(1, 2)
    page = (await world.api.call("GET", f"{PATH}/metrics")).text
    rows = [
        line.rpartition('outcome="')[2] for line in page.splitlines() if line.startswith("modelyard_task_rows{")
    ]
    assert rows == ['successful"} 8', 'failed"} 2', 'none yet"} 90']
    assert [line[-1] for line in page.splitlines() if line.startswith("modelyard_task_at_work{")] == ["1"]
    assert "modelyard_invocations_total" not in page


async def test_tasks_are_listed_newest_first(world: BatchWorld) -> None:
    await world.begin()
    async with world.api.store.write() as w:
        await w.add_task(Task("task-2", SERVICE, 2, 1, "r2", world.api.clock()))
    page = await world.get(f"{PATH}/tasks")
    assert [one["task_id"] for one in page["tasks"]] == ["task-2", TASK]
    assert (page["total_count"], page["count"], page["service_name"]) == (2, 2, "jobs")
    page = await world.get(f"{PATH}/tasks?limit=1&offset=1")
    assert [one["task_id"] for one in page["tasks"]] == [TASK]


async def test_failed_rows_are_read_from_the_parts(world: BatchWorld) -> None:
    await world.begin()
    await world.publish(3, 4)
    await world.publish()
    await world.publish(0, 1, 9)
    page = await world.get(f"{PATH}/tasks/{TASK}/failed-rows")
    assert [one["row"] for one in page["rows"]] == [3, 4, 20, 21, 29]
    assert page["rows"][0] == {"source": "obs://b/in/rows.csv", "row": 3, "error": "no number"}
    assert page["total_count"] == 5
    pages = [await world.get(f"{PATH}/tasks/{TASK}/failed-rows?limit=2&offset={at}") for at in range(4)]
    assert [[one["row"] for one in each["rows"]] for each in pages] == [[3, 4], [20, 21], [29], []]


async def test_failed_rows_of_parts_in_the_ledger_are_told_too(world: BatchWorld) -> None:
    await world.begin()
    await world.publish(3, in_ledger=True)
    await world.publish(4)
    rows = (await world.get(f"{PATH}/tasks/{TASK}/failed-rows"))["rows"]
    assert rows == [{"source": "obs://b/in/rows.csv", "row": row, "error": "no number"} for row in (3, 14)]


async def test_a_failed_file_is_named_by_its_source(world: BatchWorld) -> None:
    asked = replace(batch_variant(), job=replace(JOB, format=Format.FILE))
    await stored_batch(world.api.store, asked, world.api.clock(), owner="u-admin")
    some = [Source(n, f"obs://b/in/{n}.png", "b", f"in/{n}.png", 9, "v", f"{n}.png_result.txt") for n in range(3)]
    async with world.api.store.write() as w:
        await w.add_task(Task(TASK, SERVICE, 1, 1, "r", 1))
        await w.plan(TASK, some, (Split(0, 0, 0, 0, 3),), "end", planned=True)
        split = await w.lease(TASK, "w", 1)
        assert split is not None
        name, content = f"{names.parts_name(TASK)}/0-0-1", b'{"row":2,"error":"no image"}\n'
        await world.objects.write(ObjectPath("b", f"out/{name}"), content)
        await w.publish(TASK, Publication(0, 0, split.attempt, 3, 1, name, 0, len(content)))
    page = await world.get(f"{PATH}/tasks/{TASK}/failed-rows")
    assert page["rows"] == [{"source": "obs://b/in/2.png", "row": 0, "error": "no image"}]


async def test_failed_rows_of_a_finished_task_are_read_from_its_file(world: BatchWorld) -> None:
    await world.begin(rows=10)
    await world.publish(3)
    await world.end(TaskState.FINISHED, ServiceStatus.FINISHED)
    source = Source(0, "obs://b/in/rows.csv", "b", "in/rows.csv", 10, "v", "rows.csv_result.txt")
    where = ObjectPath("b", f"out/{names.failed_name(TASK)}")
    await world.objects.write(where, failed_row(source, 3, "no number"))
    assert (await world.get(f"{PATH}/tasks/{TASK}/failed-rows"))["rows"] == [
        {"source": "obs://b/in/rows.csv", "row": 3, "error": "no number"}
    ]
    await world.objects.delete(where)
    refused = await world.get(f"{PATH}/tasks/{TASK}/failed-rows", 400)
    assert "cannot be read" in refused["error_msg"]


async def test_failed_rows_are_tried_again(world: BatchWorld) -> None:
    await world.begin(rows=10)
    await world.publish(3, 4)
    await world.end(TaskState.FINISHED, ServiceStatus.FINISHED)
    before = await world.get(PATH)
    answer = await world.api.call("POST", f"{PATH}/tasks/{TASK}/retry-failed")
    assert answer.status_code == 200
    assert set(answer.json()) == {"update_time", "resource_ids"}
    after = await world.get(PATH)
    assert (before["status"], after["status"]) == ("finished", "deploying")
    assert (after["batch"]["state"], after["batch"]["retries"]) == ("active", 1)
    assert world.api.nudges == [("service", SERVICE)]
    told = await world.get(f"{PATH}/events")
    assert told["events"][0]["event_info"] == "task 1 tries 2 FAILED rows again"
    again = await world.api.call("POST", f"{PATH}/tasks/{TASK}/retry-failed")
    assert (again.status_code, again.json()["error_code"]) == (400, "ModelArts.3519")


async def test_a_retry_is_bound_like_any_other_change(world: BatchWorld) -> None:
    await world.begin(rows=10)
    await world.publish(3)
    await world.end(TaskState.FINISHED, ServiceStatus.FINISHED)
    path = f"{PATH}/tasks/{TASK}/retry-failed"
    stale = await world.api.call("POST", path, headers={"If-Match": '"9.9"'})
    assert stale.status_code == 412
    tried = await world.api.call("POST", f"{path}?dry_run=true")
    assert (tried.status_code, tried.json()["instances"][0]["starts"]) == (200, 1)
    assert (await world.get(PATH))["status"] == "finished"
    first = await world.api.call("POST", path, headers={"Idempotency-Key": "k"})
    second = await world.api.call("POST", path, headers={"Idempotency-Key": "k"})
    assert first.json() == second.json()
    assert (await world.get(PATH))["batch"]["retries"] == 1


@pytest.mark.parametrize(
    ("state", "status", "failed", "why"),
    [
        (TaskState.ACTIVE, ServiceStatus.RUNNING, (1,), "wait until the service is finished"),
        (TaskState.FINISHED, ServiceStatus.FINISHED, (), "there is nothing to try again"),
        (TaskState.STOPPED, ServiceStatus.STOPPING, (1,), "stopping"),
    ],
    ids=["at work", "none failed", "stopping"],
)
async def test_when_nothing_can_be_tried_again(
    world: BatchWorld, state: TaskState, status: ServiceStatus, failed: tuple[int, ...], why: str
) -> None:
    await world.begin(rows=10)
    await world.publish(*failed)
    await world.end(state, status)
    answer = await world.api.call("POST", f"{PATH}/tasks/{TASK}/retry-failed")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "ModelArts.3519")
    assert why in answer.json()["error_msg"]


async def test_an_older_task_is_not_tried_again(world: BatchWorld) -> None:
    await world.begin(rows=10)
    await world.publish(1)
    await world.end(TaskState.FINISHED, ServiceStatus.FINISHED)
    async with world.api.store.write() as w:
        await w.add_task(Task("task-2", SERVICE, 2, 1, "r2", 1, state=TaskState.STOPPED))
    answer = await world.api.call("POST", f"{PATH}/tasks/{TASK}/retry-failed")
    assert "task 2 took its place" in answer.json()["error_msg"]


async def test_nobody_else_reads_or_retries(world: BatchWorld) -> None:
    await world.begin(rows=10)
    await world.publish(1)
    await world.end(TaskState.FINISHED, ServiceStatus.FINISHED)
    path = f"{PATH}/tasks/{TASK}"
    assert (await world.api.call("GET", path, user="reader")).status_code == 200
    assert (await world.api.call("GET", f"{path}/failed-rows", user="invoker")).status_code == 403
    assert (await world.api.call("POST", f"{path}/retry-failed", user="reader")).status_code == 403
    assert (await world.api.call("POST", f"{path}/retry-failed", user="member")).status_code == 400
    await world.get(f"{PATH}/tasks/other", 404)
    other = await world.api.service()
    refused = await world.get(f"/v1/p1/services/{other}/tasks", 400)
    assert "only batch services have tasks" in refused["error_msg"]
    await world.get(f"/v1/p1/services/{other}/tasks/{TASK}", 400)
