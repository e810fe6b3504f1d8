"""Objects while they come: in parts that survive, in bounds of time, places and size, in nobody's way."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.integration.test_api_objects import AT, code, digest, other, quota
from tests.integration.test_api_protocol import Ask, served, until
from tests.worlds.api import ApiWorld, api_world

from modelyard.api.arrivals import Stage
from modelyard.api.server import ApiServer
from modelyard.api.transfers import Pace, Places
from modelyard.domain.errors import TooBusy
from modelyard.iam import signature
from modelyard.iam.signature import ALGORITHM
from modelyard.objects.staging import KEEP_S, Staging

CONTENT = bytes(range(256)) * 40


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


async def begun(world: ApiWorld, key: str = "k", **body: Any) -> str:
    """The path of an upload of CONTENT that was begun."""
    answer = await world.call("POST", f"{AT}/{key}?action=upload", {"size": len(CONTENT), **body})
    assert answer.status_code == 200, answer.text
    return f"{AT}/{key}?upload={answer.json()['upload_id']}"


async def offset(world: ApiWorld, path: str) -> int:
    answer = await world.call("HEAD", path)
    return int(answer.headers["upload-offset"])


async def completed(world: ApiWorld, path: str, **body: Any) -> Any:
    return await world.call("POST", f"{path}&action=complete", body)


async def test_an_object_in_parts(world: ApiWorld) -> None:
    path = await begun(world)
    assert await offset(world, path) == 0
    for begin, end in ((0, 1), (1, 1), (1, 9000), (9000, len(CONTENT))):
        part = CONTENT[begin:end]
        answer = await world.call("PUT", f"{path}&offset={begin}", part, headers={"Content-Digest": digest(part)})
        assert (answer.status_code, answer.json()["offset"]) == (200, end), answer.text
        assert await offset(world, path) == end
    assert world.objects.keys("data") == []
    made = await completed(world, path, digest=digest(CONTENT))
    assert made.json()["digest"] == digest(CONTENT)
    assert world.objects.content("data/k") == CONTENT
    assert (await completed(world, path)).json() == made.json()  # whoever did not hear of it asks again
    assert (await world.call("GET", path)).json()["complete"] is True
    assert code(await world.call("PUT", f"{path}&offset={len(CONTENT)}", b"x")) == (409, "0104")


async def test_an_empty_object_in_parts(world: ApiWorld) -> None:
    path = await begun(world, size=0)
    assert (await completed(world, path)).json()["digest"] == digest(b"")
    assert world.objects.content("data/k") == b""


async def test_a_part_begins_where_the_upload_ends(world: ApiWorld) -> None:
    path = await begun(world)
    await world.call("PUT", f"{path}&offset=0", CONTENT[:100])
    for wrong in (0, 99, 101):
        answer = await world.call("PUT", f"{path}&offset={wrong}", b"x")
        assert (code(answer), answer.headers["upload-offset"]) == ((409, "0104"), "100")
    assert code(await world.call("PUT", f"{path}&offset=100", CONTENT)) == (400, "0104")  # more than announced
    answer = await completed(world, path)
    assert (code(answer), answer.headers["upload-offset"]) == ((409, "0104"), "100")
    assert await offset(world, path) == 100


async def test_a_part_and_a_whole_are_held_to_their_digests(world: ApiWorld) -> None:
    path = await begun(world)
    await world.call("PUT", f"{path}&offset=0", CONTENT[:100])
    wrong = {"Content-Digest": digest(b"x")}
    assert code(await world.call("PUT", f"{path}&offset=100", CONTENT[100:], headers=wrong)) == (400, "0104")
    assert await offset(world, path) == 100
    await world.call("PUT", f"{path}&offset=100", CONTENT[100:])
    assert code(await completed(world, path, digest=digest(b"x"))) == (400, "0104")
    assert world.objects.keys("data") == []
    assert code(await world.call("GET", path)) == (404, "0104")  # what is wrong never becomes right

    path = await begun(world, digest=digest(CONTENT))
    await world.call("PUT", f"{path}&offset=0", CONTENT[::-1])
    assert code(await completed(world, path, digest=digest(b"x"))) == (400, "0104")
    assert code(await completed(world, path)) == (400, "0104")
    assert world.objects.keys("data") == []


async def test_who_begins_the_same_object_again_goes_on(world: ApiWorld) -> None:
    first = await begun(world, digest=digest(CONTENT))
    await world.call("PUT", f"{first}&offset=0", CONTENT[:100])
    assert await begun(world, digest=digest(CONTENT)) == first
    assert await begun(world, digest=digest(CONTENT[1:])) != first
    assert await begun(world, digest=digest(CONTENT), create=True) != first
    assert await begun(world, key="other", digest=digest(CONTENT)) != first
    assert await begun(world) != await begun(world)  # whose content nobody said
    await world.call("PUT", f"{first}&offset=100", CONTENT[100:])
    await completed(world, first)
    assert await begun(world, digest=digest(CONTENT)) != first


async def test_uploads_survive_a_restart_and_go_when_nobody_goes_on(world: ApiWorld) -> None:
    path = await begun(world, digest=digest(CONTENT))
    await world.call("PUT", f"{path}&offset=0", CONTENT[:100])
    done = await begun(world, key="done")
    await world.call("PUT", f"{done}&offset=0", CONTENT)
    made = (await completed(world, done)).json()
    root: Path = world.deps.storage.staging._root
    (root / ("0" * 32)).mkdir()  # a crash before anything was said of it

    def restart(seconds: int) -> None:
        staging = Staging(root, lambda: int(datetime.now(UTC).timestamp() + seconds) * 1000)
        world.app.state.deps = replace(world.deps, storage=replace(world.deps.storage, staging=staging))

    restart(0)
    assert await offset(world, path) == 100
    assert (await completed(world, done)).json() == made
    await world.deps.storage.staging.sweep()
    await world.call("PUT", f"{path}&offset=100", CONTENT[100:])
    assert await offset(world, path) == len(CONTENT)
    restart(KEEP_S + 10)
    await world.deps.storage.staging.sweep()
    assert [*root.iterdir()] == []
    for gone in (path, done):
        assert code(await world.call("GET", gone)) == (404, "0104")


async def test_an_upload_is_given_up(world: ApiWorld) -> None:
    path = await begun(world)
    assert (await world.call("DELETE", path)).json() == {}
    for method, where in (("GET", path), ("DELETE", path), ("PUT", f"{path}&offset=0")):
        assert code(await world.call(method, where, {})) == (404, "0104")


async def test_an_upload_is_one_of_its_project_and_place(world: ApiWorld) -> None:
    path = await begun(world)
    name = path.partition("=")[2]
    await other(world, "PUT", "/v1/p2/objects/theirs")
    assert code(await other(world, "GET", f"/v1/p2/objects/theirs/k?upload={name}")) == (404, "0104")
    assert code(await world.call("GET", f"{AT}/other?upload={name}")) == (404, "0104")
    assert code(await world.call("GET", f"{AT}/k?upload=../../etc")) == (404, "0104")
    assert (await world.call("GET", path, user="reader")).status_code == 403


async def test_only_where_no_object_is(world: ApiWorld) -> None:
    await world.call("PUT", f"{AT}/there", b"x")
    assert code(await world.call("POST", f"{AT}/there?action=upload", {"size": 1, "create": True})) == (
        412,
        "0104",
    )
    path = await begun(world, create=True)
    await world.call("PUT", f"{path}&offset=0", CONTENT)
    await world.call("PUT", f"{AT}/k", b"somebody else was first")
    assert code(await completed(world, path)) == (412, "0104")
    assert world.objects.content("data/k") == b"somebody else was first"


async def test_an_upload_counts_as_a_whole_from_the_beginning(world: ApiWorld) -> None:
    await quota(world, objects_max_bytes=len(CONTENT) + 10, object_max_bytes=len(CONTENT))
    too_large = await world.call("POST", f"{AT}/k?action=upload", {"size": len(CONTENT) + 1})
    assert code(too_large) == (413, "4104")
    path = await begun(world)
    assert code(await world.call("POST", f"{AT}/x?action=upload", {"size": 11})) == (400, "0118")
    assert code(await world.call("PUT", f"{AT}/x", bytes(11))) == (400, "0118")
    await world.call("PUT", f"{path}&offset=0", CONTENT)
    assert (await completed(world, path)).status_code == 200
    assert code(await world.call("PUT", f"{AT}/x", bytes(11))) == (400, "0118")
    assert (await world.call("PUT", f"{AT}/x", bytes(10))).status_code == 200
    await world.call("DELETE", f"{AT}/k")
    gone = await begun(world)
    await world.call("DELETE", gone)
    assert await begun(world)


ACTIONS: dict[str, tuple[str, dict[str, Any], str]] = {
    "no-action": ("", {"size": 1}, "action"),
    "another": ("action=fly", {}, "action"),
    "no-size": ("action=upload", {}, "size"),
    "negative": ("action=upload", {"size": -1}, "size"),
    "a-word": ("action=upload", {"size": "large"}, "size"),
    "strange": ("action=upload", {"size": 1, "method": "GET"}, "method"),
    "of-which": ("action=complete", {}, "upload"),
    "of-none": ("action=upload&upload=x", {"size": 1}, "upload"),
    "no-digest": ("action=upload", {"size": 1, "digest": "x"}, "digest"),
    "size-of-a-whole": ("action=complete&upload=x", {"size": 1}, "size"),
}


@pytest.mark.parametrize(("query", "body", "field"), ACTIONS.values(), ids=ACTIONS)
async def test_what_cannot_be_asked(world: ApiWorld, query: str, body: dict[str, Any], field: str) -> None:
    answer = await world.call("POST", f"{AT}/k?{query}", body)
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, field)
    for asked, wrong in (("upload=x", "offset"), ("offset=0", "upload"), ("upload=x&offset=-1", "offset")):
        answer = await world.call("PUT", f"{AT}/k?{asked}", b"x")
        assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, wrong)
    assert await world.deps.storage.staging.all() == ()


# On sockets.


@asynccontextmanager
async def sending(ask: Ask, path: str, token: str, said: int, sent: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """In the middle of an upload; leaving it is going away."""
    reader, writer = await asyncio.open_connection(*ask.address)  # type: ignore[attr-defined]
    head = f"PUT {path} HTTP/1.1\r\nHost: y\r\nX-Auth-Token: {token}\r\nContent-Length: {said}\r\n\r\n"
    writer.write(head.encode() + sent)
    try:
        yield reader
    finally:
        writer.transport.abort()


async def test_of_what_breaks_off_nothing_is_left_but_parts(
    world: ApiWorld, caplog: pytest.LogCaptureFixture
) -> None:
    path = await begun(world)
    usage = world.deps.storage.usage
    async with served(world.app) as ask, asyncio.timeout(20):
        server: ApiServer = ask.server  # type: ignore[attr-defined]
        async with sending(ask, f"{AT}/whole", world.token(), 5000, CONTENT[:4000]):
            await until(lambda: usage.arriving("p1") == 5000)
        async with sending(ask, f"{path}&offset=0", world.token(), 5000, CONTENT[:4000]):
            await until(lambda: [one for one in server.arrivals.found() if one.stage is Stage.UPLOAD])
        await until(lambda: not server.arrivals.found())
        await until(lambda: not world.deps.storage.staging._at_work)
    assert await offset(world, path) == 4000
    assert world.objects.keys("data") == []
    assert usage.arriving("p1") == 0
    assert world.deps.uploads._taken.total() == 0
    await world.call("PUT", f"{path}&offset=4000", CONTENT[4000:])
    assert (await completed(world, path)).json()["digest"] == digest(CONTENT)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING], caplog.text


async def test_an_upload_is_late_for_who_reads_it_not_for_the_door(world: ApiWorld) -> None:
    world.app.state.deps = replace(world.deps, pace=Pace(next_s=0.2))
    async with served(world.app) as ask, asyncio.timeout(20):
        server: ApiServer = ask.server  # type: ignore[attr-defined]
        async with sending(ask, f"{AT}/k", world.token(), 5000, b"x") as reader:
            await until(lambda: [one for one in server.arrivals.found() if one.stage is Stage.UPLOAD])
            server.arrivals.end_overdue(asyncio.get_running_loop().time() + 10_000)
            assert server.arrivals.found()
            answer = await reader.readuntil(b"}")
            assert b" 408 " in answer
            assert b"ModelArts.4205" in answer
            (arrival,) = server.arrivals.found()  # answered: what still comes has no more time than any body
            assert arrival.stage is not Stage.UPLOAD
    assert world.objects.keys("data") == []


def test_the_pace_of_an_upload() -> None:
    pace = Pace(next_s=30, first_s=20, bytes_per_s=1000)
    assert pace.left_s(0, 0) == 20
    assert pace.left_s(25, 10_000) == 5
    assert pace.left_s(31, 10_000) < 0
    assert pace.left_s(10, 10**9) == 30


async def test_slow_uploads_keep_their_own_project_waiting_alone(world: ApiWorld) -> None:
    world.app.state.deps = replace(world.deps, uploads=Places(everybody=4, each=3))
    taken = world.deps.uploads._taken
    path = await begun(world, key="4", size=0)
    async with served(world.app) as ask, asyncio.timeout(20):
        async with (
            sending(ask, f"{AT}/1", world.token(), 5000, b"x"),
            sending(ask, f"{AT}/2", world.token(), 5000, b"x"),
            sending(ask, f"{AT}/3", world.token(), 5000, b"x"),
        ):
            await until(lambda: taken.total() == 3)
            for busy in (await world.call("PUT", f"{AT}/4", b"x"), await completed(world, path)):
                assert (code(busy), busy.headers["retry-after"]) == ((503, "0010"), "1")
            assert (await world.call("PUT", "/v1/p1/services/x", {"description": "d"})).status_code == 404
            assert (await world.call("GET", AT)).status_code == 200
            assert (await other(world, "PUT", "/v1/p2/objects/theirs/k", b"x")).status_code == 200
        await until(lambda: taken.total() == 0)
    assert (await world.call("PUT", f"{AT}/4", b"x")).status_code == 200
    assert world.objects.keys("data") == ["4"]


def test_places() -> None:
    places = Places(everybody=3, each=2)
    back = [places.taken("a"), places.taken("a"), places.taken("b")]
    for project in ("a", "b", "c"):
        with pytest.raises(TooBusy):
            places.taken(project)
    back[0]()
    with places.one("a"), pytest.raises(TooBusy):
        places.taken("c")
    places.taken("c")


async def test_another_part_waits_for_the_one_that_is_on_its_way(world: ApiWorld) -> None:
    path = await begun(world)
    async with served(world.app) as ask, asyncio.timeout(20):
        async with sending(ask, f"{path}&offset=0", world.token(), 5000, b"x"):
            await until(lambda: world.deps.storage.staging._at_work)
            assert code(await world.call("PUT", f"{path}&offset=0", b"x")) == (409, "0104")
            assert code(await completed(world, path)) == (409, "0104")
            assert code(await world.call("DELETE", path)) == (409, "0104")
        await until(lambda: not world.deps.storage.staging._at_work)
    assert (await world.call("DELETE", path)).status_code == 200


async def test_a_body_that_was_signed_is_small_and_one_that_was_not_may_be_large(world: ApiWorld) -> None:
    async with world.store.write() as w:
        await w.save_access_key("AK", user_id="u-admin", project_id="p1", secret_key="SK")

    def headers(content: bytes, *declared: str) -> dict[str, str]:
        date = datetime.fromtimestamp(world.now // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        payload = declared[0] if declared else hashlib.sha256(content).hexdigest()
        lines = f"x-sdk-date:{date}\n"
        canonical = "\n".join(("PUT", f"{AT}/k/", "", lines, "x-sdk-date", payload))
        signed = f"{ALGORITHM}\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        mark = hmac.new(b"SK", signed.encode(), hashlib.sha256).hexdigest()
        return {
            "X-Sdk-Date": date,
            "Authorization": f"{ALGORITHM} Access=AK, SignedHeaders=x-sdk-date, Signature={mark}",
            **({"X-Sdk-Content-Sha256": declared[0]} if declared else {}),
        }

    large = bytes(5 * 1024 * 1024)
    unsigned = (signature.UNSIGNED,)
    for content, said, status in (
        (b"signed", headers(b"signed"), 200),
        (b"forged", headers(b"signed"), 403),
        (large, headers(large), 413),
        (large, headers(large, *unsigned), 200),
        (large, {**headers(b""), "X-Sdk-Content-Sha256": signature.UNSIGNED}, 403),
    ):
        answer = await world.client.request("PUT", f"{AT}/k", content=content, headers=said)
        assert answer.status_code == status, answer.text
    assert world.objects.content("data/k") == large
