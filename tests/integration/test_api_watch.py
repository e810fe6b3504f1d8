"""Services watched over the API."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest
from tests.worlds.api import SECOND, ApiWorld, api_world
from tests.worlds.batch import batch_variant, stored_batch
from tests.worlds.streams import LIMIT_S, Watching, streamed

from modelyard.domain.batch import Task
from modelyard.domain.record import Changes
from modelyard.domain.service import ServiceStatus
from modelyard.operations.bells import Bells, Bounds

QUICK = Bounds(of_project=2, in_all=3, beat_s=30, apart_s=0, look_s=30)


def watched(world: ApiWorld, service_id: str, **how: Any) -> AbstractAsyncContextManager[Watching]:
    return streamed(world, f"{service_id}/watch", **how)


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        bounded(made, QUICK)
        yield made


def bounded(world: ApiWorld, bounds: Bounds) -> Bells:
    bells = Bells(bounds)

    def nudge(_kind: str, key: str) -> None:
        bells.ring(key)

    context = replace(world.deps.context, bells=bells, nudge=nudge)
    world.app.state.deps = replace(world.deps, context=context)
    return bells


async def described(world: ApiWorld, service_id: str, text: str) -> None:
    answer = await world.call("PUT", f"/v1/p1/services/{service_id}", {"description": text})
    assert answer.status_code == 200


async def test_what_it_is_comes_first_and_then_every_change(world: ApiWorld) -> None:
    service_id = await world.service()
    async with watched(world, service_id) as stream:
        assert await stream.service() == (await world.call("GET", f"/v1/p1/services/{service_id}")).json()
        assert stream.status == 200
        await described(world, service_id, "other")
        assert (await stream.service())["description"] == "other"
        await world.call("DELETE", f"/v1/p1/services/{service_id}")
        assert (await stream.service())["status"] == "deleting"


async def test_the_stream_ends_with_the_service(world: ApiWorld) -> None:
    service_id = await world.service()
    async with watched(world, service_id) as stream:
        await stream.service()
        async with world.store.write() as w:
            service = await w.service(None, service_id)
            assert service is not None
            await w.apply(service_id, Changes(service.version, delete_service=True))
        world.deps.context.bells.ring(service_id)
        gone = await stream.event()
        assert (gone.event, json.loads(gone.data)) == ("deleted", {"service_id": service_id})
        await stream.end()


async def test_a_slow_reader_misses_what_is_between_and_not_what_is_last(world: ApiWorld) -> None:
    """Many changes, each with its bell, and one look after them."""
    service_id = await world.service()
    open_, looked = asyncio.Event(), asyncio.Event()
    open_.set()

    async def waiting() -> bool:
        looked.set()
        await open_.wait()
        return True

    context = replace(world.deps.context, facts=waiting)
    world.app.state.deps = replace(world.deps, context=context)
    async with watched(world, service_id) as stream:
        await stream.service()
        open_.clear()
        looked.clear()
        context.bells.ring(service_id)
        await looked.wait()
        for number in range(5):
            async with world.store.write() as w:
                service = await w.service(None, service_id)
                assert service is not None
                await w.save_service(replace(service, description=f"{number}", version=service.version + 1))
            context.bells.ring(service_id)
        open_.set()
        seen = [(await stream.service())["description"]]
        while seen[-1] != "4":
            seen.append((await stream.service())["description"])
        assert len(seen) <= 2


async def test_a_bell_without_a_change_says_nothing(world: ApiWorld) -> None:
    service_id = await world.service()
    async with watched(world, service_id) as stream:
        await stream.service()
        for _ in range(3):
            world.deps.context.bells.ring(service_id)
            await asyncio.sleep(0)
        await described(world, service_id, "other")
        assert (await stream.service())["description"] == "other"


async def test_what_was_seen_is_not_told_again(world: ApiWorld) -> None:
    service_id = await world.service()
    async with watched(world, service_id) as stream:
        first = await stream.event()
    async with watched(world, service_id, **{"last-event-id": first.id}) as stream:
        await described(world, service_id, "other")
        assert (await stream.service())["description"] == "other"
    async with watched(world, service_id, **{"last-event-id": first.id}) as stream:
        assert (await stream.service())["description"] == "other"


async def test_rows_are_told_of_although_no_bell_rings(world: ApiWorld) -> None:
    bounded(world, replace(QUICK, look_s=0.01))
    service_id = await stored_batch(world.store, batch_variant(), world.clock())
    async with world.store.write() as w:
        await w.add_task(Task("t1", service_id, 1, 1, "r", 1))
    await world.brought(service_id, ServiceStatus.RUNNING)
    async with watched(world, service_id) as stream:
        assert (await stream.service())["batch"]["rows"] == 0
        async with world.store.write() as w:
            task = await w.task("t1")
            assert task is not None
            await w.save_task(replace(task, waiting="the object store does not answer"))
        assert (await stream.service())["batch"]["waiting"] == "the object store does not answer"


async def test_while_nothing_happens_a_comment_comes(world: ApiWorld) -> None:
    bounded(world, replace(QUICK, beat_s=0.02))
    service_id = await world.service()
    async with watched(world, service_id) as stream:
        await stream.service()
        async with asyncio.timeout(LIMIT_S):
            while stream.quiet < 3:
                await stream._more()


async def test_a_token_that_ends_ends_the_stream(world: ApiWorld) -> None:
    bounded(world, replace(QUICK, beat_s=0.02))
    service_id = await world.service()
    async with watched(world, service_id) as stream:
        await stream.service()
        world.now += 25 * 3600 * 1000
        end = await stream.event()
        assert end.event == "end"
        assert "expired" in json.loads(end.data)["error_msg"]
        await stream.end()


async def test_so_many_may_watch_and_whoever_leaves_makes_room(world: ApiWorld) -> None:
    service_id = await world.service()
    async with watched(world, service_id) as one, watched(world, service_id) as two:
        await one.service()
        await two.service()
        refused = await world.call("GET", f"/v1/p1/services/{service_id}/watch")
        assert (refused.status_code, "too many" in refused.json()["error_msg"]) == (503, True)
    async with watched(world, service_id) as again:
        await again.service()


async def test_a_server_that_ends_sends_everybody_home(world: ApiWorld) -> None:
    service_id = await world.service()
    async with watched(world, service_id) as stream:
        await stream.service()
        world.deps.context.bells.close()
        assert (await stream.event()).event == "end"
        await stream.end()


async def test_who_may_not_read_may_not_watch(world: ApiWorld) -> None:
    service_id = await world.service()
    path = f"/v1/p1/services/{service_id}/watch"
    assert (await world.call("GET", path, user="invoker")).status_code == 403
    assert (await world.call("GET", "/v1/p1/services/other/watch")).status_code == 404
    assert (await world.client.get(path)).status_code == 401


async def test_a_head_has_no_stream(world: ApiWorld) -> None:
    service_id = await world.service()
    answer = await world.call("HEAD", f"/v1/p1/services/{service_id}/watch")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


# All services of a project.


def all_watched(world: ApiWorld, **how: Any) -> AbstractAsyncContextManager[Watching]:
    return streamed(world, "watch", **how)


async def gone(world: ApiWorld, service_id: str) -> None:
    async with world.store.write() as w:
        service = await w.service(None, service_id)
        assert service is not None
        await w.apply(service_id, Changes(service.version, delete_service=True))
    world.deps.context.bells.ring(service_id)


async def test_all_services_are_told_then_each_change_and_each_deletion(world: ApiWorld) -> None:
    ids = [await world.service(name=name) for name in ("one", "two")]
    async with all_watched(world) as stream:
        first = await stream.event()
        assert (first.event, first.id) == ("services", "")
        assert sorted(json.loads(first.data)["service_ids"]) == sorted(ids)
        shown = [await stream.service(), await stream.service()]
        listed = (await world.call("GET", "/v1/p1/services")).json()["services"]
        assert sorted(one["service_id"] for one in shown) == sorted(ids)
        assert all(one in listed for one in shown)
        await described(world, ids[0], "other")
        assert (await stream.service())["description"] == "other"
        third = await world.service(ServiceStatus.DEPLOYING, name="three")
        assert (await stream.service())["service_id"] == third
        await gone(world, ids[1])
        deleted = await stream.event()
        assert (deleted.event, json.loads(deleted.data)) == ("deleted", {"service_id": ids[1]})


async def test_who_comes_back_is_told_what_was_missed(world: ApiWorld) -> None:
    ids = [await world.service(name=name) for name in ("one", "two", "three")]
    async with all_watched(world) as stream:
        events = [await stream.event() for _ in range(4)]
    assert [bool(one.id) for one in events[1:3]] == [False, False], "a part of what is told names nothing"
    last = events[-1].id
    await described(world, ids[0], "other")
    await gone(world, ids[1])
    async with all_watched(world, **{"last-event-id": last}) as stream:
        changed, deleted = await stream.event(), await stream.event()
        assert json.loads(changed.data)["description"] == "other"
        assert (deleted.event, json.loads(deleted.data)["service_id"]) == ("deleted", ids[1])
        await described(world, ids[2], "now")
        assert (await stream.service())["description"] == "now"
    async with all_watched(world, **{"last-event-id": "elsewhere-7"}) as stream:
        assert (await stream.event()).event == "services", "another server's number"


async def test_who_begins_anew_is_not_told_of_what_was_deleted_long_ago(world: ApiWorld) -> None:
    ids = [await world.service(name=name) for name in ("one", "two")]
    async with all_watched(world) as stream:
        await stream.event()
        await stream.service()
        await stream.service()
        await gone(world, ids[1])
        assert (await stream.event()).event == "deleted"
        async with all_watched(world) as fresh:
            assert json.loads((await fresh.event()).data) == {"service_ids": [ids[0]]}
            only = await fresh.event()
            assert (only.event, json.loads(only.data)["service_id"]) == ("service", ids[0])
            assert only.id, "the last of what is told"
            await described(world, ids[0], "now")
            assert (await fresh.service())["description"] == "now"


async def test_another_projects_services_are_not_told(world: ApiWorld) -> None:
    await world.service()
    async with all_watched(world, user="other", project=SECOND) as stream:
        first = await stream.event()
        assert (first.event, json.loads(first.data)) == ("services", {"service_ids": []})
        assert first.id
    refused = await world.call("GET", "/v1/p1/services/watch", user="other", project=SECOND)
    assert refused.status_code == 403
    assert (await world.call("GET", "/v1/p1/services/watch", user="invoker")).status_code == 403
    head = await world.call("HEAD", "/v1/p1/services/watch")
    assert (head.status_code, head.content) == (200, b"")


async def test_watching_all_ends_with_the_token_and_the_server_and_is_bounded(world: ApiWorld) -> None:
    bells = bounded(world, replace(QUICK, of_project=1, beat_s=0.02))
    async with all_watched(world) as stream:
        await stream.event()
        assert (await world.call("GET", "/v1/p1/services/watch")).status_code == 503
        world.now += 25 * 3600 * 1000
        assert (await stream.event()).event == "end"
    async with all_watched(world) as stream:
        await stream.event()
        bells.close()
        assert (await stream.event()).event == "end"
        await stream.end()
