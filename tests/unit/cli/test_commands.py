"""What every command promises, held by a walk over all of them: a new one cannot forget it."""

import fcntl
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.unit.cli.every import CALLS, DELETIONS, LONG, MODEL, SERVERLESS, Server, arguments, commands

from modelyard.cli import app as program
from modelyard.cli import asking, context
from modelyard.cli.exits import Exit
from modelyard.client import Client, Unreachable
from modelyard.client.records import Json
from modelyard.processes.directory import ProcessDir, Spec

Run = Callable[..., tuple[int, str, str]]


def called(name: str, directory: Path) -> list[str]:
    words = [*name.split(), *arguments(CALLS[name], directory)]
    return [*words, "--url", "yard.test", "--user", "ada", "--project", "lab"] if name == "login" else words


def test_every_command_is_known_here() -> None:
    assert sorted(commands(program.app)) == sorted([*CALLS, *SERVERLESS])


@pytest.mark.parametrize("name", [name for name in CALLS if name != "logout"])
def test_nothing_is_deleted_without_a_yes(
    run: Run, server: Server, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_PASSWORD", "secret") if name == "login" else None
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n")) if name in {
        "registries login",
        "secrets set",
    } else None
    code, _, err = run(*called(name, tmp_path))
    assert server.deleted == []
    assert code == (Exit.UNCONFIRMED if name in DELETIONS else Exit.OK), err


@pytest.mark.parametrize("name", DELETIONS)
def test_a_deletion_asks_says_what_would_go_and_needs_a_yes(
    run: Run, server: Server, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = called(name, tmp_path)
    what = {"models delete": "1.0.0", "services delete": LONG, "admin revoke": "reader"}.get(name, words[-1])
    code, _, err = run(*words)
    assert (code, "--yes" in err, what in err) == (Exit.UNCONFIRMED, True, True), err
    monkeypatch.setattr(asking, "somebody", lambda: True)
    for answer in (False, True):
        monkeypatch.setattr("typer.confirm", lambda *_given, answer=answer, **_named: answer)
        code, _, err = run(*words)
        assert (code, what in err) == (Exit.OK if answer else Exit.UNCONFIRMED, True)
        assert len(server.deleted) == answer
    monkeypatch.setattr("typer.confirm", lambda *_given, **_named: pytest.fail("asked"))
    assert run(*words, "--yes")[0] == Exit.OK
    assert len(server.deleted) == 2


def test_a_model_is_shown_with_who_uses_it_before_it_goes(run: Run) -> None:
    _, _, err = run("models", "delete", "m1")
    assert f"services use it: service-{LONG}" in err
    assert f"model-{LONG}/1.0.0" in err


def test_a_name_alone_deletes_no_version_out_of_several(run: Run, server: Server) -> None:
    versions = [
        {**MODEL, "model_name": "iris"},
        {**MODEL, "model_name": "iris", "model_version": "2.0.0", "model_id": "m2"},
    ]
    server.answers["GET /v1/p1/models"] = {"models": versions}
    code, _, err = run("models", "delete", "iris", "--yes")
    assert (code, server.deleted) == (Exit.NOT_FOUND, [])
    assert "iris/1.0.0, iris/2.0.0" in err
    assert run("models", "delete", "iris/1.0.0", "--yes")[0] == Exit.OK
    assert server.deleted == ["/v1/p1/models/m1"]


SHOWING = {"list", "show", "revisions", "events", "whoami"}
TABLES = ["status", *(name for name in CALLS if name.split()[-1] in SHOWING)]


@pytest.mark.parametrize("name", [*TABLES, "admin grants", "admin quotas"])
def test_what_goes_into_a_pipe_is_whole(run: Run, name: str, tmp_path: Path) -> None:
    code, out, err = run(*called(name, tmp_path))
    assert code == Exit.OK, err
    assert LONG in out
    assert "…" not in out
    assert all(line == line.rstrip() for line in out.splitlines())


@pytest.mark.parametrize("name", ["admin grants", "admin keys list", "admin flavors list", "admin pools list"])
def test_projects_are_called_by_their_names(run: Run, name: str, tmp_path: Path) -> None:
    assert f"project-{LONG}" in run(*called(name, tmp_path))[1]


def test_revisions_call_models_by_name_and_version(run: Run) -> None:
    _, out, _ = run("services", "revisions", "s1")
    assert f"model-{LONG}/1.0.0 100 % ×2" in out
    assert "m1" not in out.split()
    assert f"first {LONG}" in out


@pytest.mark.parametrize("name", ["services list", "services show", "services revisions", "models list"])
def test_a_terminal_wraps_and_cuts_nothing(
    run: Run, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = context.Console(width=60, highlight=False, markup=False, force_terminal=True, color_system=None)
    monkeypatch.setattr(context, "console", narrow)
    with narrow.capture() as taken:
        run(*called(name, tmp_path))
    shown = taken.get()
    assert max(map(len, shown.splitlines())) <= 60
    assert "…" not in shown
    squeezed = "".join(shown.split())
    assert all(squeezed.count(letter) >= LONG.count(letter) for letter in set(LONG))


@pytest.mark.parametrize(("key", "status"), [(EOFError, Exit.UNCONFIRMED), (KeyboardInterrupt, 130)])
def test_ctrl_d_is_a_no_and_ctrl_c_interrupts(
    run: Run, server: Server, monkeypatch: pytest.MonkeyPatch, key: type[BaseException], status: int
) -> None:
    class Gone(io.StringIO):
        def readline(self, size: int | None = -1, /) -> str:
            raise key

    monkeypatch.setattr(asking, "somebody", lambda: True)
    monkeypatch.setattr("sys.stdin", Gone())
    assert run("services", "delete", "s1")[0] == status
    assert server.deleted == []


def test_an_empty_password_is_none(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    code, _, err = run("login", "--url", "http://yard.test", "--user", "ada", "--password-stdin")
    assert (code, "no password given" in err) == (2, True)


def test_a_refused_flavor_is_told_without_fields_that_nobody_typed(run: Run, server: Server) -> None:
    details = [{"field": "open_projects", "error_code": "ModelArts.0104", "error_msg": "big does not fit"}]
    refusal = {"error_code": "ModelArts.0104", "error_msg": "open_projects: big does not fit", "details": details}
    server.answers["PATCH /v1/modelyard/admin/flavors/big"] = httpx.Response(400, json=refusal)
    code, _, err = run("admin", "flavors", "open", "big", "--project", "p1")
    assert (code, err.splitlines()[0]) == (Exit.REFUSED, "error: ModelArts.0104: big does not fit")


def test_env_for_curl_names_the_service(run: Run) -> None:
    code, out, err = run("env", "--service", "s1")
    assert code == 0, err
    assert "\nTOKEN=t\nAPI=http://yard.test/v1/p1\nSERVICE=http://yard.test/v1/p1/services/s1\nADDRESS=" in out
    assert "TOKEN=t" not in run("env")[1].replace("OS_TOKEN=t", "").replace("export ", "")


def test_without_a_control_plane_status_tells_what_runs(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Client) -> Json:
        raise Unreachable("nothing answers there")

    login = {"auth_url": "http://yard.test/v3", "user_name": "a", "password": "p", "project_id": "p1"}
    place = tmp_path / "modelyard-data"
    place.mkdir()
    (place / "credentials.json").write_text(json.dumps({**login, "domain_name": "d", "project_name": "local"}))
    instance = ProcessDir(place / "instances" / "i1")
    instance.path.mkdir(parents=True)
    instance.write_spec(Spec(("true",)), 1)
    with (instance.path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        monkeypatch.setattr("modelyard.client.Client.health", away)
        code, out, _ = run("status", "--json")
    told = json.loads(out)
    assert (code, told["gateway"], told["instances_running"]) == (Exit.UNREACHABLE, "down", 1)


def test_no_color_is_heard() -> None:
    script = "from modelyard.cli import context; context.show(context.Text('x', style='red'))"
    script = script.replace("context.Text", "__import__('rich.text', fromlist=['Text']).Text")
    for more, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        environment = {"FORCE_COLOR": "1", "TERM": "xterm", "PATH": "/bin", **more}
        done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True)
        assert (b"\x1b[31m" in done.stdout) == coloured
