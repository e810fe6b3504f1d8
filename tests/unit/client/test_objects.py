"""What both clients promise of objects: whole or not at all, and on from where it broke off."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.client.twins import KINDS, play

from modelyard.client import ApiError, ClientError, Unreachable
from modelyard.client import objects as twin
from modelyard.client.aio import objects as source
from modelyard.client.files import digest_of

both = pytest.mark.parametrize("kind", KINDS)
CONTENT = bytes(range(256)) * 40


class Store:
    """Objects as the API has them. `faults`: what happens to the next calls, in order; None: nothing does."""

    def __init__(self, *faults: "Callable[[httpx.Request], httpx.Response | None] | Exception | None") -> None:
        self.faults = list(faults)
        self.objects: dict[str, bytes] = {}
        self.upload: dict[str, Any] = {}
        self.calls: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v3/auth/tokens":
            token = {"token": {"project": {"id": "p1"}}}
            return httpx.Response(201, json=token, headers={"X-Subject-Token": "t"})
        self.calls.append(f"{request.method} {request.url.raw_path.decode().removeprefix('/v1/p1/objects')}")
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        if fault is not None and (answer := fault(request)) is not None:
            return answer
        return self.answer(request)

    def answer(self, request: httpx.Request) -> httpx.Response:
        key, asked = request.url.path.removeprefix("/v1/p1/objects/"), request.url.params
        if request.method == "POST" and asked["action"] == "upload":
            said = json.loads(request.read())
            if self.upload.get("digest") != said["digest"]:
                self.upload = {"upload_id": "u", "content": b"", **said}
            return self.told()
        if request.method == "POST":
            self.objects[key] = self.upload.pop("content")
            return self.stored(key)
        if "upload" in asked and request.method == "GET":
            return self.told()
        if "upload" in asked:
            assert int(asked["offset"]) == len(self.upload["content"])
            self.upload["content"] += request.read()
            return self.told()
        if request.method == "PUT":
            content = request.read()
            assert request.headers["content-digest"] == digest_of(content)
            self.objects[key] = content
            return self.stored(key)
        first = int(request.headers.get("range", "bytes=0-")[6:-1])
        content = self.objects[key]
        if first and first >= len(content):
            return httpx.Response(416, json={})
        return httpx.Response(206 if first else 200, content=content[first:], headers={"ETag": '"1"'})

    def told(self) -> httpx.Response:
        return httpx.Response(200, json={"upload_id": "u", "offset": len(self.upload["content"])})

    def stored(self, key: str) -> httpx.Response:
        content = self.objects[key]
        return httpx.Response(200, json={"key": key, "size": len(content), "digest": digest_of(content)})


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 4,000 bytes: CONTENT has three."""
    for module in (source, twin):
        monkeypatch.setattr(module, "AT_ONCE_BYTES", 1000)
        monkeypatch.setattr(module, "PART_BYTES", 4000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    path.write_bytes(CONTENT)
    return path


@both
def test_a_small_file_goes_at_once_with_its_digest(kind: str, tmp_path: Path) -> None:
    store = Store()
    (tmp_path / "f").write_bytes(b"small")
    done: list[int] = []

    async def scenario(yard: Any) -> None:
        made = await yard.objects.upload("b", "a/ä?", tmp_path / "f", progress=done.append)
        assert (made.size, made.digest) == (5, digest_of(b"small"))

    assert play(kind, store, scenario) == []
    assert store.calls == ["PUT /b/a/%C3%A4%3F"]
    assert (store.objects, done) == ({"b/a/ä?": b"small"}, [5])


@both
def test_a_large_file_goes_in_parts(kind: str, file: Path) -> None:
    store = Store()
    done: list[int] = []

    async def scenario(yard: Any) -> None:
        made = await yard.objects.upload("b", "k", file, progress=done.append)
        assert made.digest == digest_of(CONTENT)

    assert play(kind, store, scenario) == []
    assert store.objects == {"b/k": CONTENT}
    assert [call for call in store.calls if call.startswith("PUT")] == [
        f"PUT /b/k?upload=u&offset={offset}" for offset in (0, 4000, 8000)
    ]
    assert (done[0], done[-1], sorted(done)) == (0, len(CONTENT), done)


@both
def test_an_upload_goes_on_where_it_broke_off(kind: str, file: Path) -> None:
    def half(request: httpx.Request) -> httpx.Response | None:
        store.upload["content"] += request.read()[:1500]
        raise httpx.WriteError("reset")

    def busy(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(409, json={"error_msg": "at work"}, headers={"Upload-Offset": "1500"})

    away = httpx.ConnectError("refused")
    store = Store(None, half, away, away, away, busy, None, None, httpx.ReadError("reset"))

    async def scenario(yard: Any) -> None:
        await yard.objects.upload("b", "k", file)

    naps = play(kind, store, scenario)
    assert store.objects == {"b/k": CONTENT}
    assert "PUT /b/k?upload=u&offset=1500" in store.calls
    assert 0 < sum(naps) < 10


@both
def test_an_upload_that_another_process_began_is_gone_on_with(kind: str, file: Path) -> None:
    store = Store()
    store.upload = {"upload_id": "u", "content": CONTENT[:9000], "digest": digest_of(file)}

    async def scenario(yard: Any) -> None:
        await yard.objects.upload("b", "k", file)

    play(kind, store, scenario)
    assert store.objects == {"b/k": CONTENT}
    assert [call for call in store.calls if call.startswith("PUT")] == ["PUT /b/k?upload=u&offset=9000"]


@both
def test_what_never_gets_on_is_told(kind: str, file: Path) -> None:
    store = Store(*[httpx.ConnectError("refused")] * 1000)

    async def scenario(yard: Any) -> None:
        with pytest.raises(Unreachable):
            await yard.objects.upload("b", "k", file)

    assert 60 < sum(play(kind, store, scenario)) < 600


@both
@pytest.mark.parametrize("status", [400, 403, 404, 412, 413])
def test_a_refusal_is_told_at_once(kind: str, file: Path, status: int) -> None:
    store = Store(lambda _: httpx.Response(status, json={"error_msg": "no"}))

    async def scenario(yard: Any) -> None:
        with pytest.raises(ApiError, match="no"):
            await yard.objects.upload("b", "k", file)

    assert play(kind, store, scenario) == []
    assert len(store.calls) == 1


class Breaking(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The first bytes of an answer, and then the connection breaks."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self) -> Any:
        yield self.content
        raise httpx.ReadError("reset")

    async def __aiter__(self) -> Any:
        yield self.content
        raise httpx.ReadError("reset")


@both
def test_a_download_goes_on_where_it_broke_off_and_is_there_when_it_is_whole(kind: str, tmp_path: Path) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        assert not (tmp_path / "x" / "got").exists()
        first = int(request.headers.get("range", "bytes=0-")[6:-1])
        return httpx.Response(206, stream=Breaking(CONTENT[first : first + 3000]), headers={"ETag": '"1"'})

    store = Store(None, broken, broken, httpx.ConnectError("refused"))
    store.objects["b/k"] = CONTENT

    async def scenario(yard: Any) -> None:
        assert await yard.objects.download("b", "k", tmp_path / "x" / "got") == len(CONTENT)

    play(kind, store, scenario)
    assert (tmp_path / "x" / "got").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["got"]


@both
def test_what_an_earlier_process_downloaded_is_not_read_again(kind: str, tmp_path: Path) -> None:
    store = Store(None, *[httpx.ConnectError("refused")] * 1000)
    store.objects["b/k"] = CONTENT

    def half(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Breaking(CONTENT[:7000]), headers={"ETag": '"1"'})

    store.faults[1] = half

    async def fails(yard: Any) -> None:
        with pytest.raises(Unreachable):
            await yard.objects.download("b", "k", tmp_path / "got")

    async def succeeds(yard: Any) -> None:
        await yard.objects.download("b", "k", tmp_path / "got")

    play(kind, store, fails)
    store.faults, store.calls = [], []
    asked: list[str] = []
    store.faults = [None, lambda request: asked.append(request.headers["range"])]  # type: ignore[list-item,func-returns-value]
    play(kind, store, succeeds)
    assert (tmp_path / "got").read_bytes() == CONTENT
    assert asked == ["bytes=7000-"]


@both
def test_an_empty_object_is_downloaded(kind: str, tmp_path: Path) -> None:
    store = Store()
    store.objects["b/k"] = b""

    async def scenario(yard: Any) -> None:
        assert await yard.objects.download("b", "k", tmp_path / "got") == 0

    play(kind, store, scenario)
    assert (tmp_path / "got").read_bytes() == b""


@both
@pytest.mark.parametrize("key", ["", "a//b", "../x", "a/./b", "/a", "a/"])
def test_a_key_that_no_url_carries_is_refused_here(kind: str, key: str) -> None:
    async def scenario(yard: Any) -> None:
        with pytest.raises(ClientError, match="is no key"):
            await yard.objects.write("b", key, b"x")

    store = Store()
    play(kind, store, scenario)
    assert store.calls == []


@both
def test_a_directory_is_uploaded_file_by_file(kind: str, tmp_path: Path, file: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_bytes(b"1")
    done: list[int] = []
    store = Store()

    async def scenario(yard: Any) -> None:
        await yard.objects.upload_directory("b", "at/home", tmp_path, progress=done.append)

    play(kind, store, scenario)
    assert store.objects == {"b/at/home/sub/a": b"1", "b/at/home/weights": CONTENT}
    assert done[-1] == len(CONTENT) + 1
