"""AppCodes, signatures and revoked tokens at a real Envoy."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds.gateway import GatewayWorld, gateway_world, route, token

from modelyard.domain.identity import Access, Role
from modelyard.domain.routing import RouteState, ServiceRoute
from modelyard.gateway.admin import invocations
from modelyard.gateway.signatures import MOST_AT_ONCE, Refusal, SignedCall

pytestmark = pytest.mark.e2e

CODE, OTHER = "a1" * 32, "b2" * 32
SIGNED = "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature=" + "0" * 64
NO_TOKEN = {"X-Auth-Token": None}
BY_SIGNATURE = {**NO_TOKEN, "Authorization": SIGNED, "X-Sdk-Date": "20260101T000000Z"}


class Signers:
    """A check that answers as told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Access | Refusal = Access("u", "p", frozenset({Role.INVOKER}))
        self.calls: list[SignedCall] = []
        self.broken = False

    async def __call__(self, call: SignedCall) -> Access | Refusal:
        self.calls.append(call)
        if self.broken:
            raise RuntimeError("no database")
        return self.answer


@pytest.fixture
def signers() -> Signers:
    return Signers()


@pytest.fixture
async def world(tmp_path: Path, signers: Signers) -> AsyncIterator[GatewayWorld]:
    async with gateway_world(tmp_path, check=signers) as made:
        await made.gateway.load(())
        await made.instance("a")
        await made.published(replace(route(a=100), app_codes=(CODE, OTHER)))
        yield made


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        pytest.param("s", {"X-Apig-AppCode": CODE}, 200, "", id="a code"),
        pytest.param("s", {"X-Apig-AppCode": OTHER}, 200, "", id="the other code"),
        pytest.param("s/x?y=1", {"X-Apig-AppCode": CODE}, 200, "", id="a path below"),
        pytest.param("s", {"X-Apig-AppCode": CODE, "X-Auth-Token": token("q")}, 200, "", id="and a foreign token"),
        pytest.param(
            "s", {"X-Apig-AppCode": "c3" * 32, "X-Auth-Token": token()}, 200, "", id="a token, wrong code"
        ),
        pytest.param("s", {"X-Apig-AppCode": CODE[:-1]}, 401, "0203", id="shorter"),
        pytest.param("s", {"X-Apig-AppCode": CODE + "0"}, 401, "0203", id="longer"),
        pytest.param("s", {"X-Apig-AppCode": ""}, 401, "0203", id="empty"),
        pytest.param("s", {"X-Apig-AppCode": CODE.upper()}, 401, "0203", id="in capitals"),
        pytest.param("s", {"X-Apig-AppCode": f"{CODE},{OTHER}"}, 401, "0203", id="two at once"),
        pytest.param("s", {"X-Apig-AppCode": CODE, "X-Auth-Token": "x"}, 401, "0203", id="and a bad token"),
        pytest.param("s", {"X-Apig-AppCode": "c3" * 32, "X-Auth-Token": token("q")}, 403, "0210", id="both wrong"),
        pytest.param("plain", {"X-Apig-AppCode": CODE}, 401, "0203", id="a service without codes"),
        pytest.param("stopped", {"X-Apig-AppCode": CODE}, 400, "4203", id="stopped"),
        pytest.param("stopped", {"X-Apig-AppCode": "c3" * 32}, 401, "0203", id="stopped, wrong code"),
        pytest.param("none", {"X-Apig-AppCode": CODE}, 401, "0203", id="no such service"),
        pytest.param("none", {"X-Apig-AppCode": CODE, "X-Auth-Token": token()}, 404, "3502", id="none, a token"),
        pytest.param("s", {"Authorization": f"Bearer {CODE}"}, 401, "0201", id="in another header"),
        pytest.param(f"s?X-Apig-AppCode={CODE}", {}, 401, "0201", id="in the query"),
    ],
)
async def test_app_codes(world: GatewayWorld, path: str, headers: dict[str, str], status: int, code: str) -> None:
    stopped = ServiceRoute("stopped", "p", RouteState.STOPPED, app_codes=(CODE,))
    await world.published(stopped, route("plain", a=100))
    got = await world.call(path, headers={**NO_TOKEN, **headers})
    assert got.status_code == status, got.text
    if status != 200:
        assert got.json()["error_code"] == f"ModelArts.{code}"
        return
    seen = world.instances["a"].seen[-1]
    assert not {"x-auth-token", "authorization", "x-apig-appcode"} & seen.headers.keys()


CLAIMED = {"X-Modelyard-Access": ";u=u;p=p;t=x;r=admin;", "X-Modelyard-Issued": "1"}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        pytest.param({}, 401, "0201", id="nothing else"),
        pytest.param({"X-Auth-Token": token("q")}, 403, "0210", id="a token of another project"),
        pytest.param({"X-Auth-Token": token("p", "reader")}, 403, "0108", id="a token that may not invoke"),
        pytest.param({"X-Apig-AppCode": "c3" * 32}, 401, "0203", id="a wrong code"),
        pytest.param(BY_SIGNATURE, 401, "0203", id="a wrong signature"),
        pytest.param({"X-Apig-AppCode": CODE}, 200, "", id="a code"),
        pytest.param({"X-Auth-Token": token()}, 200, "", id="a token"),
    ],
)
async def test_nobody_says_who_they_are(
    world: GatewayWorld, signers: Signers, headers: dict[str, str | None], status: int, code: str
) -> None:
    """What the checks hand to the rules in headers is not taken from a caller, nor shown to a model."""
    signers.answer = Refusal(401, "0203", "The signature is wrong.")
    got = await world.call("s", headers={**NO_TOKEN, **headers, **CLAIMED})
    assert (got.status_code, got.json()["error_code"] if code else "") == (
        status,
        f"ModelArts.{code}" if code else "",
    )
    if status == 200:
        assert not {name for name in world.instances["a"].seen[-1].headers if name.startswith("x-modelyard")}


async def test_a_claim_to_be_old_revokes_nothing(world: GatewayWorld) -> None:
    await world.gateway.set_revocations({"u": int(time.time()) - 60})
    await world.until(world.gateway.revocations_in_effect)
    got = await world.call(headers={"X-Auth-Token": token(), **CLAIMED})
    assert got.status_code == 200
    later = {"X-Modelyard-Issued": "99999999999"}
    old = token(issued_s=int(time.time()) - 120)
    assert (await world.call(headers={"X-Auth-Token": old, **later})).status_code == 401


async def test_a_removed_code_ends_within_seconds(world: GatewayWorld) -> None:
    """Also on connections that are open."""
    assert (await world.call(headers={**NO_TOKEN, "X-Apig-AppCode": CODE})).status_code == 200
    began = time.monotonic()
    await world.published(replace(route(a=100), app_codes=(OTHER,)))
    assert (await world.call(headers={**NO_TOKEN, "X-Apig-AppCode": CODE})).status_code == 401
    assert (await world.call(headers={**NO_TOKEN, "X-Apig-AppCode": OTHER})).status_code == 200
    assert time.monotonic() - began < 5


async def test_a_code_is_in_no_log_and_no_counter(world: GatewayWorld) -> None:
    await world.call(headers={**NO_TOKEN, "X-Apig-AppCode": CODE})
    await world.call("none", headers={**NO_TOKEN, "X-Apig-AppCode": CODE})
    assert CODE not in str(await invocations(world.data_dir / "gateway/admin.sock"))
    assert CODE not in repr(world.gateway.view("s"))
    files = {path: path.read_bytes() for path in world.data_dir.rglob("*") if path.is_file()}
    assert {"bootstrap.json", "log"} <= {path.name for path in files}
    assert [path for path, content in files.items() if CODE.encode() in content] == []


async def test_a_single_token_is_revoked(world: GatewayWorld) -> None:
    mine, other = token(token_id="one"), token(token_id="two")
    foreign = token(user_id="v", token_id="one")
    await world.gateway.set_revocations({}, {"u": frozenset({"one"})})
    await world.until(world.gateway.revocations_in_effect)
    answers = [await world.call(headers={"X-Auth-Token": one}) for one in (mine, other, foreign)]
    assert [got.status_code for got in answers] == [401, 200, 200]


async def test_a_signed_request_passes_as_its_signer(world: GatewayWorld, signers: Signers) -> None:
    headers = {**BY_SIGNATURE, "X-Twice": "1"}
    got = await world.call("s/a%2Fb?x=%20&y", headers=headers, content=b"body")
    assert (got.status_code, got.text) == (200, "a")
    assert [one.body for one in signers.calls] == [None, b"body"]
    call = signers.calls[-1]
    assert (call.method, call.path, call.query, call.body) == ("POST", "/v1/infers/s/a%2Fb", "x=%20&y", b"body")
    named = dict(call.headers)
    assert named[b"host"] == f"127.0.0.1:{world.port}".encode()
    assert (named[b"x-sdk-date"], named[b"authorization"]) == (b"20260101T000000Z", SIGNED.encode())
    seen = world.instances["a"].seen[-1]
    assert (seen.body, "authorization" in seen.headers) == (b"body", False)


@pytest.mark.parametrize(
    ("answer", "path", "status", "code"),
    [
        pytest.param(Refusal(403, "0206", "Invalid AK/SK."), "s", 403, "0206", id="refused"),
        pytest.param(Refusal(401, "0208", "too old"), "s", 401, "0208", id="too old"),
        pytest.param(Refusal(403, "0206", "Invalid AK/SK."), "none", 404, "3502", id="unknown service, not asked"),
        pytest.param(Access("u", "q", frozenset({Role.ADMIN})), "s", 403, "0210", id="another project"),
        pytest.param(Access("u", "p", frozenset({Role.READER})), "s", 403, "0108", id="may not invoke"),
        pytest.param(Access("u", "p", frozenset()), "s", 403, "0108", id="no role"),
        pytest.param(Access("u", "p", frozenset({Role.ADMIN})), "none", 404, "3502", id="unknown service"),
    ],
)
async def test_signed_requests_refused(
    world: GatewayWorld, signers: Signers, answer: Access | Refusal, path: str, status: int, code: str
) -> None:
    signers.answer = answer
    got = await world.call(path, headers=BY_SIGNATURE)
    assert (got.status_code, got.json()["error_code"]) == (status, f"ModelArts.{code}"), got.text
    assert got.headers["content-type"] == "application/json"
    assert not world.instances["a"].seen


async def test_a_token_needs_no_signature_and_other_requests_no_control_plane(
    world: GatewayWorld, signers: Signers
) -> None:
    assert (await world.call(headers={"Authorization": SIGNED})).status_code == 200
    assert (await world.call(headers={"Authorization": "Basic x"})).status_code == 200
    got = await world.call(headers={**NO_TOKEN, "Authorization": "Basic x"})
    assert (got.status_code, got.json()["error_code"]) == (401, "ModelArts.0201")
    assert not signers.calls


@pytest.mark.parametrize(
    "changed",
    [
        {"Authorization": "SDK-HMAC-SHA256"},
        {"Authorization": "SDK-HMAC-SHA256 Access=AK"},
        {"Authorization": SIGNED[:-1] + "x"},
        {"Authorization": SIGNED.replace("host;x-sdk-date", "")},
        {"Authorization": f"Bearer {SIGNED}"},
        {"X-Sdk-Date": None},
    ],
)
async def test_what_is_no_signature_is_refused_without_asking(
    world: GatewayWorld, signers: Signers, changed: dict[str, str | None]
) -> None:
    got = await world.call(headers={**BY_SIGNATURE, **changed})
    assert (got.status_code, got.json()["error_code"]) == (401, "ModelArts.0201")
    assert not signers.calls


async def test_few_signed_requests_are_checked_at_a_time_and_the_others_wait(
    world: GatewayWorld, signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = most = 0

    async def slow(_: Signers, call: SignedCall) -> Access:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.02)
        inside -= 1
        return Access("u", "p", frozenset({Role.INVOKER}))

    monkeypatch.setattr(Signers, "__call__", slow)
    answers = await asyncio.gather(*(world.call(headers=BY_SIGNATURE) for _ in range(40)))
    assert [got.status_code for got in answers] == [200] * 40
    assert most == MOST_AT_ONCE


async def test_signed_requests_are_refused_while_nobody_can_check(world: GatewayWorld, signers: Signers) -> None:
    headers = BY_SIGNATURE
    signers.broken = True
    got = await world.call(headers=headers)
    assert (got.status_code, got.json()["error_code"]) == (503, "ModelArts.4302")
    await world.gateway.close()
    got = await world.call(headers=headers)
    assert (got.status_code, got.json()["error_code"]) == (503, "ModelArts.4302")
    assert (await world.call()).status_code == 200
    assert (await world.call(headers={**NO_TOKEN, "X-Apig-AppCode": CODE})).status_code == 200


async def test_signed_bodies_up_to_the_limit_pass(world: GatewayWorld, signers: Signers) -> None:
    limit = 12 * 1024 * 1024
    headers = BY_SIGNATURE
    assert (await world.call(headers=headers, content=b"x" * limit)).status_code == 200
    assert len(signers.calls[-1].body or b"") == limit
    got = await world.call(headers=headers, content=b"x" * (limit + 1))
    assert (got.status_code, got.json()["error_code"]) == (413, "ModelArts.4104")
