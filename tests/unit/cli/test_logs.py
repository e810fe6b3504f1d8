"""`modelyard logs`: what it asks for and shows, and that nothing in a line reaches a terminal as a command."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.unit.cli.every import LOG_LINE, LOG_LINES, Server

from modelyard.cli import logs as command
from modelyard.cli.logs import harmless
from modelyard.client import Client, Credentials

Run = Callable[..., tuple[int, str, str]]
LINES = "GET /v1/p1/services/s1/logs/lines"


def line(number: int, text: str = "", **more: Any) -> dict[str, Any]:
    return {**LOG_LINE, "number": number, "text": text or f"line {number}", **more}


class Store:
    """Lines 1 to `count`, in pages as the server has them. `blind`: among the newest so many nothing matches, and
    the first search gives up after them."""

    def __init__(self, server: Server, count: int, **kept: int) -> None:
        self.count, self.kept = count, {**LOG_LINES["kept"], **kept}  # type: ignore[dict-item]
        self.asked: list[dict[str, str]] = []
        self.inner = server
        self.blind = 0
        self.followed_after = ""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/v1/p1/services/s1/logs/lines":
            self.followed_after = request.headers.get("last-event-id", "")
            return self.inner(request)
        asked = dict(request.url.params)
        self.asked.append(asked)
        if self.blind and "before" not in asked:
            away = {"lines": [], "more": True, "complete": False, "older": self.count - self.blind + 1}
            body = {name: value for name, value in LOG_LINES.items() if name != "newer"}
            return httpx.Response(200, json={**body, **away})
        after, before = int(asked.get("after", 0)), int(asked.get("before", self.count + 1))
        numbers = [*range(after + 1, before)]
        if asked["order"] == "desc":
            numbers.reverse()
        found = numbers[: int(asked["limit"])]
        far = found[-1] if found else None
        body = {
            **LOG_LINES,
            "lines": [line(n) for n in found],
            "more": len(found) < len(numbers),
            **({"newer": max(found), "older": min(found)} if far else {}),
            "kept": self.kept,
        }
        return httpx.Response(200, json=body)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, server: Server) -> Callable[..., Store]:
    def made(count: int, **kept: int) -> Store:
        store = Store(server, count, **kept)

        def connected(_given: object) -> Client:
            credentials = Credentials(auth_url="http://yard.test/v3", username="a", token="t", project_id="p1")
            return Client(credentials, transport=httpx.MockTransport(store))

        monkeypatch.setattr(command, "connect", connected)
        return store

    return made


def test_a_line_says_when_who_and_what(run: Run) -> None:
    code, out, err = run("logs", "s1")
    assert (code, err) == (0, "")
    assert out.startswith("2023-11-14 22:13:20.123 3f1d2c4b r2 hello a-name-that-is-longer")


def test_the_newest_are_shown_the_oldest_of_them_first(run: Run, store: Callable[..., Store]) -> None:
    asked = store(2500).asked
    code, out, err = run("logs", "s1", "--limit", "1200")
    assert code == 0
    assert [one.split()[-1] for one in out.splitlines()] == [str(n) for n in range(1301, 2501)]
    assert "there are earlier lines" in err
    assert [one["limit"] for one in asked] == ["1000", "200"]
    _, out, err = run("logs", "s1", "--since", "10m", "--json")
    assert [json.loads(one)["number"] for one in out.splitlines()] == [*range(1, 2501)]
    assert err == ""


def test_following_goes_on_after_what_was_shown_though_the_search_gave_up_for_now(
    run: Run, store: Callable[..., Store], server: Server
) -> None:
    content = 'event: deleted\ndata: {"service_id": "s1"}\n\n'
    server.answers["GET /v1/p1/services/s1/logs/watch"] = httpx.Response(200, content=content)
    made = store(50)
    made.blind = 20
    _, out, _ = run("logs", "-f", "s1", "--limit", "2")
    assert [one.split()[-1] for one in out.splitlines()] == ["29", "30"]
    assert made.followed_after == "30"


def test_what_was_cut_is_said_where_the_beginning_is_shown(run: Run, store: Callable[..., Store]) -> None:
    store(3, cut_lines=7)
    assert "7 earlier lines were cut" in run("logs", "s1")[2]
    assert "cut" not in run("logs", "s1", "--limit", "2")[2]


def test_what_is_asked_for(run: Run, store: Callable[..., Store]) -> None:
    asked = store(1).asked
    words = ["--grep", "a b", "--grep", 'say "no"', "--instance", "i1", "--revision", "3", "--until", "5m"]
    run("logs", "s1", *words, "--reference", "ab12")
    assert asked[0] == {
        **{"words": '"a b" "say \\"no\\""', "instance": "i1", "revision": "3", "until": "5m"},
        **{"reference": "ab12", "order": "desc", "limit": "1000"},
    }
    run("logs", "s1", "--access")
    assert asked[-1]["instance"] == "gateway"
    assert run("logs", "s1", "--access", "--instance", "i1")[0] == 2


def test_the_trace_of_a_call_that_just_failed_is_waited_for(run: Run, server: Server) -> None:
    server.answers[LINES] = {**LOG_LINES, "lines": []}
    code, out, err = run("logs", "s1", "--reference", "ab12")
    assert (code, out) == (0, "")
    assert "no line was found" in err


def test_a_deleted_service_is_read_by_its_id(run: Run, server: Server) -> None:
    gone = httpx.Response(404, json={"error_code": "ModelArts.3502", "error_msg": "Service gone does not exist."})
    server.answers["GET /v1/p1/services/gone"] = gone
    server.answers["GET /v1/p1/services/gone/logs/lines"] = LOG_LINES
    assert "hello" in run("logs", "gone")[1]
    server.answers["GET /v1/p1/services/gone/logs/lines"] = gone
    assert run("logs", "gone")[0] == 4


def test_following_shows_what_comes_and_ends_with_the_service(run: Run, server: Server) -> None:
    events = [
        f"id: 2\nevent: line\ndata: {json.dumps(line(2))}\n\n",
        'event: skipped\ndata: {"lines": 5}\n\n',
        f"id: 8\nevent: line\ndata: {json.dumps(line(8))}\n\n",
        'event: deleted\ndata: {"service_id": "s1"}\n\n',
    ]
    server.answers["GET /v1/p1/services/s1/logs/watch"] = httpx.Response(200, content="".join(events))
    code, out, err = run("logs", "-f", "s1")
    assert code == 0
    assert [one.split()[-1] for one in out.splitlines()][1:] == ["2", "8"]
    assert "5 lines were cut before they could be read" in err


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünï 漢字 🙂", "plain ünï 漢字 🙂"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("a\rb\x08c\x7f\x9b31m", "a\\x0db\\x08c\\x7f\\x9b31m"),
        ("a\tb\u202ec\u2066", "a\tb\\u202ec\\u2066"),
        ("a\u3000b", "a b"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_no_line_commands_a_terminal(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_json_has_no_control_characters_either(run: Run, server: Server) -> None:
    server.answers[LINES] = {**LOG_LINES, "lines": [line(1, "\x1b[2J \x9b31m \u202e")]}
    _, out, _ = run("logs", "s1", "--json")
    assert out.isascii()
    assert json.loads(out)["text"] == "\x1b[2J \x9b31m \u202e"


def test_on_a_terminal_each_instance_has_its_colour(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.COLOURS
    shown = {command.crc32(name.encode()) % len(command.COLOURS) for name in ("i1", "i2", "i3", "i4")}
    assert len(shown) > 1
