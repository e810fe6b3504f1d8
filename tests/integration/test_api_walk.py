"""Every route of the OpenAPI document, walked: ids with a slash, HEAD, filters, and what answers repeat."""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest
from tests.worlds.api import ApiWorld, api_world

from modelyard.api.app import bare_app

DOCUMENT = bare_app().openapi()
WORDS = re.compile(r"\b(None|True|False|dict|tuple|NoneType|str|int|bool|frozenset|[A-Z]\w+(Status|Type)\.\w+)\b")
LONG = "x" * 100_000
IDS = {"service_id": "3502", "model_id": "3001"}


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


def sound(text: str) -> None:
    assert len(text) < 20_000, text[:500]
    said = json.loads(text)
    for message in (said["error_msg"], *(f"{d['field']}: {d['error_msg']}" for d in said.get("details", ()))):
        assert not WORDS.search(message), message


def told(text: str) -> str:
    """An answer without what no two have in common."""
    return re.sub(r'"(request_id|etag)": ?"(\\"|[^"])*"', "", text)


WITHOUT_END = "/v1/{project_id}/services/watch"
"""What is answered until the caller goes: walked by its own tests."""
GETS = [path for method, path, _ in operations() if method == "GET" and path != WITHOUT_END]


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
    (m, p, name)
    for m, p, _ in operations()
    for name in re.findall(r"\{(\w+)\}", p)
    if name != "project_id" and "/objects/" not in p  # a key is a path, and what cannot be one is told so
]


@pytest.mark.parametrize(("method", "path", "name"), WITH_IDS)
async def test_a_slash_in_an_id_is_a_part_of_it(world: ApiWorld, method: str, path: str, name: str) -> None:
    plain = await world.call(method, filled(path, **{name: "a-b"}), {})
    for one, shown in (("a%2Fb", "a/b"), ("a%2fb%2F", "a/b/"), ("%2F", "/"), ("a%252Fb", "a%2Fb")):
        answer = await world.call(method, filled(path, **{name: one}), {})
        assert answer.status_code == plain.status_code, answer.text
        assert told(answer.text) == told(plain.text.replace("a-b", shown))
        assert "ModelArts.4204" not in answer.text


async def test_a_thing_whose_name_has_a_slash_is_found(world: ApiWorld) -> None:
    await world.model(name="a/b")
    assert (await world.call("GET", "/v1/p1/models/m-a%2Fb-1.0.0")).json()["model_name"] == "a/b"
    assert (await world.call("GET", "/v1/p1/models/m-a/b-1.0.0")).json()["error_code"] == "ModelArts.4204"


def queries() -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    for method, path, operation in operations():
        for one in operation.get("parameters", ()):
            if one["in"] == "query":
                yield method, path, one["name"], one["schema"]


QUERIES = list(queries())


@pytest.mark.parametrize(("method", "path", "name"), [one[:3] for one in QUERIES])
async def test_a_query_without_a_value_is_none(world: ApiWorld, method: str, path: str, name: str) -> None:
    await world.model()
    plain = await world.call(method, filled(path), {})
    answer = await world.call(method, f"{filled(path)}?{name}=", {})
    assert (answer.status_code, told(answer.text)) == (plain.status_code, told(plain.text))


CLOSED = {"status", "infer_type", "model_status", "event_type", "order", "sort_by"}


@pytest.mark.parametrize(("method", "path", "name"), [one[:3] for one in QUERIES])
async def test_an_unknown_value_of_a_closed_query_is_refused_and_two_values_of_any(
    world: ApiWorld, method: str, path: str, name: str
) -> None:
    twice = await world.call(method, f"{filled(path)}?{name}=a&{name}=b", {})
    assert (twice.status_code, twice.json()["details"][0]["field"]) == (400, name)
    if name in CLOSED:
        for value in ("nonsense", LONG[:30_000]):
            answer = await world.call(method, f"{filled(path)}?{name}={value}", {})
            assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, name)
            sound(answer.text)


def schema_of(operation: Mapping[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    return resolved(schema)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return resolved(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for option in schema.get("anyOf", ()):
        if {"$ref", "properties", "items"} & option.keys():
            return resolved(option)
    return schema


def bodies(schema: dict[str, Any], wrong: object) -> Iterator[object]:
    """A body for each field there is, at any depth, with the wrong value in it and nothing beside."""
    yield wrong
    schema = resolved(schema)
    for name, inner in schema.get("properties", {}).items():
        for value in bodies(inner, wrong):
            yield {name: value}
    if "items" in schema:
        for value in bodies(schema["items"], wrong):
            yield [value]


WRONG: tuple[object, ...] = (
    *(True, False, -1, 1.5, "", LONG, [], {}, [None], [LONG], {"a": None}, {LONG: LONG}, [True], [[{"a": None}]]),
    *("\N{ESCAPE}[31m", list(range(20_000)), {"a": [None, True]}, 'it\'s "quoted"'),
)
BODIES = [
    (m, p, schema_of(o))
    for m, p, o in operations()
    if "application/json" in o.get("requestBody", {}).get("content", {})
]


@pytest.mark.parametrize(("method", "path", "schema"), BODIES, ids=[f"{m} {p}" for m, p, _ in BODIES])
async def test_what_is_wrong_is_told_in_bounds_and_in_the_words_of_json(
    world: ApiWorld, method: str, path: str, schema: dict[str, Any]
) -> None:
    service_id = await world.service()
    model = "m-digits-service-1.0.0"
    walked = [list(bodies(schema, wrong)) for wrong in WRONG]
    assert walked[0]
    for place in range(len(walked[0])):  # each wrong value in turn: all in every place would take minutes
        for turn in (place, place + 7) if place else range(len(WRONG)):
            body = walked[turn % len(WRONG)][place]
            answer = await world.call(method, filled(path, service_id=service_id, model_id=model), body)
            assert answer.status_code < 500, answer.text
            if answer.status_code >= 400:
                sound(answer.text)


@pytest.mark.parametrize(("method", "path"), [(m, p) for m, p, _ in operations() if "{" in p and p != WITHOUT_END])
async def test_no_answer_repeats_a_long_id(world: ApiWorld, method: str, path: str) -> None:
    answer = await world.call(method, re.sub(r"\{\w+\}", LONG[:10_000], path.replace("{project_id}", "p1")), {})
    assert len(answer.text) < 2000
    assert (await world.call(method, f"/{LONG[:50_000]}")).text.count("x") < 2000
