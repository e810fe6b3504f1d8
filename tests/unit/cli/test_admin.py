"""`modelyard admin` against canned answers: what is sent, and that no password is an argument or printed twice."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from io import StringIO
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from rich.console import Console

from modelyard.cli import admin_resources, audit, context, top
from modelyard.cli.exits import Exit
from modelyard.client import Client, Credentials, Unreachable, Untrusted
from modelyard.client.records import Json
from modelyard.core.admission import catalog

Run = Callable[..., tuple[int, str, str]]
USERS = [{"id": "u1", "name": "bob", "enabled": True}, {"id": "u2", "name": "eve"}, {"id": "u3", "name": "eve"}]
PROJECTS = [{"id": "p1", "name": "local", "enabled": True}]
ASSIGNMENTS = [
    {"user": {"id": "u1"}, "role": {"name": "reader"}, "scope": {"project": {"id": "p1"}}},
    {"user": {"id": "u2"}, "role": {"name": "admin"}, "scope": {"system": {"all": True}}},
]
DONE = {
    "number": 7,
    "occur_time": 1_700_000_000_000,
    "action": "PUT /v1/{project_id}/services/{service_id}",
    "outcome": "done",
    "status": 200,
    "user_id": "u1",
    "user_name": "ada",
    "resource": "services/7f",
    "resource_name": "digits",
    "address": "192.0.2.7",
    "request_id": "0123456789abcdef",
    "times": 1,
}
REFUSED = {
    "number": 8,
    "occur_time": 1_700_000_001_000,
    "action": "POST /v3/auth/tokens",
    "outcome": "refused",
    "status": 401,
    "error_code": "ModelArts.4122",
    "user_name": "bob",
    "times": 12,
}
ANSWERS = {
    "POST /v3/auth/tokens": {"token": {"project": {"id": "p1"}}},
    "POST /v3/projects": {"project": {"id": "p2"}},
    "GET /v3/users": {"users": USERS},
    "GET /v3/projects": {"projects": PROJECTS},
    "GET /v3/role_assignments": {"role_assignments": ASSIGNMENTS},
    "GET /v1/modelyard/admin/projects/p1/quotas": {"quotas": {"real_time_services": 20}},
    "PUT /v1/modelyard/admin/projects/p1/quotas": {"quotas": {"real_time_services": 9}},
    "GET /v1/modelyard/admin/pools": {"pools": [{"pool_id": "x", "name": "lab"}]},
    "POST /v1/modelyard/admin/pools": {"pool_id": "x"},
    "GET /v1/modelyard/admin/audit": {"audit": [REFUSED, DONE]},
    "GET /v1/p1/audit": {"audit": [DONE]},
}


class Server:
    """Answers by method and path, remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, object]] = []
        self.asked: dict[str, str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        key = f"{request.method} {request.url.path}"
        self.asked = dict(request.url.params)
        if "auth/tokens" not in key and request.method != "GET":
            self.sent.append((key, json.loads(request.content) if request.content else None))
        return httpx.Response(200, json=ANSWERS.get(key, {}), headers={"X-Subject-Token": "t"})


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def run(server: Server, program: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("modelyard.cli.admin.connect", lambda _: _client(server))
    monkeypatch.setattr("modelyard.cli.admin_resources.connect", lambda _: _client(server))
    monkeypatch.setattr("modelyard.cli.audit.connect", lambda _: _client(server))
    monkeypatch.setattr("modelyard.cli.top.connect", lambda _: _client(server))
    context.console.width = 120

    def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", _Lines(stdin))
        return program("admin", *arguments)

    return run


class _Lines:
    def __init__(self, text: str) -> None:
        self.text = text

    def readline(self) -> str:
        return self.text

    def isatty(self) -> bool:
        return False


def _client(server: Server) -> Client:
    credentials = Credentials(auth_url="http://api/v3", username="admin", password="-", project_name="local")
    return Client(credentials, transport=httpx.MockTransport(server))


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ("users disable bob", ("PATCH /v3/users/u1", {"user": {"enabled": False}})),
        ("users enable u2", ("PATCH /v3/users/u2", {"user": {"enabled": True}})),
        ("users delete bob --yes", ("DELETE /v3/users/u1", None)),
        ("projects create lab", ("POST /v3/projects", {"project": {"name": "lab"}})),
        ("projects disable local", ("PATCH /v3/projects/p1", {"project": {"enabled": False}})),
        ("grant bob reader --project local", ("PUT /v3/projects/p1/users/u1/roles/reader", None)),
        ("revoke bob reader --project p1 --yes", ("DELETE /v3/projects/p1/users/u1/roles/reader", None)),
        ("grant bob admin --installation", ("PUT /v3/system/users/u1/roles/admin", None)),
        ("keys delete AK -y", ("DELETE /v3.0/OS-CREDENTIAL/credentials/AK", None)),
        (
            "quotas local real_time_services=9",
            ("PUT /v1/modelyard/admin/projects/p1/quotas", {"quotas": {"real_time_services": 9}}),
        ),
        (
            "flavors add big --cpu 2 --memory 512",
            (
                "POST /v1/modelyard/admin/flavors",
                {"name": "big", "cpu": 2.0, "memory_mib": 512, "category": "CPU", "accelerators": 0.0},
            ),
        ),
        ("flavors open big", ("PATCH /v1/modelyard/admin/flavors/big", {"open": True})),
        (
            "flavors close big --project local",
            ("PATCH /v1/modelyard/admin/flavors/big", {"close_projects": ["p1"]}),
        ),
        (
            "pools add lab local --node n1",
            ("POST /v1/modelyard/admin/pools", {"name": "lab", "project_id": "p1", "nodes": ["n1"]}),
        ),
        (
            "pools add box local --engine container --endpoint unix:///run/p.sock --cpu 4 --memory-mib 512",
            (
                "POST /v1/modelyard/admin/pools",
                {
                    **{"name": "box", "project_id": "p1", "engine": "container"},
                    **{"endpoint": "unix:///run/p.sock", "cpu": 4.0, "memory_mib": 512},
                },
            ),
        ),
        ("pools change lab --accelerators 2", ("PATCH /v1/modelyard/admin/pools/x", {"accelerators": 2.0})),
        ("pools status lab abnormal", ("PATCH /v1/modelyard/admin/pools/x", {"status": "abnormal"})),
        ("buckets claim b local", ("PUT /v1/modelyard/admin/buckets/b", {"project_id": "p1"})),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_sent(run: Run, server: Server, arguments: str, sent: tuple[str, object]) -> None:
    status, _, err = run(*arguments.split())
    assert (status, err) == (0, "")
    assert server.sent == [sent]


def test_a_secret_key_is_read_and_no_option(run: Run, server: Server) -> None:
    where = ("--endpoint", "https://s3", "--access-key", "AK")
    assert run("buckets", "claim", "b", "local", *where, stdin="the-secret\n") == (0, "", "")
    body = {"project_id": "p1", "endpoint": "https://s3", "access_key": "AK", "secret_key": "the-secret"}
    assert server.sent.pop() == ("PUT /v1/modelyard/admin/buckets/b", body)
    assert run("buckets", "claim", "b", "local", "--endpoint", "") == (0, "", "")
    assert server.sent.pop() == ("PUT /v1/modelyard/admin/buckets/b", {"project_id": "p1", "endpoint": ""})
    assert run("buckets", "claim", "b", "local", "--access-key", "AK")[0] == 2
    assert server.sent == []


def test_a_password_is_made_or_read_and_shown_only_if_made(run: Run, server: Server) -> None:
    _, out, _ = run("users", "create", "ann")
    made = json.loads(out)
    assert len(made["password"]) >= 20
    assert server.sent.pop() == ("POST /v3/users", {"user": made})
    assert run("users", "create", "ann", "--password-stdin", stdin="battery staple\n") == (0, "", "")
    assert server.sent == [("POST /v3/users", {"user": {"name": "ann", "password": "battery staple"}})]


@pytest.mark.parametrize("user", ["eve", "nobody"])
def test_a_name_that_leaves_doubt_changes_nothing(run: Run, server: Server, user: str) -> None:
    status, _, err = run("users", "delete", user)
    assert (status, user in err, server.sent) == (Exit.NOT_FOUND, True, [])


@pytest.mark.parametrize("where", [(), ("--project", "local", "--installation")])
def test_a_role_needs_one_place(run: Run, server: Server, where: tuple[str, ...]) -> None:
    assert (run("grant", "bob", "admin", *where)[0], server.sent) == (2, [])


def test_lists(run: Run) -> None:
    assert "bob" in run("users", "list")[1]
    assert json.loads(run("projects", "list", "--json")[1]) == PROJECTS
    lines = run("grants")[1].splitlines()
    assert ["bob", "reader", "local"] in [line.split() for line in lines]
    assert any("(the installation)" in line for line in lines)
    assert "20" in run("quotas", "local")[1]


def test_what_a_backup_held_is_no_riddle(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"kind": "upload", "name": "b/k", "size_bytes": 1024}
    held = [{"kind": "package", "name": f"d{number}", "size_bytes": 2048} for number in range(2)]
    answer = {"removed": [gone], "count": 1, "total_bytes": 1024, "held": held}
    monkeypatch.setitem(ANSWERS, "POST /v1/modelyard/admin/clean", answer)
    code, out, err = run("clean", "--yes")
    assert (code, out) == (0, "removed 1, 1.0 KiB\n")
    assert "2 stayed, 4.0 KiB: a backup is being made" in err


def test_the_audit_is_told_oldest_first(run: Run) -> None:
    status, out, _ = run("audit")
    assert status == 0
    _, done, refused = out.splitlines()
    assert "PUT services/{service_id}" in done
    assert "services/7f (digits)  done 200" in done
    assert "bob?" in refused, "who says so themselves"
    assert "refused 401 4122, 12 times" in refused
    status, out, _ = run("audit", "--project-only", "--json")
    assert [row["number"] for row in json.loads(out)] == [7]


@pytest.mark.parametrize(("words", "asked"), [((), None), (("--no-logins",), "false")])
def test_logins_may_be_left_out(run: Run, server: Server, words: tuple[str, ...], asked: str | None) -> None:
    assert run("audit", *words)[0] == 0
    assert server.asked.get("logins") == asked


def test_who_follows_the_audit_is_told_that_the_server_is_away_and_misses_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[object] = []
    answers: list[list[Json] | Unreachable] = [
        Unreachable("refused"),
        Unreachable("refused"),
        [{**DONE, "number": 9}],
    ]

    def told(**query: object) -> list[Json]:
        asked.append(query["after"])
        if not answers:
            raise KeyboardInterrupt
        answer = answers.pop(0)
        if isinstance(answer, Unreachable):
            raise answer
        return answer

    monkeypatch.setattr("modelyard.cli.audit.time.sleep", lambda _: None)
    yard: Any = SimpleNamespace(admin=SimpleNamespace(audit=told))
    with pytest.raises(KeyboardInterrupt):
        audit._follow(yard, [DONE], {}, everywhere=True, as_json=True)
    out, err = capsys.readouterr()
    assert [json.loads(one)["number"] for one in out.splitlines()] == [7, 9]
    assert asked == [7, 7, 7, 9]
    assert (err.count("is away"), err.count("is back")) == (1, 1)


def watched(monkeypatch: pytest.MonkeyPatch, *answers: Json | BaseException) -> str:
    """What `top` shows on a terminal until one of those is not caught."""
    asked = iter(answers)

    def told() -> Json:
        answer = next(asked)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    screen = StringIO()
    monkeypatch.setattr(top, "console", Console(file=screen, force_terminal=True, width=150, height=20))
    monkeypatch.setattr(top, "connect", lambda _: nullcontext(SimpleNamespace(top=told)))
    monkeypatch.setattr("modelyard.cli.top.time.sleep", lambda _: None)
    with pytest.raises(type(answers[-1])):
        top.top()
    return screen.getvalue()


def test_top_shows_what_it_knew_while_the_server_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = watched(monkeypatch, {"services": []}, Unreachable("refused"), KeyboardInterrupt())
    assert "the server is away" in screen.rpartition("SERVICE")[2]


def test_top_of_a_server_that_cannot_be_asked_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(monkeypatch, Unreachable("refused")) == ""
    assert "is away" not in watched(monkeypatch, {"services": []}, Untrusted("its certificate is not believed"))


def test_a_copy_of_the_audit_goes_on_after_its_last_number(run: Run, server: Server) -> None:
    status, out, _ = run("audit", "--after", "6", "--project-only", "--json")
    assert (status, [row["number"] for row in json.loads(out)]) == (0, [7])
    assert {"after": "6", "order": "asc"}.items() <= server.asked.items()


def test_a_total_that_nobody_set_is_the_server_s() -> None:
    assert admin_resources.NOT_SET == catalog.UNBOUNDED


def test_times_of_the_audit() -> None:
    assert audit._when("15m", 1000.0) == 100_000
    assert audit._when("2023-11-14T22:13:20") == audit._when("2023-11-14T23:13:20+01:00") == 1_700_000_000_000


def test_a_time_that_is_none_is_refused(run: Run) -> None:
    status, _, told = run("audit", "--since", "yesterday")
    assert status == 2
    assert "neither a time" in told
