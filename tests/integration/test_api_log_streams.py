"""Groups and streams of logs over the API, as LTS has them: made, listed, deleted, read page by page."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from tests.worlds.api import SECOND, ApiWorld, api_world, entry
from tests.worlds.logs import wrote

from modelyard.core.log_walk import Placed, Reading, walked
from modelyard.domain.logs import Found, LogQuery
from modelyard.domain.record import Changes
from modelyard.logs.memory import MemoryLogs
from modelyard.operations import log_stream_query

GROUPS = "/v2/p1/groups"
ALL: dict[str, Any] = {"start_time": "0", "end_time": 1_800_000_000_000}


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


async def group(world: ApiWorld, name: str = "models", **more: Any) -> str:
    answer = await world.call("POST", GROUPS, {"log_group_name": name, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["log_group_id"])


async def stream(world: ApiWorld, group_id: str, name: str = "digits", **more: Any) -> str:
    answer = await world.call("POST", f"{GROUPS}/{group_id}/streams", {"log_stream_name": name, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["log_stream_id"])


async def reporting(world: ApiWorld, *channels: dict[str, Any], name: str = "digits-service") -> str:
    """A service that reports there."""
    model_id = await world.model(name=name)
    body = {
        **{"service_name": name, "infer_type": "real-time", "config": [entry(model_id)]},
        "additional_properties": {"log_report_channels": [*channels]},
    }
    answer = await world.call("POST", "/v1/p1/services", body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["service_id"])


def to(group_id: str, stream_id: str) -> dict[str, Any]:
    return {"type": "LTS", "configuration": {"log_group_id": group_id, "log_stream_id": stream_id}}


async def asked(world: ApiWorld, where: tuple[str, str], **more: Any) -> dict[str, Any]:
    path = f"{GROUPS}/{where[0]}/streams/{where[1]}/content/query"
    answer = await world.call("POST", path, {**ALL, **more}, user="reader")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def contents(answer: dict[str, Any]) -> list[str]:
    return [one["content"] for one in answer["logs"]]


# ── groups and streams ────────────────────────────────────────────────────────────────────────────────────────


async def test_groups_and_streams_are_made_listed_changed_and_deleted(world: ApiWorld) -> None:
    group_id = await group(world, ttl_in_days="7")
    stream_id = await stream(world, group_id, ttl_in_days=3)
    assert len(group_id) == len(stream_id) == 64
    (listed,) = (await world.call("GET", GROUPS, user="reader")).json()["log_groups"]
    assert (listed["log_group_id"], listed["log_group_name"], listed["ttl_in_days"]) == (group_id, "models", 7)
    (of_group,) = (await world.call("GET", f"{GROUPS}/{group_id}/streams")).json()["log_streams"]
    assert (of_group["log_stream_id"], of_group["log_stream_name"], of_group["ttl_in_days"]) == (
        *(stream_id, "digits"),
        3,
    )
    path = "/v2/p1/log-streams"
    (of_all,) = (await world.call("GET", path, params={"log_group_name": "models"})).json()["log_streams"]
    assert of_all["log_group_id"] == group_id
    assert (await world.call("GET", path, params={"log_stream_name": "x"})).json() == {"log_streams": []}
    changed = await world.call("POST", f"{GROUPS}/{group_id}", {"ttl_in_days": 30})
    assert (changed.status_code, changed.json()["ttl_in_days"]) == (200, 30)
    assert (await world.call("DELETE", f"{GROUPS}/{group_id}/streams/{stream_id}")).json() == {}
    await stream(world, group_id)
    assert (await world.call("DELETE", f"{GROUPS}/{group_id}")).json() == {}
    assert (await world.call("GET", GROUPS)).json() == {"log_groups": []}
    assert (await world.call("GET", path)).json() == {"log_streams": []}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("", {"ttl_in_days": 7}, "log_group_name"),
        ("", {"log_group_name": "_x"}, "log_group_name"),
        ("", {"log_group_name": "x" * 65}, "log_group_name"),
        ("", {"log_group_name": "x", "ttl_in_days": 0}, "ttl_in_days"),
        ("", {"log_group_name": "x", "ttl_in_days": 366}, "ttl_in_days"),
        ("", {"log_group_name": "x", "ttl_in_days": "week"}, "ttl_in_days"),
        ("/G", {}, "ttl_in_days"),
        ("/G/streams", {}, "log_stream_name"),
        ("/G/streams", {"log_stream_name": "a b"}, "log_stream_name"),
        ("/G/streams/S/content/query", {"limit": 5001}, "limit"),
        ("/G/streams/S/content/query", {"limit": 0}, "limit"),
        ("/G/streams/S/content/query", {"start_time": 5, "end_time": 4}, "start_time"),
        ("/G/streams/S/content/query", {"start_time": "now"}, "start_time"),
        ("/G/streams/S/content/query", {"search_type": "next"}, "search_type"),
        ("/G/streams/S/content/query", {"search_type": "forwards"}, "line_num"),
        ("/G/streams/S/content/query", {"line_num": "x"}, "line_num"),
        ("/G/streams/S/content/query", {"keywords": '"a'}, "keywords"),
        ("/G/streams/S/content/query", {"labels": "a"}, "labels"),
        ("/G/streams/S/content/query", {"query": "select 1"}, "query"),
    ],
    ids=str,
)
async def test_what_is_wrong_is_named_and_changes_nothing(
    world: ApiWorld, path: str, body: dict[str, Any], field: str
) -> None:
    group_id = await group(world)
    stream_id = await stream(world, group_id)
    path = path.replace("G", group_id, 1).replace("S", stream_id, 1)
    answer = await world.call("POST", f"{GROUPS}{path}", body)
    assert answer.status_code == 400, answer.text
    assert [one["field"] for one in answer.json()["details"]] == [field]
    assert len((await world.call("GET", GROUPS)).json()["log_groups"]) == 1


async def test_names_are_taken_once_and_projects_do_not_see_each_other(world: ApiWorld) -> None:
    group_id = await group(world)
    stream_id = await stream(world, group_id)
    assert (await world.call("POST", GROUPS, {"log_group_name": "models"})).status_code == 409
    again = await world.call("POST", f"{GROUPS}/{group_id}/streams", {"log_stream_name": "digits"})
    assert again.status_code == 409
    for method, path, body in (
        ("GET", f"{group_id}/streams", None),
        ("DELETE", group_id, None),
        ("DELETE", f"{group_id}/streams/{stream_id}", None),
        ("POST", group_id, {"ttl_in_days": 1}),
        ("POST", f"{group_id}/streams", {"log_stream_name": "x"}),
        ("POST", f"{group_id}/streams/{stream_id}/content/query", ALL),
    ):
        other = await world.call(method, f"/v2/p2/groups/{path}", body, user="other", project=SECOND)
        assert other.status_code == 404, path
        mine = f"{GROUPS}/{path}"
        assert (await world.call(method, mine, body, user="other", project=SECOND)).status_code == 403
        if method != "GET" and "query" not in path:
            assert (await world.call(method, mine, body, user="reader")).status_code == 403
        assert (await world.call(method, mine, body, user="invoker")).status_code == 403
        assert (await world.client.request(method, mine)).status_code == 401


async def test_ids_may_be_percent_encoded(world: ApiWorld) -> None:
    group_id = await group(world)
    encoded = "".join(f"%{ord(one):02X}" for one in group_id)
    assert (await world.call("GET", f"{GROUPS}/{encoded}/streams")).status_code == 200
    assert (await world.call("GET", f"{GROUPS}/{group_id}%2Fx/streams")).status_code == 404


# ── services that report ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_stream_shows_the_lines_of_the_services_that_report_to_it(world: ApiWorld) -> None:
    group_id = await group(world)
    stream_id = await stream(world, group_id)
    one = await reporting(world, to(group_id, stream_id), name="one")
    two = await reporting(world, to(group_id, stream_id), name="two")
    other = await world.service(name="other")
    for i, service_id in enumerate((one, two, other)):
        await wrote(world, service_id, f"line {i}", instance=f"i{i}", revision=i + 1, at_ms=world.now + i)
    answer = await asked(world, (group_id, stream_id))
    assert contents(answer) == ["line 0", "line 1"]
    assert answer["isQueryComplete"]
    assert answer["count"] == 2
    assert answer["logs"][1]["labels"] == {
        **{"service": "two", "service_id": two, "instance": "i1", "revision": "2", "model": "digits:1.0.0"}
    }
    for labels, found in (
        ({"service": "one"}, ["line 0"]),
        ({"service_id": two}, ["line 1"]),
        ({"instance": "i1"}, ["line 1"]),
        ({"revision": 1}, ["line 0"]),
        ({"model": "digits:1.0.0"}, ["line 0", "line 1"]),
        ({"model": "digits:2.0.0"}, []),
        ({"hostName": "x"}, []),
        ({"revision": "x"}, []),
    ):
        assert contents(await asked(world, (group_id, stream_id), labels=labels)) == found, labels


async def test_a_channel_without_a_stream_gets_one_named_after_the_service(world: ApiWorld) -> None:
    service_id = await reporting(world, {"type": "LTS"}, name="my service!")
    (made,) = (await world.call("GET", "/v2/p1/log-streams")).json()["log_streams"]
    assert made["log_stream_name"] == "my service!"
    assert len(made["log_group_id"]) == len(made["log_stream_id"]) == 64
    await wrote(world, service_id, "hello")
    assert contents(await asked(world, (made["log_group_id"], made["log_stream_id"]))) == ["hello"]
    shown = (await world.call("GET", f"/v1/p1/services/{service_id}")).json()["additional_properties"]
    assert shown == {"log_report_channels": [{"type": "LTS"}]}


@pytest.mark.parametrize("start", ["off", "default", "named"])
async def test_what_is_enabled_stays_as_it_is(world: ApiWorld, start: str) -> None:
    group_id = await group(world)
    where = to(group_id, await stream(world, group_id))
    elsewhere = to(group_id, await stream(world, group_id, "elsewhere"))
    first = {"off": [], "default": [{"type": "LTS"}], "named": [where]}[start]
    service_id = await reporting(world, *first)
    path = f"/v1/p1/services/{service_id}"

    async def put(channels: Any) -> tuple[int, str]:
        answer = await world.call("PUT", path, {"additional_properties": {"log_report_channels": channels}})
        return answer.status_code, answer.text

    assert (await world.call("PUT", path, {"description": "x"})).status_code == 200
    if start == "off":
        assert (await put([]))[0] == 200
        assert (await put([where]))[0] == 200, "it may be enabled later"
        first = [where]
    assert (await put(first))[0] == 200, "the same"
    assert (await put(None))[0] == 200, "nothing said"
    if start == "default":
        (made,) = (
            await world.call("GET", "/v2/p1/log-streams", params={"log_group_name": "digits-service"})
        ).json()["log_streams"]
        assert (await put([to(made["log_group_id"], made["log_stream_id"])]))[0] == 200, "the same, by its ids"
        assert (await put(first))[0] == 200
        refused = [[], [where], [{"type": "LTS"}, where]]
    else:
        refused = [[], [{"type": "LTS"}], [elsewhere], [where, elsewhere]]
    for channels in refused:
        status, text = await put(channels)
        assert status == 400, channels
        assert "additional_properties.log_report_channels: cannot be changed after it was enabled" in text
    shown = (await world.call("GET", path)).json()["additional_properties"]
    assert shown["log_report_channels"] == first


async def test_a_stream_that_is_not_of_the_project_is_refused_by_name(world: ApiWorld) -> None:
    theirs = await world.call("POST", "/v2/p2/groups", {"log_group_name": "theirs"}, user="other", project=SECOND)
    theirs_id = theirs.json()["log_group_id"]
    made = await world.call(
        *("POST", f"/v2/p2/groups/{theirs_id}/streams", {"log_stream_name": "s"}), user="other", project=SECOND
    )
    group_id = await group(world)
    other_id = await group(world, "other")
    stream_id = await stream(world, group_id)
    service_id = await world.service()
    at = "additional_properties.log_report_channels[0].configuration"
    for channel, field in (
        (to(theirs_id, made.json()["log_stream_id"]), "log_group_id"),
        (to(group_id, made.json()["log_stream_id"]), "log_stream_id"),
        (to(other_id, stream_id), "log_stream_id"),
        (to("g" * 64, "s" * 64), "log_group_id"),
    ):
        body = {"additional_properties": {"log_report_channels": [channel]}}
        answer = await world.call("PUT", f"/v1/p1/services/{service_id}", body)
        assert answer.status_code == 400
        (wrong,) = answer.json()["details"]
        assert wrong["field"] == f"{at}.{field}"
        assert channel["configuration"][field] in wrong["error_msg"]


async def test_a_dry_run_makes_no_stream(world: ApiWorld) -> None:
    model_id = await world.model()
    body = {
        **{"service_name": "s", "infer_type": "real-time", "config": [entry(model_id)]},
        "additional_properties": {"log_report_channels": [{"type": "LTS"}]},
    }
    assert (await world.call("POST", "/v1/p1/services?dry_run=true", body)).status_code == 200
    assert (await world.call("GET", GROUPS)).json() == {"log_groups": []}


async def test_a_stream_in_use_stays_until_its_service_is_deleted(world: ApiWorld) -> None:
    group_id = await group(world)
    stream_id = await stream(world, group_id)
    service_id = await reporting(world, to(group_id, stream_id))
    await wrote(world, service_id, "last words")
    for path in (f"{GROUPS}/{group_id}/streams/{stream_id}", f"{GROUPS}/{group_id}"):
        answer = await world.call("DELETE", path)
        assert answer.status_code == 400
        assert "service 'digits-service' reports to log stream 'digits'" in answer.json()["error_msg"]
    async with world.store.write() as w:
        service = await w.service("p1", service_id)
        assert service is not None
        await w.apply(service_id, Changes(service.version, delete_service=True))
    assert contents(await asked(world, (group_id, stream_id))) == ["last words"], "lines outlive their service"
    assert (await world.call("DELETE", f"{GROUPS}/{group_id}")).json() == {}


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def ten(world: ApiWorld) -> tuple[tuple[str, str], dict[str, str]]:
    """A stream with NO 1 to NO 10, and their line_nums."""
    group_id = await group(world)
    stream_id = await stream(world, group_id)
    service_id = await reporting(world, to(group_id, stream_id))
    for i in range(1, 11):
        await wrote(world, service_id, f"NO {i}")
    where = (group_id, stream_id)
    return where, {one["content"]: one["line_num"] for one in (await asked(world, where))["logs"]}


@pytest.mark.parametrize(
    ("search_type", "is_desc", "found"),
    [
        ("forwards", False, ["NO 6", "NO 7", "NO 8"]),
        ("backwards", True, ["NO 8", "NO 7", "NO 6"]),
        ("backwards", "false", ["NO 2", "NO 3", "NO 4"]),
        ("forwards", "true", ["NO 4", "NO 3", "NO 2"]),
    ],
)
async def test_pages_are_as_the_public_api_has_them(
    world: ApiWorld, search_type: str, is_desc: bool | str, found: list[str]
) -> None:
    where, line_nums = await ten(world)
    assert all(len(one) == 19 for one in line_nums.values())
    page = {"line_num": line_nums["NO 5"], "search_type": search_type, "is_desc": is_desc, "limit": "3"}
    answer = await asked(world, where, **page)
    assert contents(answer) == found
    assert not answer["isQueryComplete"]
    assert (answer["count"], (await asked(world, where, **page, is_count=True))["count"]) == (3, 10)


@pytest.mark.parametrize("is_desc", [False, True])
async def test_walking_reads_each_line_once_while_more_comes(world: ApiWorld, is_desc: bool) -> None:
    group_id = await group(world)
    stream_id = await stream(world, group_id)
    services = [await reporting(world, to(group_id, stream_id), name=name) for name in ("a", "b", "c")]
    for i in range(30):
        await wrote(world, services[i % 3], f"{i}", at_ms=world.now + (i * 7) % 11)
    seen: list[str] = []
    page: dict[str, Any] = {"is_desc": is_desc, "limit": 4}
    for turn in range(40):
        answer = await asked(world, (group_id, stream_id), **page)
        seen += contents(answer)
        if answer["isQueryComplete"]:
            break
        page |= {"line_num": answer["logs"][-1]["line_num"], "search_type": "forwards"}
        if turn < 5:
            await wrote(world, services[turn % 3], f"late {turn}", at_ms=world.now - 1000)
    assert len(seen) == len(set(seen))
    assert {str(i) for i in range(30)} <= set(seen)
    assert ("late 0" in seen) != is_desc


async def test_keywords_are_found_and_lit_where_that_is_asked(world: ApiWorld) -> None:
    where, _ = await ten(world)
    assert contents(await asked(world, where, keywords="no 10")) == ["NO 10"]
    assert contents(await asked(world, where, keywords='"o 1"')) == ["NO 1", "NO 10"]
    lit = await asked(world, where, keywords="no", highlight=True, limit=1)
    assert contents(lit) == ["<HighLightTag>NO</HighLightTag> 1"]


async def test_a_group_shows_no_line_that_is_older_than_its_ttl(world: ApiWorld) -> None:
    where, line_nums = await ten(world)
    world.now += 31 * 24 * 3600 * 1000
    assert contents(await asked(world, where)) == []
    await world.call("POST", f"{GROUPS}/{where[0]}", {"ttl_in_days": 60})
    assert contents(await asked(world, where)) == [*line_nums]


async def test_a_time_is_inclusive_at_both_ends(world: ApiWorld) -> None:
    group_id = await group(world)
    stream_id = await stream(world, group_id)
    service_id = await reporting(world, to(group_id, stream_id))
    at = world.now
    for i in range(4):
        await wrote(world, service_id, f"{i}", at_ms=at + i)
    answer = await asked(world, (group_id, stream_id), start_time=str(at + 1), end_time=at + 2)
    assert contents(answer) == ["1", "2"]


async def three(world: ApiWorld) -> tuple[tuple[str, str], MemoryLogs]:
    """A stream of three services with ten lines of 100 characters each."""
    group_id = await group(world)
    stream_id = await stream(world, group_id)
    for name in ("a", "b", "c"):
        service_id = await reporting(world, to(group_id, stream_id), name=name)
        await wrote(world, service_id, *(f"{name}{i}".ljust(100, "x") for i in range(10)))
    memory = world.deps.context.logs
    assert isinstance(memory, MemoryLogs)
    return (group_id, stream_id), memory


async def test_each_service_of_a_stream_is_looked_at_once_however_little_time_there_is(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the page would be empty, and say no line to go on from."""
    where, memory = await three(world)
    looked: list[str] = []
    search = memory.search

    async def spied(service_id: str, query: LogQuery) -> Found:
        looked.append(service_id)
        return await search(service_id, query)

    monkeypatch.setattr(memory, "search", spied)
    monkeypatch.setattr(log_stream_query, "LIMIT_S", -1)
    monkeypatch.setattr(memory, "looks", 1)
    answer = await asked(world, where, is_count=True)
    assert (len(contents(answer)), answer["isQueryComplete"]) == (1, False)
    assert len(looked) == len(set(looked)) == 3


async def test_the_services_of_a_stream_share_the_bytes_that_are_held(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, _ = await three(world)
    held: list[int] = []

    def spied(readings: Sequence[Reading], *more: Any, **named: Any) -> tuple[list[Placed], bool]:
        held.append(sum(len(line.text) for reading in readings for line in reading.lines))
        return walked(readings, *more, **named)

    monkeypatch.setattr(log_stream_query, "walked", spied)
    monkeypatch.setattr(log_stream_query, "MOST_BYTES", 900)
    seen: list[str] = []
    page: dict[str, Any] = {"limit": 30}
    while not (answer := await asked(world, where, **page))["isQueryComplete"]:
        seen += contents(answer)
        page |= {"line_num": answer["logs"][-1]["line_num"], "search_type": "forwards"}
    seen += contents(answer)
    assert len(seen) == len(set(seen)) == 30
    assert max(held) <= 900
