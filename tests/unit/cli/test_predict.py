"""`modelyard predict`: what is sent for a file or a form, and how each kind of answer is printed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.unit.cli.every import LONG, MODEL, SERVICE, Server

from modelyard.cli import context
from modelyard.cli.exits import Exit
from modelyard.client import Client, Credentials

Run = Callable[..., tuple[int, str, str]]
CAT = b"\x89PNG\r\n"
IMAGES = {"type": "object", "properties": {"images": {"type": "file"}}}
FORM = [{"url": "/", "request": {"Content-type": "multipart/form-data", "data": IMAGES}}]
WHERE = f"POST /{LONG}"


class Model:
    """The model behind the fake server: keeps the request, gives the answer."""

    def __init__(self, server: Server, answer: httpx.Response | None = None) -> None:
        self.server, self.answer = server, answer
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "gw.test":
            request.read()
            self.asked.append(request)
            return self.answer or httpx.Response(200, json={"label": 1})
        return self.server(request)


@pytest.fixture
def model(server: Server, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Model:
    del run
    model = Model(server)

    def make(given: Credentials) -> Client:
        return Client(given, transport=httpx.MockTransport(model))

    monkeypatch.setattr(context, "make_client", make)
    (tmp_path / "cat.png").write_bytes(CAT)
    return model


def test_a_file_goes_as_it_is_with_its_type(run: Run, model: Model) -> None:
    code, out, err = run("predict", "s1", "--file", "cat.png")
    assert (code, json.loads(out)) == (Exit.OK, {"label": 1}), err
    assert (model.asked[0].headers["Content-Type"], model.asked[0].content) == ("image/png", CAT)


def test_a_field_given_twice_is_sent_twice_texts_and_files_alike(run: Run, model: Model, tmp_path: Path) -> None:
    (tmp_path / "dog.png").write_bytes(b"DOG")
    fields = ("images=@cat.png", "size=64", "images=@dog.png", "size=65", "images=none")
    code, _, err = run("predict", "s1", *(part for one in fields for part in ("--field", one)))
    assert code == Exit.OK, err
    content = model.asked[0].content
    for part in (b'filename="cat.png"', b'filename="dog.png"', CAT, b"DOG", b"\r\n\r\n64\r\n", b"\r\n\r\n65\r\n"):
        assert content.count(part) == 1, part
    assert content.count(b'name="images"') == 3
    assert b'name="images"\r\n\r\nnone' in content


def test_the_file_joins_those_of_its_field(run: Run, model: Model, server: Server) -> None:
    server.answers["GET /v1/p1/models/m1"] = {**MODEL, "apis": json.dumps(FORM)}
    assert run("predict", "s1", "--file", "cat.png", "--field", "images=@cat.png")[0] == Exit.OK
    assert model.asked[0].content.count(b'name="images"; filename="cat.png"') == 2


def test_a_file_goes_into_the_field_that_the_model_declares(run: Run, model: Model, server: Server) -> None:
    server.answers["GET /v1/p1/models/m1"] = {**MODEL, "apis": json.dumps(FORM)}
    assert run("predict", "s1", "--file", "cat.png", "--field", "size=64")[0] == Exit.OK
    (asked,) = model.asked
    assert asked.headers["Content-Type"].startswith("multipart/form-data")
    assert b'name="images"; filename="cat.png"\r\nContent-Type: image/png\r\n\r\n' + CAT in asked.content
    assert b'name="size"\r\n\r\n64' in asked.content


def test_a_form_names_its_fields(run: Run, model: Model) -> None:
    assert run("predict", "s1", "--field", "a=@cat.png", "--field", "b=x=y")[0] == Exit.OK
    assert b'name="a"; filename="cat.png"' in model.asked[0].content
    assert b'name="b"\r\n\r\nx=y' in model.asked[0].content
    code, _, err = run("predict", "s1", "--file", "cat.png", "--field", "b=1")
    assert (code, "--field NAME=@FILE" in " ".join(err.split())) == (2, True)


def test_headers_time_path_and_address(run: Run, model: Model) -> None:
    words = ("-H", "X-Mode: fast", "-H", "Content-Type: text/csv", "--timeout", "3", "--path", "/rows")
    assert run("predict", "http://gw.test/abc", "1,2", *words)[0] == Exit.OK
    (asked,) = model.asked
    assert (asked.url.path, asked.content, asked.headers["X-Mode"]) == ("/abc/rows", b"1,2", "fast")
    assert asked.headers.get_list("Content-Type") == ["text/csv"]
    assert asked.extensions["timeout"]["read"] == 3


class Watched(httpx.SyncByteStream):
    """Notes what was on the screen before each further piece is given."""

    def __init__(self, pieces: list[bytes], screen: Callable[[], str]) -> None:
        self.pieces, self.screen, self.seen = pieces, screen, []  # type: ignore[var-annotated]

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.seen.append(self.screen())
            yield piece


def events(model: Model, pieces: list[bytes], capsys: pytest.CaptureFixture[str]) -> Watched:
    body = Watched(pieces, lambda: capsys.readouterr().out)
    model.answer = httpx.Response(200, stream=body, headers={"Content-Type": "text/event-stream"})
    return body


def test_a_stream_is_printed_while_it_comes(run: Run, model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    body = events(model, [b"data: one\n\n", b"data: two\n\n", b": end\n\n"], capsys)
    assert run("predict", "s1", "{}")[0] == Exit.OK
    assert body.seen == ["", "one\n", "two\n"]


def test_a_stream_that_ends_in_an_error_fails(run: Run, model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    events(model, [b"data: one\n\n", b'event: error\ndata: {"error_msg": "no"}\n\n'], capsys)
    code, _, err = run("predict", "s1", "{}")
    assert (code, '{"error_msg": "no"}' in err) == (Exit.FAILED, True)


def test_bytes_go_to_a_file_or_a_pipe_and_text_as_it_is(run: Run, model: Model, tmp_path: Path) -> None:
    model.answer = httpx.Response(200, content=CAT, headers={"Content-Type": "image/png"})
    assert run("predict", "s1", "{}", "-o", "out.png")[0] == Exit.OK
    assert (tmp_path / "out.png").read_bytes() == CAT
    model.answer = httpx.Response(200, text="héllo")
    assert run("predict", "s1", "{}")[1] == "héllo\n"


@pytest.mark.parametrize(
    "words",
    [("--file", "none.png"), ("--field", "a=@none.png"), ("@none.json",), ("{}", "--file", "cat.png"), ("{",)],
)
def test_what_cannot_be_sent_is_said_before_anything_is(run: Run, model: Model, words: tuple[str, ...]) -> None:
    code, _, err = run("predict", "s1", *words)
    assert (code, model.asked) == (2, [])
    assert "none" in err or "not both" in err or "not JSON" in err


PUBLIC = "https://yard.example/v1/infers/s1"


@pytest.mark.parametrize(
    ("near", "called"),
    [({"gateway_url": "http://127.0.0.1:8471"}, "http://127.0.0.1:8471/v1/infers/s1"), ({}, PUBLIC)],
    ids=["on the server", "written by an earlier release"],
)
def test_on_the_server_itself_no_public_name_is_needed(
    run: Run, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, near: dict[str, str], called: str
) -> None:
    place, asked = tmp_path / "yard", []
    place.mkdir()
    login = {"auth_url": "http://127.0.0.1:8470/v3", "user_name": "a", "password": "p", "domain_name": "d", **near}
    (place / "credentials.json").write_text(json.dumps({**login, "project_name": "local", "project_id": "p1"}))
    one = {**SERVICE, "access_address": PUBLIC}
    server.answers["GET /v1/p1/services"] = {"services": [one], "count": 1, "total_count": 1}
    server.answers["GET /v1/p1/services/s1"] = one

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return server(request)

    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(context, "make_client", lambda given: Client(given, transport=transport))
    code, _, err = run("predict", "s1", "{}", "--data-dir", str(place))
    assert (code, asked[-1]) == (Exit.OK, called), err
