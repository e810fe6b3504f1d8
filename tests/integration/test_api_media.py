"""What bodies are said to be, and what they hold: every route of the OpenAPI document that takes one is walked."""

import gzip
import re
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.worlds.api import ApiWorld, api_world

from modelyard.api.app import bare_app
from modelyard.api.body import BodyLimits, BodyTooLarge, decoded
from modelyard.domain.errors import Invalid
from modelyard.domain.model import ModelStatus


def takes_json(operation: Mapping[str, Any]) -> bool:
    """Not an object, which is any bytes."""
    return "application/json" in operation.get("requestBody", {}).get("content", {})


PARAMETERS = {"project_id": "p1", "number": "1"}


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


def operations(*methods: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(method, path with ids in it, what OpenAPI says), of every route."""
    for path, known in bare_app().openapi()["paths"].items():
        for method, operation in known.items():
            if not methods or method in methods:
                yield method.upper(), re.sub(r"\{(\w+)\}", lambda m: PARAMETERS.get(m[1], "x"), path), operation


WITH_BODY = [(method, path) for method, path, operation in operations() if takes_json(operation)]


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_a_body_of_another_type_is_refused_by_its_header(world: ApiWorld, method: str, path: str) -> None:
    for wrong in ("application/x-www-form-urlencoded", "text/plain; charset=utf-8", "multipart/form-data", "json"):
        answer = await world.call(method, path, b"{}", headers={"Content-Type": wrong})
        assert (answer.status_code, answer.json()["error_code"]) == (415, "ModelArts.0104"), answer.text
        assert "application/json" in (answer.headers.get("accept") or answer.headers["accept-patch"])
    plain = await world.call(method, path, b"{}")
    for right in ("application/json", "Application/JSON; charset=utf-8"):
        answer = await world.call(method, path, b"{}", headers={"Content-Type": right})
        assert (answer.status_code, answer.json()) == (plain.status_code, plain.json())


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_a_body_in_gzip_is_read_and_in_another_coding_refused(
    world: ApiWorld, method: str, path: str
) -> None:
    plain = await world.call(method, path, b'{"x": 1}')
    for coding in ("gzip", "X-GZIP", "identity, gzip"):
        answer = await world.call(method, path, gzip.compress(b'{"x": 1}'), headers={"Content-Encoding": coding})
        assert (answer.status_code, answer.json()) == (plain.status_code, plain.json())
    for coding in ("br", "deflate", "zstd", "gzip, gzip", "x" * 5000):
        answer = await world.call(method, path, b"{}", headers={"Content-Encoding": coding})
        assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip")
        assert len(answer.text) < 1000
    bomb = gzip.compress(b" " * (4 * 1024 * 1024 + 1))
    answer = await world.call(method, path, bomb, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["error_code"]) == (413, "ModelArts.4104")


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_a_key_that_is_there_twice_is_refused_by_name(world: ApiWorld, method: str, path: str) -> None:
    for body, field in ((b'{"a": 1, "a": 1}', "a"), (b'{"a": [{"b": {"c": 1, "c": 2}}]}', "a[0].b.c")):
        answer = await world.call(method, path, body)
        assert (answer.status_code, answer.json()["error_msg"]) == (400, f"{field}: is there twice")
        assert answer.json()["details"][0]["field"] == field


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_what_cannot_be_stored_is_refused_where_it_is(world: ApiWorld, method: str, path: str) -> None:
    for bad in (b"\\ud800", b"\\u0000"):
        answer = await world.call(method, path, b'{"a": [{"b": "x' + bad + b'"}]}')
        assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "a[0].b"), answer.text
        answer = await world.call(method, path, b'{"a": {"x' + bad + b'": 1}}')
        assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "a"), answer.text


def test_a_patch_is_of_the_types_of_a_patch() -> None:
    assert ("PATCH", "/v1/p1/services/x") in WITH_BODY


@pytest.mark.parametrize(
    ("kind", "status"),
    [("application/json-patch+json", 404), ("application/json", 404), ("application/merge-patch+json", 415)],
)
async def test_types_of_a_json_patch(world: ApiWorld, kind: str, status: int) -> None:
    body = b'[{"op": "replace", "path": "/config/0/weight", "value": 1}]'
    answer = await world.call("PATCH", "/v1/p1/services/x", body, headers={"Content-Type": kind})
    assert answer.status_code == status
    if status == 415:
        assert answer.headers["accept-patch"] == "application/json, application/json-patch+json"
    put = await world.call("PUT", "/v1/p1/services/x", b"{}", headers={"Content-Type": kind})
    assert (put.status_code == 415) == (kind == "application/json-patch+json")


async def test_a_byte_order_mark_and_no_type_are_no_fault(world: ApiWorld) -> None:
    service_id = await world.service()
    answer = await world.call("PUT", f"/v1/p1/services/{service_id}", b'\xef\xbb\xbf{"description": "x"}')
    assert answer.status_code == 200


LIMITS = BodyLimits(max_bytes=1000)
WHOLE = gzip.compress(b"x" * 1000)


def test_gzip_is_unpacked_member_by_member_up_to_the_limit() -> None:
    assert decoded(WHOLE, "gzip", LIMITS) == b"x" * 1000
    assert decoded(gzip.compress(b"{") + gzip.compress(b"") + gzip.compress(b"}"), "gzip", LIMITS) == b"{}"
    assert decoded(gzip.compress(b""), "gzip", LIMITS) == b""
    with pytest.raises(BodyTooLarge):
        decoded(WHOLE + gzip.compress(b"x"), "gzip", LIMITS)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", WHOLE[:-1], WHOLE[:20], WHOLE + b"rubbish", zlib.compress(b"{}"), gzip.compress(b"") * 1000],
    ids=["nothing", "plain", "no-end", "half", "more", "zlib", "members"],
)
def test_what_is_no_gzip_is_told_so(body: bytes) -> None:
    with pytest.raises(Invalid, match="gzip"):
        decoded(body, "gzip", LIMITS)


INNER = {
    "surrogate": ("initial_config", '{"runtime": "\\ud800"}', "initial_config.runtime"),
    "surrogate-deep": ("initial_config", '{"apis": [{"url": "\\udfff"}]}', "initial_config.apis[0].url"),
    "in-the-inner-of-the-inner": (
        "initial_config",
        '{"apis": "[{\\"url\\": \\"\\\\ud800\\"}]"}',
        "initial_config.apis[0].url",
    ),
    "nul": ("initial_config", '{"runtime": "\\u0000"}', "initial_config.runtime"),
    "twice": ("initial_config", '{"runtime": "a", "runtime": "b"}', "initial_config.runtime"),
    "nan": ("initial_config", '{"metrics": {"f1": NaN}}', "initial_config"),
    "large": ("initial_config", '{"metrics": {"f1": 1e400}}', "initial_config.metrics.f1"),
    "deep": ("initial_config", '{"metrics": ' + "[" * 120 + "]" * 120 + "}", "initial_config"),
    "array": ("initial_config", "[]", "initial_config"),
    "no-json": ("initial_config", "nope", "initial_config"),
    "metrics-surrogate": ("model_metrics", '{"f1": "\\ud800"}', "model_metrics.f1"),
    "metrics-nan": ("model_metrics", '{"f1": NaN}', "model_metrics"),
    "metrics-no-json": ("model_metrics", "f1=1", "model_metrics"),
}


@pytest.mark.parametrize(("name", "text", "field"), INNER.values(), ids=INNER.keys())
async def test_json_texts_in_a_body_are_held_to_what_holds_for_the_body(
    world: ApiWorld, name: str, text: str, field: str
) -> None:
    body = {"model_name": "m", "model_version": "1.0.0", "model_type": "Custom", "source_location": "obs://b/k"}
    answer = await world.call("POST", "/v1/p1/models", {**body, name: text})
    assert answer.status_code == 400, answer.text
    assert [one["field"] for one in answer.json()["details"]] == [field]
    assert len(answer.text) < 1000
    assert (await world.call("GET", "/v1/p1/models")).json()["total_count"] == 0
    assert (await world.call("POST", "/v1/p1/models", {**body, name: '{"f1": 0.5}'})).status_code == 200


async def test_a_mapping_rule_as_text_is_held_to_the_same(world: ApiWorld) -> None:
    path = f"/v1/p1/services/{await world.service()}"
    for text in ('{"a": "\\ud800"}', '{"a": 1, "a": 2}', '{"a": NaN}', "nope", "[" * 100_000):
        body = {"config": [{"model_id": "m", "mapping_rule": text}]}
        answer = await world.call("PUT", path, body)
        assert answer.status_code == 400
        assert "config[0].mapping_rule" in [one["field"] for one in answer.json()["details"]]
        assert len(answer.text) < 3000


BROKEN = ("a\ud800b", "nul\0", float("nan"), float("inf"), {"\udfff": "\udc00"})


async def test_what_a_former_release_stored_breaks_no_reader(world: ApiWorld) -> None:
    """As it let every JSON text in a body pass unseen."""
    for number, value in enumerate(BROKEN):
        config = {"runtime": value, "specification": {"min_cpu": value}, "dependencies": [value], "health": value}
        status = (ModelStatus.PUBLISHED, ModelStatus.FAILED)[number % 2]
        await world.model(f"1.0.{number}", config=config, attributes={"model_metrics": value}, status=status)
    await world.model("2.0.0")
    answer = await world.call("GET", "/v1/p1/models")
    assert (answer.status_code, answer.json()["total_count"]) == (200, len(BROKEN) + 1)
    listed = {model["model_version"]: model for model in answer.json()["models"]}
    assert len(listed) == len(BROKEN) + 1
    for model in listed.values():
        assert (await world.call("GET", f"/v1/p1/models/{model['model_id']}")).status_code == 200
    assert listed["1.0.0"]["runtime"] == "a\ufffdb"
    assert "runtime" not in listed["1.0.2"]


async def test_a_service_of_such_rows_is_read_too(world: ApiWorld) -> None:
    service_id = await world.service()
    async with world.store.write() as w:
        service = await w.service("p1", service_id)
        assert service is not None
        kept = {**service.attributes, "additional_properties": {"label\ud800": ["\udfff", float("inf")]}}
        await w.save_service(replace(service, attributes=kept))
    for tail in ("", *(f"/{service_id}{part}" for part in ("", "/events", "/logs", "/revisions"))):
        assert (await world.call("GET", f"/v1/p1/services{tail}")).status_code == 200, tail
