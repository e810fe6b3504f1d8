"""`modelyard apply` and its relatives against canned answers: what is shown, asked, sent, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.worlds.canned import logged_in, reply

from modelyard.cli import asking, context
from modelyard.cli.exits import Exit
from modelyard.client import Client

Run = Callable[..., tuple[int, str, str]]
SERVICE = {"service_id": "s1", "service_name": "iris", "status": "running", "config": []}
MODEL = {"model_id": "m2", "model_name": "iris", "model_version": "2.0.0", "model_status": "published"}
OLD = {"model_name": "iris", "model_version": "1.0.0", "instances": 1}
NEW = {"model_name": "iris", "model_version": "2.0.0", "instances": 1}
PLAN: dict[str, Any] = {
    "dry_run": True,
    "service_id": "s1",
    "service_name": "iris",
    "etag": '"3.2"',
    "creates": False,
    "changes": True,
    "service": {"description": {"before": "", "after": "new"}},
    "config": [
        {
            "track": 1,
            "change": "changed",
            **NEW,
            "fields": {
                "model": {"before": "iris/1.0.0", "after": "iris/2.0.0"},
                "weight": {"before": 90, "after": 100},
            },
        },
        {"track": 2, "change": "removed", "model_name": "iris", "model_version": "0.9.0", "fields": {}},
    ],
    "instances": [{"track": 1, **NEW, "starts": 1, "stops": 1, "stays": 0}],
    "room": {"surge": 1, "surge_resources": {"cpu": 2.0, "memory_mb": 8192}},
    "traffic": [
        {"switched": False, "tracks": [{"track": 1, "weight": 100, "models": [OLD]}]},
        {"switched": True, "tracks": [{"track": 1, "weight": 100, "models": [NEW]}]},
    ],
    "complete": True,
}
SAME = {**PLAN, "changes": False, "service": {}, "config": [], "instances": [], "traffic": []}


class Yard:
    """Answers by method, path and query; remembers what was sent."""

    def __init__(self) -> None:
        self.services: list[dict[str, Any]] = [SERVICE]
        self.plan: tuple[int, Any] = (200, PLAN)
        self.answers: list[tuple[int, Any] | Exception] = [(200, {"update_time": 7, "resource_ids": []})]
        self.made: list[tuple[str, str, Any, dict[str, str]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.path, dict(request.url.params)
        body = json.loads(request.content) if request.content else None
        if path == "/v3/auth/tokens":
            return logged_in()
        if query.get("dry_run") == "true":
            status, body = self.plan
            return reply(body, status)
        if request.method in {"PUT", "POST"}:
            names = ("If-Match", "Idempotency-Key")
            headers = {name: request.headers[name] for name in names if name in request.headers}
            self.made.append((request.method, path, body, headers))
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            status, body = answer
            return reply(body, status)
        shown = {
            "/v1/p1/services": {"services": self.services},
            "/v1/p1/services/s1": SERVICE,
            "/v1/p1/services/s1/logs": {"logs": [{"update_time": 7, "result": "SUCCESS"}]},
            "/v1/p1/models": {"models": [MODEL]},
            "/v1/p1/services/s1/revisions": {
                "revisions": [{"number": 2, "created_at": 1, "state": "failed", "error_msg": "it broke\nlogs"}]
            },
        }
        return reply(shown[path])


@pytest.fixture
def yard() -> Yard:
    return Yard()


@pytest.fixture
def run(yard: Yard, program: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    login = {"auth_url": "http://yard.test/v3", "user_name": "a", "password": "p", "project_id": "p1"}
    (tmp_path / "credentials.json").write_text(json.dumps({**login, "domain_name": "d", "project_name": "local"}))
    (tmp_path / "f.yaml").write_text("service_name: iris\ndescription: new\nmodels: iris/2.0.0\n")
    for name in ("OS_AUTH_URL", "MODELYARD_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(context, "Client", lambda c: Client(c, transport=httpx.MockTransport(yard)))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        return program(*arguments, "--data-dir", str(tmp_path))

    return call


BODY = {
    "description": "new",
    "config": [
        {"model_id": "m2", "weight": 100, "specification": "modelarts.vm.cpu.2u", "instance_count": 1},
    ],
}


def test_apply_shows_the_plan_and_makes_it_if_nothing_happened_since(run: Run, yard: Yard) -> None:
    code, out, err = run("apply", "-f", "f.yaml")
    assert code == Exit.OK, err
    for line in (
        "iris: change",
        'description: "" → new',
        "~ iris/1.0.0 → iris/2.0.0",
        "weight: 90 → 100",
        "- iris/0.9.0",
        "instances: start 1, stop 1",
        "room: 1 more instance at most (2 vCPU, 8192 MB)",
        "traffic: iris/1.0.0 100 % → iris/2.0.0 100 %",
    ):
        assert line in out
    ((method, path, body, headers),) = yard.made
    assert (method, path, body) == ("PUT", "/v1/p1/services/s1", BODY)
    assert headers["If-Match"] == '"3.2"'
    assert len(headers["Idempotency-Key"]) == 36


def test_apply_creates_what_is_not_there(run: Run, yard: Yard) -> None:
    yard.services = [{**SERVICE, "service_name": "iris-2"}]
    yard.plan = (200, {**{k: v for k, v in PLAN.items() if k not in {"service_id", "etag"}}, "creates": True})
    yard.answers = [(200, {"service_id": "s1", "resource_ids": []})]
    code, out, err = run("apply", "-f", "f.yaml")
    assert code == Exit.OK, err
    assert "iris: create" in out
    ((method, path, body, headers),) = yard.made
    assert (method, path) == ("POST", "/v1/p1/services")
    assert body == {"service_name": "iris", "infer_type": "real-time", **BODY}
    assert set(headers) == {"Idempotency-Key"}


def test_apply_of_what_is_there_already_does_nothing(run: Run, yard: Yard) -> None:
    yard.plan = (200, SAME)
    code, out, _ = run("apply", "-f", "f.yaml")
    assert (code, yard.made, "nothing to change" in out) == (Exit.OK, [], True)


def test_a_dry_run_makes_nothing(run: Run, yard: Yard) -> None:
    for arguments in (("apply", "-f", "f.yaml", "--dry-run"), ("services", "diff", "iris", "-f", "f.yaml")):
        code, out, _ = run(*arguments)
        assert (code, yard.made, "iris: change" in out) == (Exit.OK, [], True)
        _, out, _ = run(*arguments, "--json")
        assert json.loads(out) == PLAN


@pytest.mark.parametrize(("answer", "code", "made"), [("y", Exit.OK, 1), ("n", Exit.UNCONFIRMED, 0)])
def test_a_terminal_is_asked_unless_told(
    run: Run, yard: Yard, monkeypatch: pytest.MonkeyPatch, answer: str, code: Exit, made: int
) -> None:
    monkeypatch.setattr(asking, "somebody", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *_args, **_more: answer == "y")
    assert run("apply", "-f", "f.yaml")[0] == code
    assert len(yard.made) == made
    yard.answers = [(200, {"update_time": 7})]
    monkeypatch.setattr("typer.confirm", lambda *_args, **_more: pytest.fail("asked"))
    assert run("apply", "-f", "f.yaml", "--yes")[0] == Exit.OK


def test_an_answer_that_got_lost_is_asked_for_again_under_the_same_key(run: Run, yard: Yard) -> None:
    yard.answers = [httpx.ReadError("gone"), (200, {"update_time": 7})]
    assert run("apply", "-f", "f.yaml")[0] == Exit.OK
    first, second = yard.made
    assert first == second


def test_a_change_in_between_ends_it(run: Run, yard: Yard) -> None:
    yard.answers = [(412, {"error_code": "ModelArts.0104", "error_msg": "stale"})]
    code, _, err = run("apply", "-f", "f.yaml")
    assert (code, "apply again" in err) == (Exit.REFUSED, True)


def test_what_the_server_refuses_names_the_line(run: Run, yard: Yard) -> None:
    details = [
        {"field": "config[0].model_id", "error_msg": "is gone"},
        {"field": "description", "error_msg": "bad"},
    ]
    yard.plan = (400, {"error_code": "ModelArts.0104", "error_msg": "both", "details": details})
    code, _, err = run("apply", "-f", "f.yaml")
    assert code == Exit.REFUSED
    assert "f.yaml:2: description: bad" in err
    assert "f.yaml:3: models[0].model_id: is gone" in err


def test_a_bad_file_is_refused_before_anything_is_asked(run: Run, yard: Yard, tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("service_name: iris\nmodles: iris\n")
    code, _, err = run("apply", "-f", "f.yaml")
    assert (code, "f.yaml:2: modles: is no key of a service" in err) == (Exit.REFUSED, True)


def test_a_model_that_is_not_there(run: Run, tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("service_name: iris\nmodels: iris/9.9.9\n")
    code, _, err = run("apply", "-f", "f.yaml")
    assert (code, "f.yaml:2: models[0]: there is no model 'iris'" in err) == (Exit.NOT_FOUND, True)


def test_settings_that_change_alone_tell_instances_of_before_from_those_after(run: Run, yard: Yard) -> None:
    traffic = [{"switched": True, "tracks": [{"track": 1, "weight": 100, "models": [NEW, NEW]}]}]
    fields = {"max_surge": {"before": 2.0, "after": 1}}
    config = [{"track": 1, "change": "changed", **NEW, "fields": fields}]
    yard.plan = (200, {**PLAN, "config": config, "traffic": traffic * 2})
    _, out, _ = run("apply", "-f", "f.yaml", "--dry-run")
    assert "iris/2.0.0 (old) and iris/2.0.0 (new) 100 %" in out
    assert "max_surge: 2 → 1" in out


TASKS = {
    "begins": ({"does": "begins", "workers": 2}, "task: a new one: obs://in/ → obs://out/"),
    "supersedes": (
        {"does": "begins", "supersedes": "t-1", "workers": 2},
        "task: a new one, in place of t-1: obs://in/ → obs://out/",
    ),
    "resumes": ({"does": "resumes", "task_id": "t-1", "workers": 1}, "task: goes on where it was: obs://in/ →"),
    "continues": ({"does": "continues", "task_id": "t-1", "workers": 3}, "task: goes on: obs://in/ → obs://out/"),
    "stops": ({"does": "stops", "task_id": "t-1", "workers": 0}, "task: is stopped"),
    "nothing": ({"does": "nothing", "task_id": "t-1", "workers": 0}, "task: stays as it is"),
}


@pytest.mark.parametrize(("task", "said"), TASKS.values(), ids=TASKS.keys())
def test_what_becomes_of_the_task_of_a_batch(run: Run, yard: Yard, task: dict[str, Any], said: str) -> None:
    paths = {"src_path": "obs://in/", "dest_path": "obs://out/"}
    yard.plan = (200, {**PLAN, "traffic": [], "task": {**task, **paths}})
    _, out, _ = run("apply", "-f", "f.yaml", "--dry-run")
    assert said in out
    assert "workers: " in out
    yard.plan = (200, {**SAME, "task": {**task, **paths}})
    _, out, _ = run("apply", "-f", "f.yaml", "--dry-run")
    assert ("nothing to change" in out) == (task["does"] in {"nothing", "continues"})


def test_going_back_to_what_is_in_use_changes_nothing(run: Run, yard: Yard) -> None:
    yard.plan = (200, SAME)
    code, out, _ = run("services", "rollback", "iris", "2")
    assert (code, yard.made, "nothing to change" in out) == (Exit.OK, [], True)
    _, out, _ = run("services", "rollback", "iris", "2", "--json")
    assert (json.loads(out)["service_id"], yard.made) == ("s1", [])


def test_revisions_and_going_back(run: Run, yard: Yard) -> None:
    code, out, _ = run("services", "revisions", "iris")
    assert (code, "failed" in out, "it broke" in out, "logs" in out) == (Exit.OK, True, True, False)
    code, out, err = run("services", "rollback", "iris", "1")
    assert code == Exit.OK, err
    assert "~ iris/1.0.0 → iris/2.0.0" in out
    assert yard.made == [("POST", "/v1/p1/services/s1/revisions/1/rollback", None, {"If-Match": '"3.2"'})]


def test_a_plan_tells_which_cards_it_waits_for(run: Run, yard: Yard) -> None:
    room = {"surge": 1, "surge_resources": {"cpu": 1, "memory_mb": 64, "gpus": 0.5}, "waits_for": "1.5 GPU, of 1"}
    yard.plan = (200, {**PLAN, "room": room})
    code, out, err = run("apply", "-f", "f.yaml", "--dry-run")
    assert code == Exit.OK, err
    told = "room: 1 more instance at most (1 vCPU, 64 MB, 0.5 GPU); it waits for cards: it takes 1.5 GPU, of 1"
    assert told in " ".join(out.split())
