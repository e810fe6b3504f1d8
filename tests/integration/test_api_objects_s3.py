"""Objects of the API that lie in S3: a real server that checks signatures, parts, and URLs that it signs for."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from tests.integration.test_api_objects import code, digest
from tests.worlds.api import ApiWorld, api_world
from tests.worlds.s3 import S3Server

from modelyard.objects.s3 import PART, S3Objects
from modelyard.operations.object_usage import Usage

LARGE = bytes(range(256)) * ((PART * 5 // 4) // 256)


@pytest.fixture
async def world(s3: S3Server) -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        objects = S3Objects(s3.admin)
        storage = replace(made.deps.storage, objects=objects, usage=Usage(objects))
        made.app.state.deps = replace(made.deps, storage=storage)
        yield made
        await storage.usage.close()


async def test_objects_in_s3(world: ApiWorld, s3: S3Server) -> None:
    at = f"/v1/p1/objects/{s3.bucket()}"
    for name, content in (("a/small ü", b"x"), ("a/empty", b""), ("a/large", LARGE)):
        for wrong in ("new", name):
            refused = await world.call("PUT", f"{at}/{wrong}", content, headers={"Content-Digest": digest(b"y")})
            assert code(refused) == (400, "0104"), refused.text
        assert code(await world.call("GET", f"{at}/{name}")) == (404, "4312")
        made = await world.call("PUT", f"{at}/{name}", content, headers={"Content-Digest": digest(content)})
        assert (made.status_code, made.json()["digest"]) == (200, digest(content)), made.text
        got = await world.call("GET", f"{at}/{name}", headers={"If-Match": made.headers["etag"]})
        assert (got.content, got.headers["etag"]) == (content, made.headers["etag"])
    part = await world.call("GET", f"{at}/a/large", headers={"Range": f"bytes={PART}-{PART + 9}"})
    assert (part.status_code, part.content) == (206, LARGE[PART : PART + 10])
    assert code(await world.call("PUT", f"{at}/a/large", LARGE, headers={"If-None-Match": "*"})) == (412, "0104")
    listed = (await world.call("GET", f"{at}?prefix=a/&limit=2")).json()
    assert [one["key"] for one in listed["objects"]] == ["a/empty", "a/large"]
    assert listed["next"] == "a/large"
    assert (await world.call("GET", f"{at}?delimiter=/")).json()["objects"] == [{"key": "a/"}]


async def test_an_upload_in_parts_becomes_an_object_in_s3(world: ApiWorld, s3: S3Server) -> None:
    at = f"/v1/p1/objects/{s3.bucket()}/k"
    said = {"size": len(LARGE), "digest": digest(LARGE)}
    upload = (await world.call("POST", f"{at}?action=upload", said)).json()["upload_id"]
    for begin, end in ((0, 1000), (1000, len(LARGE))):
        await world.call("PUT", f"{at}?upload={upload}&offset={begin}", LARGE[begin:end])
    made = await world.call("POST", f"{at}?action=complete&upload={upload}", {})
    assert made.json()["digest"] == digest(LARGE), made.text
    assert (await world.call("GET", at)).content == LARGE


async def test_a_signed_url_reads_and_writes_without_a_token(world: ApiWorld, s3: S3Server) -> None:
    at = f"/v1/p1/objects/{s3.bucket()}/k"
    async with httpx.AsyncClient() as anybody:
        put = (await world.call("POST", f"{at}?action=sign", {"method": "PUT"})).json()["url"]
        assert (await anybody.put(put, content=b"signed")).status_code == 200
        get = (await world.call("POST", f"{at}?action=sign", {"method": "GET"})).json()["url"]
        assert (await anybody.get(get)).content == b"signed"
        assert (await anybody.put(get, content=b"x")).status_code == 403
    assert (await world.call("GET", at)).content == b"signed"
