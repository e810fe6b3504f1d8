"""What a caller of a real Envoy sees: answers, errors, credentials, paths, bodies."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.worlds.gateway import OTHER_KEY, GatewayWorld, Instance, Seen, answer, gateway_world, route, token

from modelyard.domain.routing import Endpoint, RouteState, ServiceRoute, TrackRoute
from modelyard.gateway.base import Answers
from modelyard.gateway.bootstrap import LATENCY_S

pytestmark = pytest.mark.e2e


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[GatewayWorld]:
    async with gateway_world(tmp_path) as made:
        await made.gateway.load(())
        await made.instance("a")
        await made.published(route(a=100))
        yield made


async def test_a_request_reaches_the_instance_without_credentials(world: GatewayWorld) -> None:
    got = await world.call(headers={"Authorization": "x", "X-Apig-AppCode": "y", "X-Other": "z"}, content=b"hello")
    seen = world.instances["a"].seen[0]
    assert (got.status_code, got.text, seen.body, seen.headers["x-other"]) == (200, "a", b"hello", "z")
    assert not {"x-auth-token", "authorization", "x-apig-appcode", "x-modelyard-path"} & seen.headers.keys()
    assert not [name for name in seen.headers | dict(got.headers) if name.startswith("x-envoy")]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("s", "POST / HTTP/1.1"),
        ("s/", "POST / HTTP/1.1"),
        ("s?x=1", "POST /?x=1 HTTP/1.1"),
        ("s?x=/1/2", "POST /?x=/1/2 HTTP/1.1"),
        ("s/?x=1", "POST /?x=1 HTTP/1.1"),
        ("s/a/b", "POST /a/b HTTP/1.1"),
        ("s/a%2Fb//c?q=%20", "POST /a%2Fb//c?q=%20 HTTP/1.1"),
        ("s/v1/infers/s", "POST /v1/infers/s HTTP/1.1"),
    ],
)
async def test_the_prefix_is_stripped(world: GatewayWorld, path: str, line: str) -> None:
    assert (await world.call(path)).status_code == 200
    assert world.instances["a"].seen[-1].line == line


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        pytest.param("s", {"X-Auth-Token": None}, 401, "0201", id="no token"),
        pytest.param("none", {"X-Auth-Token": None}, 401, "0201", id="no token, unknown service"),
        pytest.param("s", {"X-Auth-Token": token(issued_s=1, lives_s=1)}, 401, "0202", id="expired"),
        pytest.param("s", {"X-Auth-Token": "rubbish"}, 401, "0203", id="no JWT"),
        pytest.param("s", {"X-Auth-Token": token(key=OTHER_KEY)}, 401, "0203", id="forged"),
        pytest.param("s", {"X-Auth-Token": token("q")}, 403, "0210", id="another project"),
        pytest.param("s", {"X-Auth-Token": token("q", "reader")}, 403, "0210", id="another project, no role"),
        pytest.param("s", {"X-Auth-Token": token("p", "reader")}, 403, "0108", id="may not invoke"),
        pytest.param("none", {}, 404, "3502", id="unknown service"),
        pytest.param("ss", {}, 404, "3502", id="longer name"),
        pytest.param("../..", {}, 404, "3502", id="no service in the path"),
        pytest.param("stopped", {}, 400, "4203", id="stopped"),
        pytest.param("stopped", {"X-Auth-Token": None}, 401, "0201", id="stopped, no token"),
        pytest.param("empty", {}, 503, "4302", id="no instance"),
        pytest.param("dead", {}, 503, "4302", id="dead instance"),
    ],
)
async def test_errors(world: GatewayWorld, path: str, headers: dict[str, str], status: int, code: str) -> None:
    stopped = ServiceRoute("stopped", "p", RouteState.STOPPED)
    await world.published(stopped, route("empty"), route("dead", dead=100))
    got = await world.call(path, headers=headers)
    body = got.json()
    assert (got.status_code, body["error_code"]) == (status, f"ModelArts.{code}")
    assert body["message"] == body["error_msg"]
    assert got.headers["x-request-id"] == got.headers["x-openstack-request-id"] != ""
    assert got.headers["content-type"] == "application/json"


@pytest.mark.parametrize("role", ["admin", "member", "invoker"])
async def test_roles_that_may_invoke(world: GatewayWorld, role: str) -> None:
    assert (await world.call(headers={"X-Auth-Token": token("p", "reader", role)})).status_code == 200


async def test_a_slow_answer_is_504(world: GatewayWorld) -> None:
    world.instances["a"].behave = lambda *_: None
    await world.published(replace(route(a=100), request_timeout_s=0.2))
    got = await world.call()
    assert (got.status_code, got.json()["error_code"]) == (504, "ModelArts.4503")


async def test_callers_cannot_change_the_routing(world: GatewayWorld) -> None:
    """Envoy's own request headers (timeouts, retries) are not the caller's to set."""
    world.instances["a"].behave = lambda *_: None
    await world.published(replace(route(a=100), request_timeout_s=0.5))
    got = await world.call(headers={"x-envoy-upstream-rq-timeout-ms": "60000", "x-envoy-max-retries": "9"})
    assert got.status_code == 504
    assert len(world.instances["a"].seen) == 1


async def test_models_see_no_headers_between_proxies(world: GatewayWorld) -> None:
    names = ("original-dst-host", "attempt-count", "peer-metadata", "peer-metadata-id", "expected-rq-timeout-ms")
    assert (await world.call(headers={f"x-envoy-{name}": "1" for name in names})).status_code == 200
    assert not [name for name in world.instances["a"].seen[0].headers if name.startswith("x-envoy")]


@pytest.mark.parametrize("header", ["x-envoy-original-path", "x-modelyard-path"])
async def test_callers_cannot_say_another_path_than_theirs(world: GatewayWorld, header: str) -> None:
    """Envoy would take the first one for the path when it looks for the service."""
    got = await world.call("s/x", headers={header: "/v1/infers/other/x"})
    assert (got.status_code, world.instances["a"].seen[0].line) == (200, "POST /x HTTP/1.1")
    assert header not in world.instances["a"].seen[0].headers
    assert (await world.call("other/x", headers={header: "/v1/infers/s/x"})).status_code == 404


async def test_the_models_own_errors_pass_unchanged(world: GatewayWorld) -> None:
    world.instances["a"].behave = lambda _i, _s, w: answer(
        w, 503, b"mine", "content-type: text/x\r\nserver: m\r\n"
    )
    got = await world.call()
    assert (got.status_code, got.text, got.headers["content-type"]) == (503, "mine", "text/x")
    assert (got.headers["server"], len(world.instances["a"].seen)) == ("m", 1)


async def test_bodies_up_to_the_limit_pass_and_above_are_413(world: GatewayWorld) -> None:
    limit = 12 * 1024 * 1024
    got = await world.call(content=b"x" * limit)
    assert (got.status_code, len(world.instances["a"].seen[-1].body)) == (200, limit)
    got = await world.call(content=b"x" * (limit + 1))
    assert (got.status_code, got.json()["error_code"]) == (413, "ModelArts.4104")
    await world.published(replace(route(a=100), max_body_bytes=10))
    assert (await world.call(content=b"x" * 10)).status_code == 200
    assert (await world.call(content=b"x" * 11)).status_code == 413


async def test_revoked_tokens_are_refused_and_newer_ones_pass(world: GatewayWorld) -> None:
    then = int(time.time()) - 1000
    old, new, other = token(issued_s=then), token(issued_s=then + 1), token(user_id="v", issued_s=then)
    assert (await world.call(headers={"X-Auth-Token": old})).status_code == 200
    await world.gateway.set_revocations({"u": then + 1})
    await world.until(world.gateway.revocations_in_effect)
    got = await world.call(headers={"X-Auth-Token": old})
    assert (got.status_code, got.json()["error_code"]) == (401, "ModelArts.0203")
    assert (await world.call(headers={"X-Auth-Token": new})).status_code == 200
    assert (await world.call(headers={"X-Auth-Token": other})).status_code == 200


async def test_every_request_of_a_service_is_counted_once(world: GatewayWorld) -> None:
    await world.published(route("empty"))
    world.instances["a"].behave = lambda _i, s, w: answer(w, 500 if s.body == b"bad" else 200, b"")
    await world.call()
    await world.call(content=b"bad")
    await world.call("empty")
    await world.call(headers={"X-Auth-Token": None})
    await world.call("none")
    reading = await world.gateway.counters()
    assert reading is not None
    counts = {name: (seen.total, seen.failed) for name, seen in reading.services.items()}
    assert counts == {"s": (3, 1), "empty": (1, 1)}


async def test_how_long_answers_take_is_told_by_model_and_status(world: GatewayWorld) -> None:
    """Envoy adds up what its workers saw every 5 s."""
    with_model = replace(route(a=100), tracks=(TrackRoute(0, 100, (Endpoint("a", "unix:a.sock", "iris:1.0.0"),)),))
    await world.published(replace(with_model, request_timeout_s=9))

    def behave(_one: Instance, seen: Seen, writer: asyncio.StreamWriter) -> "asyncio.Future[None] | None":
        if seen.body == b"slow":
            return asyncio.ensure_future(late(writer))
        answer(writer, 500 if seen.body == b"bad" else 200, b"")
        return None

    async def late(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        answer(writer, 200, b"")

    world.instances["a"].behave = behave
    await world.call()
    await world.call(content=b"slow")
    await world.call(content=b"bad")
    await world.call(headers={"X-Auth-Token": None})
    with pytest.raises(httpx.TimeoutException):
        await world.call(content=b"slow", timeout=0.1)  # nobody waits for this answer: it has no time
    found: dict[tuple[str, int], Answers] = {}
    async with asyncio.timeout(20):
        while sum(sum(one.counts) for one in found.values()) < 4:
            measures = await world.gateway.measures()
            assert measures is not None
            found = {(one.model, one.status): one for one in measures.answers if one.service_id == "s"}
            await asyncio.sleep(0.2)
    assert measures.memory_bytes > 1_000_000
    assert {key: sum(one.counts) for key, one in found.items()} == {
        ("", 401): 1,
        ("iris:1.0.0", 200): 2,
        ("iris:1.0.0", 500): 1,
    }
    slow = found["iris:1.0.0", 200]
    assert slow.bounds_s == LATENCY_S
    assert sum(n for bound, n in zip(slow.bounds_s, slow.counts, strict=False) if bound in {0.5, 1.0}) == 1
    assert 0.3 < slow.total_s < 1


async def test_a_transfer_encoding_that_nobody_knows_is_the_callers_fault(world: GatewayWorld) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    head = "POST /v1/infers/s HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n"
    writer.write(f"{head}x-auth-token: {token()}\r\n\r\n0\r\n\r\n".encode())
    answered = await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)
    writer.close()
    assert b" 400 " in answered
    assert world.instances["a"].seen == []


@pytest.mark.parametrize("settled_s", [0, 60], ids=["nothing settled", "all but the last minute settled"])
async def test_a_token_of_the_future_is_refused(world: GatewayWorld, settled_s: int) -> None:
    """No revocation by time could reach it."""
    await world.published(route(a=100))
    now = int(time.time())
    await world.gateway.set_revocations({"other": now}, settled_s=now - settled_s if settled_s else 0)
    await world.until(world.gateway.revocations_in_effect)
    issued = {
        second: (await world.call(headers={"X-Auth-Token": token(issued_s=now + second)})) for second in AHEAD
    }
    assert {second: got.status_code for second, got in issued.items()} == AHEAD
    assert issued[60].json()["error_code"] == "ModelArts.0203"


AHEAD = {-3600: 200, 0: 200, 4: 200, 60: 401, 3600: 401}
"""How far ahead of now a token is dated → the answer."""


async def test_a_service_without_an_instance_says_why(world: GatewayWorld) -> None:
    """The recorded cause in place of flags of Envoy's, whatever characters it has; to those only who may call."""
    why = 'it failed: an instance said "no\\n" {0} %REQ(x)% – ünd '
    await world.published(replace(route(), absence=why))
    got = await world.call()
    assert (got.status_code, got.json()["error_code"]) == (503, "ModelArts.4302")
    assert got.json()["error_msg"] == f"Service s cannot answer: {why}."
    assert (await world.call(headers={"X-Auth-Token": token("q")})).status_code == 403
    await world.published(route(a=100))
    assert (await world.call()).text == "a"
