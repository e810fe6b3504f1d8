"""What instances wrote, over the API: pages in both directions, streams, and who may read them."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from tests.worlds.api import FIRST, SECOND, ApiWorld, api_world
from tests.worlds.logs import wrote
from tests.worlds.streams import Watching, streamed

from modelyard.domain.identity import Role
from modelyard.domain.record import Changes
from modelyard.logs.memory import MemoryLogs
from modelyard.operations import logs
from modelyard.operations.bells import Bells, Bounds

QUICK = Bounds(of_project=2, in_all=3, beat_s=30, apart_s=0, look_s=30)


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        bounded(made, QUICK)
        yield made


def bounded(world: ApiWorld, bounds: Bounds) -> Bells:
    context = replace(world.deps.context, log_bells=Bells(bounds))
    world.app.state.deps = replace(world.deps, context=context)
    return context.log_bells


async def page(world: ApiWorld, service_id: str, **asked: Any) -> dict[str, Any]:
    answer = await world.call("GET", f"/v1/p1/services/{service_id}/logs/lines", params=asked, user="reader")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def texts(page: dict[str, Any]) -> list[str]:
    return [line["text"] for line in page["lines"]]


async def line(stream: Watching) -> dict[str, Any]:
    event = await stream.event()
    assert event.event == "line", event
    shown: dict[str, Any] = json.loads(event.data)
    assert event.id == str(shown["number"])
    return shown


async def deleted(world: ApiWorld, service_id: str) -> None:
    """The rows go, as when the loop ends a deletion."""
    async with world.store.write() as w:
        service = await w.service("p1", service_id)
        assert service is not None
        await w.apply(service_id, Changes(service.version, delete_service=True))


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_line_says_where_it_comes_from(world: ApiWorld) -> None:
    service_id = await world.service()
    await wrote(world, service_id, "hello", instance="i7", revision=3, at_ms=5, references=["ab12"], cut=9)
    answer = await page(world, service_id)
    assert answer == {
        "service_id": service_id,
        "count": 1,
        "lines": [
            {
                **{"number": 1, "time": 5, "instance": "i7", "revision": 3, "model": "digits:1.0.0"},
                **{"text": "hello", "reference": "ab12", "cut": 9},
            }
        ],
        "more": False,
        "complete": True,
        "newer": 1,
        "older": 1,
        "kept": {"lines": 1, "bytes": 5, "oldest": 5, "cut_lines": 0, "cut_bytes": 0},
    }


async def test_pages_go_both_ways_without_gap_or_repeat_while_more_comes(world: ApiWorld) -> None:
    service_id = await world.service()
    await wrote(world, service_id, *(f"line {i}" for i in range(10)))
    newest = await page(world, service_id, order="desc", limit=4)
    assert texts(newest) == ["line 9", "line 8", "line 7", "line 6"]
    assert newest["more"]
    await wrote(world, service_id, "line 10", "line 11")
    older = await page(world, service_id, order="desc", limit=4, before=newest["older"])
    oldest = await page(world, service_id, order="desc", limit=4, before=older["older"])
    assert texts(older) + texts(oldest) == [f"line {i}" for i in range(5, -1, -1)]
    assert not oldest["more"]
    newer = await page(world, service_id, after=newest["newer"])
    assert texts(newer) == ["line 10", "line 11"]
    nothing = await page(world, service_id, after=newer["newer"])
    assert (texts(nothing), nothing["newer"]) == ([], newer["newer"])
    back = await page(world, service_id, before=newest["older"], after=newest["older"] - 3)
    assert texts(back) == ["line 4", "line 5"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"instance": "i2"}, ["b 2"]),
        ({"revision": "2"}, ["b 2"]),
        ({"since": "1700000002000"}, ["b 2", "c 3"]),
        ({"since": "2023-11-14T22:13:22Z", "until": "2023-11-14T22:13:22"}, ["b 2"]),
        ({"until": "2s"}, ["a 1", "b 2"]),
        ({"words": "C"}, ["c 3"]),
        ({"words": "a 1"}, ["a 1"]),
        ({"words": '"1 a"'}, []),
        ({"reference": "ref2"}, ["b 2"]),
        ({"reference": "ref"}, []),
        ({"limit": "1"}, ["a 1"]),
    ],
    ids=str,
)
async def test_lines_are_found(world: ApiWorld, asked: dict[str, str], found: list[str]) -> None:
    service_id = await world.service()
    at = 1_700_000_001_000
    await wrote(world, service_id, "a 1", at_ms=at)
    await wrote(world, service_id, "b 2", instance="i2", revision=2, at_ms=at + 1000, references=["ref2"])
    await wrote(world, service_id, "c 3", at_ms=at + 2000)
    world.now = at + 3000
    assert texts(await page(world, service_id, **asked)) == found


@pytest.mark.parametrize(
    ("asked", "field", "text"),
    [
        ({"since": "yesterday"}, "since", "'yesterday', must be milliseconds since 1970"),
        ({"until": "99999-01-01"}, "until", "must be"),
        ({"words": '"open'}, "words", "without its other one"),
        ({"words": "a OR b"}, "words", "OR is not supported"),
        ({"limit": "5001"}, "limit", "5000"),
        ({"limit": "0"}, "limit", "1"),
        ({"order": "up"}, "order", "asc"),
        ({"after": "-1"}, "after", "0"),
        ({"revision": "x"}, "revision", "integer"),
    ],
    ids=str,
)
async def test_what_cannot_be_asked_is_refused_by_name(
    world: ApiWorld, asked: dict[str, str], field: str, text: str
) -> None:
    service_id = await world.service()
    answer = await world.call("GET", f"/v1/p1/services/{service_id}/logs/lines", params=asked)
    assert answer.status_code == 400
    (wrong,) = answer.json()["details"]
    assert wrong["field"] == field
    assert text in wrong["error_msg"]


async def test_an_answer_is_bounded_in_bytes_and_says_where_to_go_on(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST_BYTES", 1000)
    monkeypatch.setattr(logs.fitting, "__defaults__", (1000,))
    service_id = await world.service()
    await wrote(world, service_id, *(f"{i}" * 400 for i in range(5)))
    first = await page(world, service_id)
    rest = await page(world, service_id, after=first["newer"])
    last = await page(world, service_id, after=rest["newer"])
    assert [one["count"] for one in (first, rest, last)] == [2, 2, 1]
    assert [one["more"] for one in (first, rest, last)] == [True, True, False]


async def test_what_was_cut_is_said(world: ApiWorld) -> None:
    service_id = await world.service()
    for i in range(3):
        await wrote(world, service_id, "x" * 100, at_ms=100 + i)
    await world.deps.context.logs.bound(service_id, 150, 0)
    kept = (await page(world, service_id))["kept"]
    assert kept == {"lines": 1, "bytes": 100, "oldest": 102, "cut_lines": 2, "cut_bytes": 200, "cut_until": 101}


async def test_logs_that_are_away_are_said_to_be(world: ApiWorld) -> None:
    service_id = await world.service()
    memory = world.deps.context.logs
    assert isinstance(memory, MemoryLogs)
    memory.away = True
    answer = await world.call("GET", f"/v1/p1/services/{service_id}/logs/lines")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


# ── who may ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_projects_never_see_each_others_lines(world: ApiWorld) -> None:
    service_id = await world.service()
    await wrote(world, service_id, "secret")
    for path in ("lines", "watch"):
        at = f"services/{service_id}/logs/{path}"
        assert (await world.call("GET", f"/v1/p2/{at}", user="other", project=SECOND)).status_code == 404
        assert (await world.call("GET", f"/v1/p1/{at}", user="other", project=SECOND)).status_code == 403
        assert (await world.call("GET", f"/v1/p1/{at}", user="invoker")).status_code == 403
        assert (await world.client.get(f"/v1/p1/{at}")).status_code == 401


async def test_a_deleted_services_lines_are_its_projects_while_they_are_kept(world: ApiWorld) -> None:
    service_id = await world.service()
    await wrote(world, service_id, "last words")
    await deleted(world, service_id)
    assert texts(await page(world, service_id)) == ["last words"]
    other = await world.call("GET", f"/v1/p2/services/{service_id}/logs/lines", user="other", project=SECOND)
    assert other.status_code == 404
    await world.deps.context.logs.remove(service_id)
    gone = await world.call("GET", f"/v1/p1/services/{service_id}/logs/lines")
    assert (gone.status_code, gone.json()["error_code"]) == (404, "ModelArts.3502")


@pytest.mark.parametrize("key", ["..", "%2E%2E%2F%2E%2E", "a%2Fb", "x" * 65, "%2Fetc", "."])
async def test_an_id_that_could_be_a_path_never_reaches_the_store(world: ApiWorld, key: str) -> None:
    asked: list[str] = []
    memory = world.deps.context.logs
    assert isinstance(memory, MemoryLogs)
    search = memory.search

    async def spied(service_id: str, query: Any) -> Any:
        asked.append(service_id)
        return await search(service_id, query)

    memory.search = spied  # type: ignore[method-assign]
    answer = await world.call("GET", f"/v1/p1/services/{key}/logs/lines")
    assert answer.status_code == 404
    assert asked == []


# ── streams ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_stream_tells_what_is_there_and_then_what_comes(world: ApiWorld) -> None:
    service_id = await world.service()
    await wrote(world, service_id, "one", "two")
    async with streamed(world, f"{service_id}/logs/watch") as stream:
        assert [(await line(stream))["text"] for _ in range(2)] == ["one", "two"]
        await wrote(world, service_id, "three")
        assert (await line(stream))["text"] == "three"
    async with streamed(world, f"{service_id}/logs/lines", accept="text/event-stream", query="limit=1") as stream:
        assert (await line(stream))["text"] == "three"
    async with streamed(world, f"{service_id}/logs/watch", query="limit=0") as stream:
        await stream.begun()
        await wrote(world, service_id, "four")
        assert (await line(stream))["text"] == "four"


async def test_a_stream_goes_on_after_the_line_that_was_seen(world: ApiWorld) -> None:
    service_id = await world.service()
    await wrote(world, service_id, *(f"{i}" for i in range(5)))
    async with streamed(world, f"{service_id}/logs/watch", last_event_id="3") as stream:
        assert [(await line(stream))["text"] for _ in range(2)] == ["3", "4"]
    async with streamed(world, f"{service_id}/logs/watch", query="after=4") as stream:
        assert (await line(stream))["text"] == "4"
    async with streamed(world, f"{service_id}/logs/watch", last_event_id="x3") as stream:
        await stream.end()
        assert stream.status == 400


async def test_a_stream_tells_only_what_matches_and_does_not_stop_there(world: ApiWorld) -> None:
    service_id = await world.service()
    await wrote(world, service_id, *(f"noise {i}" for i in range(2500)), "signal 1")
    async with streamed(world, f"{service_id}/logs/watch", query="words=signal") as stream:
        assert (await line(stream))["number"] == 2501
        await wrote(world, service_id, "noise", "signal 2")
        assert (await line(stream))["text"] == "signal 2"


async def test_what_was_cut_before_it_was_told_is_said(world: ApiWorld) -> None:
    service_id = await world.service()
    for i in range(4):
        await wrote(world, service_id, f"{i}" * 100, at_ms=100 + i)
    await world.deps.context.logs.bound(service_id, 150, 0)
    for query in ("", "words=3"):
        async with streamed(world, f"{service_id}/logs/watch", query=query, last_event_id="1") as stream:
            skipped = await stream.event()
            assert (skipped.event, json.loads(skipped.data)) == ("skipped", {"lines": 2})
            assert (await line(stream))["number"] == 4


async def test_of_lines_in_a_file_that_was_lost_nobody_knows_how_many(world: ApiWorld) -> None:
    service_id = await world.service()
    await wrote(world, service_id, "one")
    memory = world.deps.context.logs
    assert isinstance(memory, MemoryLogs)
    memory._services[service_id].last += 1 << 38
    await wrote(world, service_id, "two")
    await memory.bound(service_id, 3, 0)
    async with streamed(world, f"{service_id}/logs/watch", last_event_id="1") as stream:
        skipped = await stream.event()
        assert (skipped.event, json.loads(skipped.data)) == ("skipped", {"lines": None})
        assert (await line(stream))["text"] == "two"


async def test_nobody_waits_for_a_reader_who_does_not_read(world: ApiWorld) -> None:
    service_id = await world.service()
    async with streamed(world, f"{service_id}/logs/watch", held=True) as stream:
        for i in range(200):
            await wrote(world, service_id, f"{i}" * 1000)
        stream.released.set()
        assert [(await line(stream))["number"] for _ in range(200)] == [*range(1, 201)]


async def test_a_stream_of_a_deleted_service_ends_with_its_lines(world: ApiWorld) -> None:
    bounded(world, replace(QUICK, beat_s=0.01, look_s=0.01))
    service_id = await world.service()
    await wrote(world, service_id, "last words")
    async with streamed(world, f"{service_id}/logs/watch") as stream:
        await line(stream)
        await deleted(world, service_id)
        assert (await stream.event()).event == "deleted"
        await stream.end()
    async with streamed(world, f"{service_id}/logs/watch") as stream:
        assert (await line(stream))["text"] == "last words"
        assert (await stream.event()).event == "deleted"
        await stream.end()


async def test_who_may_not_read_any_more_is_told_nothing_more(world: ApiWorld) -> None:
    bounded(world, replace(QUICK, beat_s=0.01, look_s=0.01))
    service_id = await world.service()
    async with streamed(world, f"{service_id}/logs/watch") as stream:
        await wrote(world, service_id, "one")
        await line(stream)
        async with world.store.write() as w:
            await w.revoke("u-reader", FIRST.id, Role.READER)
        event = await stream.event()
        assert event.event == "end"
        await wrote(world, service_id, "two")
        await stream.end()


async def test_a_stream_ends_when_its_time_is_over_or_the_server_ends(world: ApiWorld) -> None:
    service_id = await world.service()
    await wrote(world, service_id, "one", at_ms=1000)
    async with streamed(world, f"{service_id}/logs/watch", query="until=1700000000000") as stream:
        await line(stream)
        assert "until is over" in (await stream.event()).data
        await stream.end()
    async with streamed(world, f"{service_id}/logs/watch") as stream:
        await line(stream)
        world.deps.context.log_bells.close()
        assert "the server ends" in (await stream.event()).data
        await stream.end()


async def test_a_stream_is_quiet_while_nothing_can_be_read_and_then_goes_on(world: ApiWorld) -> None:
    bounded(world, replace(QUICK, beat_s=0.01, look_s=0.01))
    service_id = await world.service()
    await wrote(world, service_id, "one")
    memory = world.deps.context.logs
    assert isinstance(memory, MemoryLogs)
    async with streamed(world, f"{service_id}/logs/watch") as stream:
        await line(stream)
        memory.away = True
        while not stream.quiet:
            await stream._more()
        memory.away = False
        await wrote(world, service_id, "two")
        assert (await line(stream))["text"] == "two"


async def test_a_stream_does_not_end_before_what_could_not_be_read(world: ApiWorld) -> None:
    bounded(world, replace(QUICK, beat_s=0.01, look_s=0.01))
    service_id = await world.service()
    await wrote(world, service_id, "one", at_ms=1000)
    memory = world.deps.context.logs
    assert isinstance(memory, MemoryLogs)
    memory.away = True
    async with streamed(world, f"{service_id}/logs/watch", query="until=1700000000000") as stream:
        while not stream.quiet:
            await stream._more()
        memory.away = False
        assert (await line(stream))["text"] == "one"
        assert "until is over" in (await stream.event()).data


async def test_a_follower_begins_with_the_newest_though_searches_give_up_for_now(world: ApiWorld) -> None:
    service_id = await world.service()
    await wrote(world, service_id, "signal 1", "signal 2", *(f"noise {i}" for i in range(50)))
    memory = world.deps.context.logs
    assert isinstance(memory, MemoryLogs)
    memory.looks = 10
    for limit, first in (1, "signal 2"), (0, "signal 3"):
        query = f"words=signal&limit={limit}"
        async with streamed(world, f"{service_id}/logs/watch", query=query) as stream:
            await stream.begun()
            if limit == 0:
                await wrote(world, service_id, "signal 3")
            assert (await line(stream))["text"] == first


async def test_so_many_follow_at_once_and_places_are_given_back(world: ApiWorld) -> None:
    service_id = await world.service()
    for _ in range(5):
        async with streamed(world, f"{service_id}/logs/watch"), streamed(world, f"{service_id}/logs/watch") as two:
            await wrote(world, service_id, "x")
            await line(two)
            answer = await world.call("GET", f"/v1/p1/services/{service_id}/logs/watch")
            assert answer.status_code == 503
