"""Batch services and watching, by both clients."""

import json
from typing import Any

import httpx
import pytest
from tests.unit.client.test_twins import Yard, both
from tests.unit.client.twins import play

from modelyard.client import ApiError, Unreachable
from modelyard.client.aio.services import WATCH_TRIES


def service(status: str = "running", **more: object) -> dict[str, object]:
    return {"service_id": "s1", "service_name": "jobs", "status": status, "infer_type": "batch", **more}


def stream(*events: tuple[str, str, object]) -> httpx.Response:
    """(id, kind, data) each."""
    text = "".join(f"id: {n}\nevent: {kind}\ndata: {json.dumps(data)}\n\n" for n, kind, data in events)
    return httpx.Response(200, content=f": nothing new\n\n{text}")


async def each(found: Any) -> list[Any]:
    return [one async for one in found] if hasattr(found, "__aiter__") else list(await found)


@both
def test_a_service_is_watched_until_it_is_deleted(kind: str) -> None:
    yard = Yard(stream(("1", "service", service()), ("2", "service", service("finished")), ("", "deleted", {})))
    seen: list[str] = []

    async def scenario(client: Any) -> None:
        seen.extend(one.status for one in await each(client.services.watch("s1")))

    play(kind, yard, scenario)
    assert seen == ["running", "finished"]


@both
def test_a_stream_that_breaks_off_goes_on_where_it_was(kind: str) -> None:
    answers = (
        stream(("1", "service", service())),
        httpx.ConnectError("refused"),
        httpx.ConnectError("refused"),
        httpx.ConnectError("refused"),
        stream(("2", "service", service("finished")), ("", "deleted", {})),
    )
    yard = Yard(*answers)
    seen: list[str] = []
    notes: list[str] = []

    async def scenario(client: Any) -> None:
        seen.extend(one.status for one in await each(client.services.watch("s1", notes.append)))

    play(kind, yard, scenario)
    assert seen == ["running", "finished"]
    assert notes == [
        "the connection broke (http://yard.test: nothing answers there), trying again",
        "connected again",
    ]
    assert "last-event-id" not in yard.seen[0].headers
    assert yard.seen[-1].headers["last-event-id"] == "1"


@both
def test_a_service_that_is_gone_when_the_stream_goes_on_is_the_end(kind: str) -> None:
    yard = Yard(stream(("1", "service", service())), httpx.Response(404, json={"error_msg": "no such service"}))

    async def scenario(client: Any) -> None:
        assert len(await each(client.services.watch("s1"))) == 1

    play(kind, yard, scenario)


@both
def test_a_service_that_never_was_is_an_error(kind: str) -> None:
    yard = Yard(httpx.Response(404, json={"error_msg": "no such service"}))

    async def scenario(client: Any) -> None:
        with pytest.raises(ApiError):
            await each(client.services.watch("s1"))

    play(kind, yard, scenario)


@both
def test_a_stream_that_says_nothing_is_not_asked_for_ever(kind: str) -> None:
    yard = Yard(*[stream() for _ in range(WATCH_TRIES + 1)])

    async def scenario(client: Any) -> None:
        with pytest.raises(Unreachable):
            await each(client.services.watch("s1"))

    assert play(kind, yard, scenario) == [1.0] * WATCH_TRIES


@both
def test_a_batch_service_is_made_and_its_failed_rows_are_read_and_tried_again(kind: str) -> None:
    rows = [{"source": "a", "row": number, "error": "no"} for number in range(1000)]
    yard = Yard(
        httpx.Response(200, json={"service_id": "s1"}),
        httpx.Response(200, json={"tasks": [{"task_id": "t1", "number": 1, "state": "finished", "rows": 3}]}),
        httpx.Response(200, json={"rows": rows}),
        httpx.Response(200, json={"rows": rows[:1]}),
        httpx.Response(200, json={}),
    )

    async def scenario(client: Any) -> None:
        assert await client.batch.create("jobs", {"model_id": "m"}) == "s1"
        (task,) = await client.batch.tasks("s1")
        assert (task.task_id, task.rows) == ("t1", 3)
        found = await each(client.batch.failed_rows("s1", "t1"))
        assert len(found) == 1001
        assert found[2].row == 2
        await client.batch.retry_failed("s1", "t1")

    play(kind, yard, scenario)
    assert json.loads(yard.seen[0].content)["infer_type"] == "batch"
    assert [request.url.path for request in yard.seen[-3:]] == [
        *["/v1/p1/services/s1/tasks/t1/failed-rows"] * 2,
        "/v1/p1/services/s1/tasks/t1/retry-failed",
    ]


@both
@pytest.mark.parametrize(("status", "error"), [("failed", "no rights"), ("stopped", "")])
def test_waiting_ends_with_the_job(kind: str, status: str, error: str) -> None:
    yard = Yard(
        httpx.Response(200, json=service("deploying")),
        httpx.Response(200, json=service("running")),
        httpx.Response(200, json=service("finished")),
        httpx.Response(200, json=service(status, error_msg=error)),
    )

    async def scenario(client: Any) -> None:
        assert (await client.services.wait_ended("s1")).status == "finished"
        with pytest.raises(Exception, match=error or status):
            await client.services.wait_ended("s1")

    play(kind, yard, scenario)
