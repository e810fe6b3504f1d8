"""Every route of the OpenAPI document, walked: ids with a slash in them, HEAD, and what answers repeat."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest
from tests.integration.api_world import ApiWorld, api_world

from modelyard.api.app import bare_app

DOCUMENT = bare_app().openapi()
LONG = "x" * 100_000


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


def operations() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, known in DOCUMENT["paths"].items():
        for method, operation in known.items():
            yield method.upper(), path, operation


def filled(path: str, **known: str) -> str:
    return re.sub(
        r"\{(\w+)\}", lambda m: known.get(m[1], {"project_id": "p1", "number": "1"}.get(m[1], "x")), path
    )


GETS = [path for method, path, _ in operations() if method == "GET"]


@pytest.mark.parametrize("path", GETS)
async def test_head_is_known_wherever_get_is(world: ApiWorld, path: str) -> None:
    got = await world.call("GET", filled(path))
    asked = await world.call("HEAD", filled(path))
    assert asked.status_code == got.status_code
    assert asked.content == b""
    volatile = {"x-request-id", "x-openstack-request-id", "content-length"}
    assert asked.headers.keys() - volatile == got.headers.keys() - volatile
    allowed = (await world.call("BREW", filled(path))).headers["allow"]
    assert {"GET", "HEAD"} <= set(allowed.split(", "))


WITH_IDS = [
    (m, p, name) for m, p, _ in operations() for name in re.findall(r"\{(\w+)\}", p) if name != "project_id"
]


@pytest.mark.parametrize(("method", "path", "name"), WITH_IDS)
async def test_a_slash_in_an_id_is_a_part_of_it(world: ApiWorld, method: str, path: str, name: str) -> None:
    plain = await world.call(method, filled(path, **{name: "a-b"}), {})
    for one, shown in (("a%2Fb", "a/b"), ("a%2fb%2F", "a/b/"), ("%2F", "/"), ("a%252Fb", "a%2Fb")):
        answer = await world.call(method, filled(path, **{name: one}), {})
        assert answer.status_code == plain.status_code, answer.text
        if answer.content and "error_code" in plain.json():
            assert answer.json()["error_code"] == plain.json()["error_code"] != "ModelArts.4204"
            if "a-b" in plain.json()["error_msg"]:
                assert shown in answer.json()["error_msg"]


async def test_a_thing_whose_name_has_a_slash_is_found(world: ApiWorld) -> None:
    await world.model(name="a/b")
    assert (await world.call("GET", "/v1/p1/models/m-a%2Fb-1.0.0")).json()["model_name"] == "a/b"
    assert (await world.call("GET", "/v1/p1/models/m-a/b-1.0.0")).json()["error_code"] == "ModelArts.4204"


@pytest.mark.parametrize(("method", "path"), [(m, p) for m, p, _ in operations() if "{" in p])
async def test_no_answer_repeats_a_long_id(world: ApiWorld, method: str, path: str) -> None:
    answer = await world.call(method, re.sub(r"\{\w+\}", LONG[:10_000], path.replace("{project_id}", "p1")), {})
    assert len(answer.text) < 2000
    assert (await world.call(method, f"/{LONG[:50_000]}")).text.count("x") < 2000
