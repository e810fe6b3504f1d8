"""What both clients promise: one login, safe repetition, streams, files, timeouts."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.client.twins import CREDENTIALS, KINDS, play

from modelyard.client import ApiError, AsyncClient, Client, LoggedOut, NotConfigured, Unreachable, Upload
from modelyard.client.records import Service
from modelyard.client.sse import EventReader, ServerEvent

SERVICE = Service(service_id="s1", service_name="iris", status="running", access_address="http://gw.test/s1")
both = pytest.mark.parametrize("kind", KINDS)


class Yard:
    """Logs in, and answers the rest in order; an exception is raised as the network would."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.seen: list[httpx.Request] = []
        self.logins = 0
        self.project: dict[str, str] | None = {"id": "p1"}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if request.url.path == "/v3/auth/tokens":
            self.logins += 1
            token = {"token": {"project": self.project} if self.project else {}}
            return httpx.Response(201, json=token, headers={"X-Subject-Token": f"t{self.logins}"})
        self.seen.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


REFUSED, BROKEN, LATE = httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.ReadTimeout("late")
GONE = httpx.RemoteProtocolError("Server disconnected without sending a response.")


def busy(seconds: str = "1") -> httpx.Response:
    return httpx.Response(503, json={"error_msg": "busy"}, headers={"Retry-After": seconds})


def ok() -> httpx.Response:
    return httpx.Response(200, json={"services": []})


@both
@pytest.mark.parametrize(
    ("first", "times", "method", "headers"),
    [
        pytest.param(REFUSED, 2, "POST", {}, id="nothing was sent"),
        pytest.param(BROKEN, 2, "GET", {}, id="a reading call broke"),
        pytest.param(GONE, 2, "GET", {}, id="a kept connection was closed"),
        pytest.param(BROKEN, 1, "POST", {}, id="a POST may have been carried out"),
        pytest.param(GONE, 1, "POST", {}, id="so may one without any answer"),
        pytest.param(BROKEN, 1, "PUT", {}, id="a PUT too"),
        pytest.param(BROKEN, 2, "POST", {"Idempotency-Key": "k"}, id="the server knows the key"),
        pytest.param(LATE, 1, "GET", {}, id="the time is over"),
        pytest.param(busy(), 2, "GET", {}, id="busy, reading"),
        pytest.param(busy(), 2, "DELETE", {}, id="busy, deleting"),
        pytest.param(busy(), 1, "POST", {}, id="busy, POST"),
        pytest.param(busy("60"), 1, "GET", {}, id="busy for long"),
        pytest.param(httpx.Response(503, json={}), 1, "GET", {}, id="503 without a word about when"),
        pytest.param(httpx.Response(500, json={}), 1, "GET", {}, id="a fault"),
    ],
)
def test_what_is_sent_again(
    kind: str, first: httpx.Response | Exception, times: int, method: str, headers: dict[str, str]
) -> None:
    fresh = (
        httpx.Response(first.status_code, headers=first.headers, content=first.content)
        if isinstance(first, httpx.Response)
        else first
    )
    yard = Yard(fresh, ok())

    async def ask(client: Any) -> None:
        if times == 1:
            with pytest.raises((ApiError, Unreachable)):
                await client.session.call(method, "/x", body={"a": 1}, headers=headers)
        else:
            await client.session.call(method, "/x", body={"a": 1}, headers=headers)

    naps = play(kind, yard, ask)
    assert [request.content for request in yard.seen] == [b'{"a":1}'] * times
    assert len(naps) == times - 1


@both
def test_a_server_that_stays_away_is_given_up(kind: str) -> None:
    yard = Yard(REFUSED, REFUSED, REFUSED, ok())

    async def ask(client: Any) -> None:
        with pytest.raises(Unreachable, match="nothing answers"):
            await client.services.list()

    assert play(kind, yard, ask) == [0.1, 0.4]


@both
def test_a_prediction_is_not_repeated_but_gets_a_new_token(kind: str) -> None:
    denied = httpx.Response(401, json={"error_msg": "The token expired."})
    yard = Yard(ok(), denied, httpx.Response(200, json={"label": 1}))

    async def ask(client: Any) -> None:
        await client.services.list()
        assert await client.predict(SERVICE, {"x": 1}) == {"label": 1}

    play(kind, yard, ask)
    assert [r.headers["X-Auth-Token"] for r in yard.seen] == ["t1", "t1", "t2"]
    assert yard.seen[1].content == yard.seen[2].content == b'{"x":1}'


def test_threads_that_find_the_token_ended_log_in_once() -> None:
    together, logins = threading.Barrier(8), []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v3/auth/tokens":
            logins.append(1)
            token = {"token": {"project": {"id": "p1"}}}
            return httpx.Response(201, json=token, headers={"X-Subject-Token": f"t{len(logins)}"})
        if request.headers["X-Auth-Token"] == "t0":
            together.wait(10)
            return httpx.Response(401, json={})
        return ok()

    held = replace(CREDENTIALS, token="t0", project_id="p1")
    with Client(held, transport=httpx.MockTransport(answer)) as client, ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: client.services.list(), range(8))) == [[]] * 8
    assert len(logins) == 1


def test_tasks_that_find_the_token_ended_log_in_once() -> None:
    logins = []

    async def main() -> None:
        together = asyncio.Barrier(8)

        async def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path == "/v3/auth/tokens":
                logins.append(1)
                token = {"token": {"project": {"id": "p1"}}}
                return httpx.Response(201, json=token, headers={"X-Subject-Token": f"t{len(logins)}"})
            if request.headers["X-Auth-Token"] == "t0":
                await together.wait()
                return httpx.Response(401, json={})
            return ok()

        held = replace(CREDENTIALS, token="t0", project_id="p1")
        async with AsyncClient(held, transport=httpx.MockTransport(answer)) as client:
            assert await asyncio.gather(*(client.services.list() for _ in range(8))) == [[]] * 8

    asyncio.run(main())
    assert len(logins) == 1


@both
def test_a_token_without_a_password_ends_with_a_word_about_it(kind: str) -> None:
    yard = Yard(httpx.Response(401, json={}))
    held = replace(CREDENTIALS, password="", token="t0", project_id="p1")

    async def ask(client: Any) -> None:
        with pytest.raises(LoggedOut, match="login of ada"):
            await client.services.list()

    play(kind, yard, ask, held)


@both
def test_a_user_of_several_projects_must_name_one(kind: str) -> None:
    yard = Yard()
    yard.project = None

    async def ask(client: Any) -> None:
        with pytest.raises(NotConfigured, match="OS_PROJECT_NAME"):
            await client.services.list()

    play(kind, yard, ask)


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces; notes how many were taken, and may break off."""

    def __init__(self, *pieces: bytes, breaks: bool = False) -> None:
        self.pieces, self.breaks, self.taken = pieces, breaks, 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.taken += 1
            yield piece
        if self.breaks:
            raise httpx.ReadError("reset")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


@both
def test_events_come_as_they_are_sent(kind: str) -> None:
    body = Pieces(b"data: on", b"e\n\n", b"event: end\ndata: two\n\n")
    yard = Yard(httpx.Response(200, stream=body, headers={"Content-Type": "text/event-stream"}))
    seen: list[tuple[ServerEvent, int]] = []

    async def ask(client: Any) -> None:
        async with client.stream(SERVICE, {}) as answer:
            assert answer.content_type == "text/event-stream"
            seen.extend([(event, body.taken) async for event in answer.events()])

    play(kind, yard, ask)
    assert seen == [(ServerEvent("one"), 2), (ServerEvent("two", "end"), 3)]


@both
def test_a_stream_that_breaks_off_says_so(kind: str) -> None:
    body = Pieces(b"data: one\n\n", breaks=True)
    yard = Yard(httpx.Response(200, stream=body, headers={"Content-Type": "text/event-stream"}))

    async def ask(client: Any) -> None:
        async with client.stream(SERVICE, {}) as answer:
            with pytest.raises(Unreachable, match="broke off"):
                async for _ in answer.events():
                    pass

    play(kind, yard, ask)


@both
def test_a_stream_that_is_refused_is_an_error_with_its_text(kind: str) -> None:
    yard = Yard(httpx.Response(404, json={"error_code": "ModelArts.3502", "error_msg": "no such service"}))

    async def ask(client: Any) -> None:
        with pytest.raises(ApiError, match="no such service"):
            async with client.stream(SERVICE, {}):
                pass

    play(kind, yard, ask)


@both
def test_files_go_as_a_form_or_as_they_are(kind: str) -> None:
    picture = Upload("cat.png", b"\x89PNG\r\n")
    yard = Yard(ok(), ok(), ok(), ok(), ok())

    async def ask(client: Any) -> None:
        await client.predict(SERVICE, picture)
        await client.predict(SERVICE, {"threshold": 0.5}, files={"images": picture})
        await client.predict(SERVICE, {"large": True, "size": [1, 2]}, files={"images": [picture, picture]})
        await client.predict(SERVICE)
        await client.predict(SERVICE, b"a,b\n", headers={"content-type": "text/csv"}, path="/rows")

    play(kind, yard, ask)
    raw, form, lists, null, text = yard.seen
    assert (raw.headers["Content-Type"], raw.content) == ("image/png", picture.content)
    assert form.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="images"; filename="cat.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n' in form.content
    assert b'name="threshold"\r\n\r\n0.5' in form.content
    assert lists.content.count(b'name="images"; filename="cat.png"') == 2
    assert lists.content.count(b'name="size"') == 2
    assert b'name="large"\r\n\r\ntrue' in lists.content
    assert (null.headers["Content-Type"], null.content) == ("application/json", b"null")
    assert (text.headers.get_list("Content-Type"), text.url.path) == (["text/csv"], "/s1/rows")


@both
@pytest.mark.parametrize(
    ("content_type", "content", "expected"),
    [
        ("application/json", b'{"a": 1}', {"a": 1}),
        ("application/problem+json", b"[1]", [1]),
        ("text/plain; charset=utf-8", "é".encode(), "é"),
        ("image/png", b"\x89PNG", b"\x89PNG"),
        ("", b"3", 3),
    ],
)
def test_an_answer_is_what_its_type_says(kind: str, content_type: str, content: bytes, expected: object) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    yard = Yard(httpx.Response(200, content=content, headers=headers))

    async def ask(client: Any) -> None:
        assert await client.predict(SERVICE, {}) == expected

    play(kind, yard, ask)


@both
def test_the_time_is_an_argument(kind: str) -> None:
    yard = Yard(ok(), ok())

    async def ask(client: Any) -> None:
        await client.predict(SERVICE, {}, timeout_s=3)
        await client.predict(SERVICE, {})

    play(kind, yard, ask)
    assert [r.extensions["timeout"]["read"] for r in yard.seen] == [3, 70]
    assert [r.extensions["timeout"]["connect"] for r in yard.seen] == [3, 10]


@both
def test_an_id_cannot_leave_its_place_in_the_path(kind: str) -> None:
    yard = Yard(ok(), httpx.Response(404, json={}))

    async def ask(client: Any) -> None:
        with pytest.raises(ApiError):
            await client.services.find("a/../b?x")

    play(kind, yard, ask)
    assert yard.seen[1].url.raw_path == b"/v1/p1/services/a%2F..%2Fb%3Fx"


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_events_in_pieces_of_any_size(size: int) -> None:
    text = "\ufeff: note\r\ndata: é\r\ndata:b\r\rid: 7\nevent: x\ndata\n\ndata: lost".encode()
    reader = EventReader()
    found = [e for at in range(0, len(text), size) for e in reader.feed(text[at : at + size])]
    assert found == [ServerEvent("é\nb"), ServerEvent("", "x", "7")]


def test_the_blocking_client_is_the_one_made_from_the_other() -> None:
    script = Path(__file__).parents[3] / "scripts" / "twin.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_login_names_only_the_domains_that_are_known() -> None:
    sent: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content)["auth"])
        return httpx.Response(201, json={"token": {}}, headers={"X-Subject-Token": "t"})

    for credentials in (
        CREDENTIALS,
        replace(CREDENTIALS, user_domain_id="d1", project_domain_name="modelyard"),
        replace(CREDENTIALS, user_id="u1", project_name=""),
    ):
        with Client(credentials, transport=httpx.MockTransport(answer)) as client:
            client.session.token()
    users = [one["identity"]["password"]["user"] for one in sent]
    assert users == [
        {"name": "ada", "password": "s3cret"},
        {"name": "ada", "password": "s3cret", "domain": {"id": "d1"}},
        {"id": "u1", "password": "s3cret"},
    ]
    assert [one.get("scope") for one in sent] == [
        {"project": {"name": "lab"}},
        {"project": {"name": "lab", "domain": {"name": "modelyard"}}},
        None,
    ]


@both
@pytest.mark.parametrize("value", [None, b"x", {"a": 1}, [[1]]])
def test_a_field_of_a_form_is_a_text_or_refused(kind: str, value: object) -> None:
    async def ask(client: Any) -> None:
        with pytest.raises(TypeError, match="'size'"):
            await client.predict(SERVICE, {"size": value}, files={})
        with pytest.raises(ValueError, match="a field or a file"):
            await client.predict(SERVICE, files={})

    play(kind, Yard(), ask)
