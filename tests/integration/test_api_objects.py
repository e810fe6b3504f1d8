"""Objects over the API: in and out whole, held to what was said of them, and to whom their bucket belongs."""

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.worlds.api import SECOND, ApiWorld, api_world

from modelyard.objects.paths import object_path
from modelyard.operations import object_listing

AT = "/v1/p1/objects/data"


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


def digest(content: bytes, algorithm: str = "sha-256") -> str:
    value = hashlib.new(algorithm.replace("-", ""), content).digest()
    return f"{algorithm}=:{base64.b64encode(value).decode()}:"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["error_code"]).removeprefix("ModelArts.")


async def other(world: ApiWorld, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
    """As the admin of the second project."""
    return await world.call(method, path, body, user="other", project=SECOND, **more)


async def keys(world: ApiWorld, query: str = "", at: str = AT) -> list[str]:
    answer = await world.call("GET", f"{at}{query}")
    assert answer.status_code == 200, answer.text
    return [one["key"] for one in answer.json()["objects"]]


@pytest.mark.parametrize(
    "key", ["a.bin", "a/b/c.bin", "ä/ö ü.bin", "a+b&c=d%.bin", "日本/🦜", "a%2Fb", ".hidden/x~"]
)
@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 5000])
async def test_what_is_written_is_read(world: ApiWorld, key: str, content: bytes) -> None:
    path = f"{AT}/{quote(key)}"
    made = await world.call("PUT", path, content)
    assert made.status_code == 200, made.text
    etag = made.json()["etag"]
    assert made.json() == {
        **{"bucket": "data", "key": key, "size": len(content)},
        **{"etag": etag, "digest": digest(content)},
    }
    got = await world.call("GET", path)
    assert (got.status_code, got.content, got.headers["etag"]) == (200, content, etag)
    assert (got.headers["content-length"], got.headers["content-type"]) == (
        str(len(content)),
        "application/octet-stream",
    )
    assert got.headers["x-content-type-options"] == "nosniff"
    told = await world.call("HEAD", path)
    assert (told.content, told.headers["content-length"]) == (b"", str(len(content)))
    assert await keys(world) == [key]
    assert (await world.call("DELETE", path)).json() == {}
    assert code(await world.call("GET", path)) == (404, "4312")
    assert (await world.call("DELETE", path)).status_code == 200  # deleted already


@pytest.mark.parametrize(
    "key",
    ["", "/a", "a//b", "a/", "a/%2E%2E/b", "%2E", "a%5Cb", "a%01b", "a%0Ab", "a%0A", "a%0D", "%FF", "x" * 1025],
)
async def test_a_key_that_cannot_be_one_is_told_so(world: ApiWorld, key: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert code(await world.call(method, f"{AT}/{key}", {})) == (400, "4315")
    assert world.objects.keys("data") == []


@pytest.mark.parametrize("bucket", ["Data", "a%2Fb", "a%0Ab", "a%0A", "..", "-a", "x" * 64])
async def test_a_bucket_that_cannot_be_one_is_told_so(world: ApiWorld, bucket: str) -> None:
    path = f"/v1/p1/objects/{bucket.replace('..', '%2E%2E')}"
    assert code(await world.call("PUT", path)) == (400, "4315")
    assert code(await world.call("PUT", f"{path}/k", {})) == (400, "4315")
    assert (await world.call("GET", "/v1/p1/objects")).json()["buckets"] == []


RANGES = {
    "bytes=0-3": (206, b"0123", "bytes 0-3/10"),
    "bytes=4-": (206, b"456789", "bytes 4-9/10"),
    "bytes=-2": (206, b"89", "bytes 8-9/10"),
    "bytes=-99": (206, b"0123456789", "bytes 0-9/10"),
    "bytes=8-99": (206, b"89", "bytes 8-9/10"),
    "bytes=10-": (416, None, "bytes */10"),
    "bytes=-0": (416, None, "bytes */10"),
    "bytes=3-2": (200, b"0123456789", None),
    "bytes=0-1,3-4": (200, b"0123456789", None),
    "lines=0-1": (200, b"0123456789", None),
}


@pytest.mark.parametrize("asked", RANGES)
async def test_parts_of_an_object(world: ApiWorld, asked: str) -> None:
    await world.call("PUT", f"{AT}/k", b"0123456789")
    status, content, said = RANGES[asked]
    got = await world.call("GET", f"{AT}/k", headers={"Range": asked})
    assert (got.status_code, got.headers.get("content-range")) == (status, said)
    assert content is None or got.content == content
    etag = (await world.call("HEAD", f"{AT}/k")).headers["etag"]
    held = await world.call("GET", f"{AT}/k", headers={"Range": "bytes=0-3", "If-Range": etag})
    assert held.content == b"0123"
    other = await world.call("GET", f"{AT}/k", headers={"Range": "bytes=0-3", "If-Range": '"x"'})
    assert (other.status_code, other.content) == (200, b"0123456789")


async def test_conditions(world: ApiWorld) -> None:
    first = await world.call("PUT", f"{AT}/k", b"1", headers={"If-None-Match": "*"})
    assert first.status_code == 200
    tag = first.headers["etag"]
    assert code(await world.call("PUT", f"{AT}/k", b"2", headers={"If-None-Match": "*"})) == (412, "0104")
    assert (await world.call("GET", f"{AT}/k", headers={"If-Match": tag})).content == b"1"
    assert (await world.call("GET", f"{AT}/k", headers={"If-Match": '"x"'})).status_code == 412
    unchanged = await world.call("GET", f"{AT}/k", headers={"If-None-Match": f'"x", {tag}'})
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    for method, name, value in (
        ("PUT", "If-Match", tag),
        ("PUT", "If-None-Match", tag),
        ("PUT", "Content-Encoding", "gzip"),
        ("DELETE", "If-Match", tag),
    ):
        assert code(await world.call(method, f"{AT}/k", b"2", headers={name: value})) == (400, "0104")
    assert world.objects.content("data/k") == b"1"


@pytest.mark.parametrize("name", ["Content-Digest", "Repr-Digest"])
@pytest.mark.parametrize("algorithm", ["sha-256", "sha-512"])
async def test_an_object_is_held_to_its_digest(world: ApiWorld, name: str, algorithm: str) -> None:
    content = b"weights" * 100_000
    for key in ("new", "old"):
        await world.call("PUT", f"{AT}/old", b"as it was")
        answer = await world.call("PUT", f"{AT}/{key}", content, headers={name: digest(b"", algorithm)})
        assert code(answer) == (400, "0104")
        assert f"another {algorithm}" in answer.json()["error_msg"]
    assert world.objects.keys("data") == ["old"]
    assert world.objects.content("data/old") == b"as it was"
    right = await world.call(
        "PUT", f"{AT}/new", content, headers={name: f"md5=:AA==:, {digest(content, algorithm)}"}
    )
    assert (right.status_code, right.json()["digest"]) == (200, digest(content))
    assert world.deps.storage.usage.arriving("p1") == 0


@pytest.mark.parametrize("said", ["sha-256=abc", "md5=:AAAA:", "sha-256=:AAAA:", "nonsense", "sha-256=:é:"])
async def test_a_digest_that_cannot_be_held_to_is_refused(world: ApiWorld, said: str) -> None:
    answer = await world.call("PUT", f"{AT}/k", b"x", headers={"Content-Digest": said.encode()})
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "Content-Digest")
    assert world.objects.keys("data") == []


async def test_a_listing_in_pages(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["a", "a-b", "a/1", "a/2/x", "a/2/y", "a/3", "a0", "b/1", "b/2", "b/3/4", "ä/1"]
    for name in names:
        await world.call("PUT", f"{AT}/{quote(name)}", b"x")
    assert await keys(world) == names
    assert await keys(world, "?prefix=a/") == ["a/1", "a/2/x", "a/2/y", "a/3"]
    assert await keys(world, "?prefix=a/2") == ["a/2/x", "a/2/y"]
    assert await keys(world, "?prefix=b/1") == ["b/1"]
    assert await keys(world, "?prefix=nothing/here") == []
    assert await keys(world, "?prefix=a//") == []
    assert await keys(world, "?after=a/3") == ["a0", "b/1", "b/2", "b/3/4", "ä/1"]
    assert await keys(world, "?prefix=b/&after=a/3") == ["b/1", "b/2", "b/3/4"]
    assert await keys(world, "?prefix=a/&after=0") == ["a/1", "a/2/x", "a/2/y", "a/3"]
    assert await keys(world, "?prefix=b/&after=b/1") == ["b/2", "b/3/4"]
    assert await keys(world, "?prefix=a/&after=b") == await keys(world, "?prefix=b/&after=b0") == []
    folded = ["a", "a-b", "a/", "a0", "b/", "ä/"]
    for skipped in (2000, 1):  # whether the store is asked to begin behind them, or they are passed over
        monkeypatch.setattr(object_listing, "SKIPPED", skipped)
        assert await keys(world, "?delimiter=/") == folded
        assert await keys(world, "?delimiter=/&prefix=a/") == ["a/1", "a/2/", "a/3"]
        for limit in (1, 2, 3, 10):
            for query, whole in (("", names), ("&delimiter=/", folded)):
                assert await paged(world, f"?limit={limit}{query}") == whole


async def paged(world: ApiWorld, query: str) -> list[str]:
    found: list[str] = []
    after = ""
    while True:
        page = (await world.call("GET", f"{AT}{query}{after and '&after=' + quote(after)}")).json()
        assert page["count"] == len(page["objects"])
        assert page["truncated"] == ("next" in page)
        found += [one["key"] for one in page["objects"]]
        if not page["truncated"]:
            return found
        after = page["next"]


@pytest.mark.parametrize("query", ["limit=0", "limit=10001", "limit=x", "delimiter=ab"])
async def test_what_cannot_be_asked_of_a_listing(world: ApiWorld, query: str) -> None:
    answer = await world.call("GET", f"{AT}?{query}")
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, query.partition("=")[0])


async def test_a_bucket_belongs_to_one_project(world: ApiWorld) -> None:
    await world.call("PUT", f"{AT}/k", b"x")
    await other(world, "PUT", "/v1/p2/objects/theirs/k", b"y")
    for call in (
        *(
            other(world, method, f"/v1/p2/objects/data{key}", b"z")
            for method in ("GET", "PUT")
            for key in ("", "/k")
        ),
        other(world, "DELETE", "/v1/p2/objects/data/k"),
        other(world, "POST", "/v1/p2/objects/data/k?action=upload", {"size": 1}),
        other(world, "POST", "/v1/p2/objects/data/k?action=sign", {}),
        world.call("GET", "/v1/p1/objects/theirs/k"),
        world.call("PUT", "/v1/p1/objects/theirs/k", b"z"),
        world.call("PUT", "/v1/p1/objects/theirs"),
    ):
        assert code(await call) == (403, "4310")
    assert (world.objects.content("data/k"), world.objects.content("theirs/k")) == (b"x", b"y")
    assert (await other(world, "DELETE", "/v1/p2/objects/data")).status_code == 404
    listed = (await other(world, "GET", "/v1/p2/objects")).json()
    assert listed == {"total_count": 1, "count": 1, "buckets": [{"bucket": "theirs"}]}


async def test_a_bucket_that_nobody_claimed_is_the_first_projects_once_there_is_something_in_it(
    world: ApiWorld,
) -> None:
    await world.call("PUT", f"{AT}/k", b"x")
    async with world.store.write() as w:
        await w.release_bucket("data", "p1")
    assert code(await other(world, "PUT", "/v1/p2/objects/data/k", b"z")) == (403, "4310")
    assert code(await other(world, "PUT", "/v1/p2/objects/data")) == (403, "4310")
    assert (await world.call("GET", f"{AT}/k")).content == b"x"
    assert (await world.call("GET", AT)).json()["count"] == 1
    assert (await other(world, "PUT", "/v1/p2/objects/free")).json() == {}
    assert (await other(world, "PUT", "/v1/p2/objects/free")).json() == {}  # it has it
    assert code(await world.call("GET", "/v1/p1/objects/free")) == (403, "4310")
    assert (await other(world, "GET", "/v1/p2/objects/free")).json()["objects"] == []
    assert code(await world.call("GET", "/v1/p1/objects/nowhere")) == (404, "4311")


async def test_only_an_empty_bucket_is_removed(world: ApiWorld) -> None:
    await world.call("PUT", f"{AT}/k", b"x")
    assert code(await world.call("DELETE", AT)) == (400, "0104")
    await world.call("DELETE", f"{AT}/k")
    assert (await world.call("DELETE", AT)).json() == {}
    assert code(await world.call("DELETE", AT)) == (404, "4311")


async def test_roles(world: ApiWorld) -> None:
    await world.call("PUT", f"{AT}/k", b"x")
    for user, reads, writes in (("member", 200, 200), ("reader", 200, 403), ("invoker", 403, 403)):
        for path in ("/v1/p1/objects", AT, f"{AT}/k"):
            assert (await world.call("GET", path, user=user)).status_code == reads
        for method, path, body in (
            ("PUT", f"{AT}/{user}", b"x"),
            ("POST", f"{AT}/{user}?action=upload", {"size": 1}),
            ("DELETE", f"{AT}/{user}", None),
            ("PUT", f"/v1/p1/objects/of-{user}", None),
            ("DELETE", f"/v1/p1/objects/of-{user}", None),
        ):
            assert (await world.call(method, path, body, user=user)).status_code == writes, (user, method, path)
    assert world.objects.keys("data") == ["k"]


async def quota(world: ApiWorld, **values: int) -> None:
    async with world.store.write() as w:
        for name, value in values.items():
            await w.save_quota("p1", name, value)


async def test_quotas(world: ApiWorld) -> None:
    await quota(world, objects_max_bytes=100, object_max_bytes=60, buckets=1)
    world.objects._objects.clear()
    assert (await world.call("PUT", f"{AT}/a", bytes(60))).status_code == 200
    assert code(await world.call("PUT", f"{AT}/b", bytes(61))) == (413, "4104")
    answer = await world.call("PUT", f"{AT}/b", bytes(41))
    assert code(answer) == (400, "0118")
    assert "objects_max_bytes" in answer.json()["error_msg"]
    assert (await world.call("PUT", f"{AT}/b", bytes(40))).status_code == 200
    assert code(await world.call("PUT", f"{AT}/c", b"x")) == (400, "0118")
    await world.call("PUT", f"{AT}/b", b"")  # less than was there
    assert (await world.call("PUT", f"{AT}/c", bytes(40))).status_code == 200
    await world.call("DELETE", f"{AT}/a")
    assert (await world.call("PUT", f"{AT}/d", bytes(60))).status_code == 200
    assert code(await world.call("PUT", "/v1/p1/objects/more")) == (400, "0118")
    assert sum(len(world.objects.content(f"data/{key}")) for key in world.objects.keys("data")) == 100


async def test_a_quota_is_held_to_while_an_object_of_no_said_size_comes(world: ApiWorld) -> None:
    await quota(world, objects_max_bytes=3 << 20)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 << 20:
            sent += 1 << 20
            yield bytes(1 << 20)

    answer = await world.call("PUT", f"{AT}/k", headers={}, content=endless())
    assert code(answer) == (400, "0118")
    assert sent <= 5 << 20
    assert world.objects.keys("data") == []
    assert world.deps.storage.usage.arriving("p1") == 0


async def test_what_is_written_beside_the_api_counts_too(world: ApiWorld) -> None:
    await quota(world, objects_max_bytes=100)
    await world.call("PUT", AT)
    await world.objects.write(object_path("/data/result"), bytes(90))
    assert code(await world.call("PUT", f"{AT}/k", bytes(11))) == (400, "0118")
    assert (await world.call("PUT", f"{AT}/k", bytes(10))).status_code == 200


async def test_a_full_disk_and_a_store_that_is_away(world: ApiWorld) -> None:
    world.spare_bytes = 10
    full = await world.call("PUT", f"{AT}/k", bytes(11))
    assert (code(full), full.headers["retry-after"]) == ((503, "0010"), "1")
    world.spare_bytes = 1 << 50
    await world.call("PUT", f"{AT}/k", b"x")
    world.objects.away = True
    for method in ("GET", "PUT", "DELETE"):
        away = await world.call(method, f"{AT}/k", b"x")
        assert (code(away), away.headers["retry-after"]) == ((503, "0010"), "1")


async def test_only_a_store_that_can_signs_urls(world: ApiWorld) -> None:
    asked: list[Any] = []

    async def sign(*given: Any) -> str:
        asked.append(given)
        return "https://data.s3.test/k?X-Amz-Signature=abc"

    assert code(await world.call("POST", f"{AT}/k?action=sign", {})) == (400, "0104")
    world.objects.sign = sign  # type: ignore[method-assign]
    answer = await world.call("POST", f"{AT}/k?action=sign", {"method": "PUT", "expires_s": "60"})
    assert answer.json() == {
        **{"url": "https://data.s3.test/k?X-Amz-Signature=abc", "method": "PUT"},
        "expires_at": world.now + 60_000,
    }
    assert asked == [(object_path("/data/k"), "PUT", 60)]
    for body in ({"expires_s": 0}, {"expires_s": 604_801}, {"method": "DELETE"}, {"size": 1}, {"digest": "x"}):
        refused = await world.call("POST", f"{AT}/k?action=sign", body)
        assert (refused.status_code, refused.json()["details"][0]["field"]) == (400, *body)
    reader = await world.call("POST", f"{AT}/k?action=sign", {"method": "PUT"}, user="reader")
    assert reader.status_code == 403
    assert (await world.call("POST", f"{AT}/k?action=sign", {}, user="reader")).status_code == 200
