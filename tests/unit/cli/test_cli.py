"""The command line against canned answers: output, exit codes, what is never printed."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import typer
from rich.console import Console
from tests.worlds.canned import logged_in, reply

from modelyard.cli import context, views
from modelyard.cli.exits import Exit
from modelyard.cli.variants import assignment, variant
from modelyard.client import Client, Service, Variant
from modelyard.client.records import record

PASSWORD = "correct horse battery staple"
RUNNING = {
    "service_id": "s1",
    "service_name": "iris",
    "status": "running",
    "access_address": "http://gw.test/v1/infers/s1",
    "config": [{"model_id": "m1", "model_name": "iris", "model_version": "1.0.0", "weight": 100}],
}
MODELS = [
    {
        "model_id": "m1",
        "model_name": "iris",
        "model_version": "1.0.0",
        "model_status": "published",
        "create_at": 1,
    },
    {
        "model_id": "m2",
        "model_name": "iris",
        "model_version": "1.0.1",
        "model_status": "published",
        "create_at": 2,
    },
]

Run = Callable[..., tuple[int, str, str]]


class Yard:
    """Answers by method and path, remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, object]] = []
        self.routes: dict[str, httpx.Response] = {
            "GET /v1/p1/services": reply({"services": [RUNNING], "count": 1, "total_count": 1}),
            "GET /v1/p1/services/s1": reply(RUNNING),
            "GET /v1/p1/models": reply({"models": MODELS, "count": 2, "total_count": 2}),
            "GET /healthz": reply({"status": "ok"}),
            "GET /v1/p1/modelyard/status": reply(
                {"gateway": {"connected": True}, "instances": {"ready": 2}, "limits": {"cpu": "not enforced: why"}}
            ),
        }

    def __call__(self, request: httpx.Request) -> httpx.Response:
        key = f"{request.method} {request.url.path}"
        if key == "POST /v3/auth/tokens":
            return logged_in()
        body = json.loads(request.content) if request.content else None
        self.sent.append((request.method, request.url.path, body))
        return self.routes[key]


@pytest.fixture
def yard() -> Yard:
    return Yard()


@pytest.fixture
def run(yard: Yard, program: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in a directory with credentials."""
    login = {
        "auth_url": "http://yard.test/v3",
        "user_name": "admin",
        "password": PASSWORD,
        "domain_name": "modelyard",
        "project_name": "local",
        "project_id": "p1",
    }
    (tmp_path / "credentials.json").write_text(json.dumps(login))
    for name in ("OS_AUTH_URL", "MODELYARD_DATA_DIR", "MODELYARD_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(context, "Client", lambda c: Client(c, transport=httpx.MockTransport(yard)))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def call(*arguments: str, data_dir: Path = tmp_path) -> tuple[int, str, str]:
        return program(*arguments, "--data-dir", str(data_dir))

    return call


def test_a_list_is_a_table_and_with_json_the_servers_answer(run: Run) -> None:
    code, out, _ = run("services", "list")
    assert (code, out.split()[:2], "iris" in out) == (Exit.OK, ["NAME", "STATUS"], True)
    _, out, _ = run("services", "list", "--json")
    assert json.loads(out) == [RUNNING]


def test_every_command_but_env_keeps_the_password_to_itself(run: Run) -> None:
    for arguments in (("status",), ("status", "--json"), ("services", "show", "iris"), ("models", "list")):
        code, out, err = run(*arguments)
        assert code == Exit.OK, err
        assert PASSWORD not in out + err
    _, out, _ = run("env")
    assert f"export OS_PASSWORD='{PASSWORD}'\n" in out
    assert "export OS_AUTH_URL=http://yard.test/v3\n" in out


def test_create_sends_the_config_that_the_options_say(run: Run, yard: Yard) -> None:
    yard.routes["POST /v1/p1/services"] = reply({"service_id": "s1", "resource_ids": []})
    code, _, err = run("services", "create", "iris", "-m", "iris/1.0.0=70", "-m", "iris/1.0.1=30x2", "-e", "A=b=c")
    assert code == Exit.OK, err
    flavor = {"specification": "modelarts.vm.cpu.2u", "envs": {"A": "b=c"}}
    assert [body for method, _, body in yard.sent if method == "POST"] == [
        {
            "service_name": "iris",
            "infer_type": "real-time",
            "config": [
                {"model_id": "m1", "weight": 70, "instance_count": 1, **flavor},
                {"model_id": "m2", "weight": 30, "instance_count": 2, **flavor},
            ],
        }
    ]


def test_create_names_a_pool(run: Run, yard: Yard) -> None:
    yard.routes["POST /v1/p1/services"] = reply({"service_id": "s1", "resource_ids": []})
    code, _, err = run("services", "create", "iris", "-m", "iris/1.0.0", "--pool", "lab")
    assert code == Exit.OK, err
    (body,) = [body for method, _, body in yard.sent if method == "POST"]
    assert isinstance(body, dict)
    assert [one["pool_name"] for one in body["config"]] == ["lab"]


def test_a_name_without_version_means_the_newest(run: Run, yard: Yard) -> None:
    yard.routes["PUT /v1/p1/services/s1"] = reply({})
    run("services", "update", "iris", "-m", "iris")
    sent = [body for method, _, body in yard.sent if method == "PUT"]
    assert isinstance(sent[0], dict)
    assert sent[0]["config"][0]["model_id"] == "m2"


SIZED = {
    **{"model_id": "m1", "model_name": "iris", "model_version": "1.0.0", "weight": 100, "instance_count": 2},
    **{"specification": "lab.large", "envs": {"A": "1", "B": "2"}, "deploy_timeout_in_seconds": 60},
    **{"pool_name": "lab", "additional_properties": {"max_surge": 2}, "status": "running", "scaling": False},
    **{"support_debug": False, "custom_spec": {"cpu": 1, "memory": 100}},
}
KEPT = {
    k: v
    for k, v in SIZED.items()
    if k not in {"model_name", "model_version", "status", "scaling", "support_debug"}
}
OTHER = {"model_id": "m9", "model_name": "wine", "model_version": "1.0.0", "weight": 10, "instance_count": 3}
NEW = {"weight": 0, "instance_count": 1, "specification": "modelarts.vm.cpu.2u"}
UPDATES: dict[str, tuple[list[dict[str, object]], list[str], list[dict[str, object]]]] = {
    "another version": ([SIZED], ["-m", "iris/1.0.1"], [{**KEPT, "model_id": "m2"}]),
    "the count that is said": ([SIZED], ["-m", "iris/1.0.1x5"], [{**KEPT, "model_id": "m2", "instance_count": 5}]),
    "a canary beside it": (
        [SIZED],
        ["-m", "iris/1.0.0=90", "-m", "iris/1.0.1=10"],
        [{**KEPT, "weight": 90}, {**NEW, "model_id": "m2", "weight": 10}],
    ),
    "the canary takes over": (
        [{**SIZED, "weight": 90}, {**OTHER, "model_id": "m2", "model_name": "iris"}],
        ["-m", "iris/1.0.1"],
        [{**NEW, "model_id": "m2", "weight": 100, "instance_count": 3}],
    ),
    "weights that nobody speaks of": (
        [{**SIZED, "weight": 90}, OTHER],
        ["-m", "iris/1.0.1", "-m", "wine/1.0.0"],
        [{**KEPT, "model_id": "m2", "weight": 90}, {**NEW, "model_id": "m9", "weight": 10, "instance_count": 3}],
    ),
    "another model": ([SIZED], ["-m", "wine/1.0.0"], [{**KEPT, "model_id": "m9"}]),
    "one variable": (
        [SIZED],
        ["-m", "iris/1.0.1", "-e", "B=3"],
        [{**KEPT, "model_id": "m2", "envs": {"A": "1", "B": "3"}}],
    ),
    "one variable less": ([SIZED], ["--unset-env", "A"], [{**KEPT, "envs": {"B": "2"}}]),
    "a size alone": ([SIZED], ["--specification", "lab.small"], [{**KEPT, "specification": "lab.small"}]),
    "another pool": ([SIZED], ["--pool", "attic"], [{**KEPT, "pool_name": "attic"}]),
    "a pool by its name instead of its id": (
        [{**SIZED, "cluster_id": "x"}],
        ["--pool", "attic"],
        [{**KEPT, "pool_name": "attic"}],
    ),
    "no pool of its own": ([SIZED], ["--pool", ""], [{k: v for k, v in KEPT.items() if k != "pool_name"}]),
    "patience alone": (
        [SIZED],
        ["--deploy-timeout", "9", "--description", "x"],
        [{**KEPT, "deploy_timeout_in_seconds": 9}],
    ),
}


@pytest.mark.parametrize(("before", "options", "sent"), UPDATES.values(), ids=UPDATES.keys())
def test_an_update_keeps_what_it_does_not_speak_of(
    run: Run, yard: Yard, before: list[dict[str, object]], options: list[str], sent: list[dict[str, object]]
) -> None:
    wine = {"model_id": "m9", "model_name": "wine", "model_version": "1.0.0", "model_status": "published"}
    yard.routes["GET /v1/p1/models"] = reply({"models": [*MODELS, wine]})
    yard.routes["GET /v1/p1/services/s1"] = reply({**RUNNING, "config": before})
    yard.routes["PUT /v1/p1/services/s1"] = reply({})
    code, _, err = run("services", "update", "iris", *options)
    assert code == Exit.OK, err
    (body,) = [body for method, _, body in yard.sent if method == "PUT"]
    assert isinstance(body, dict)
    assert body["config"] == sent


def test_an_update_that_was_rolled_back_fails_and_says_why(run: Run, yard: Yard) -> None:
    yard.routes["PUT /v1/p1/services/s1"] = reply({"update_time": 5, "resource_ids": []})
    yard.routes["GET /v1/p1/services/s1"] = reply({**RUNNING, "error_msg": "exited with status 3"})
    yard.routes["GET /v1/p1/services/s1/logs"] = reply({"logs": [{"update_time": 5, "result": "FAIL"}]})
    code, _, err = run("services", "update", "iris", "-m", "iris/1.0.1")
    assert code == Exit.FAILED
    assert "rolled back: exited with status 3" in err.replace("\n", " ")


def test_a_refusal_prints_code_request_and_advice(run: Run, yard: Yard) -> None:
    body = {"error_code": "ModelArts.3502", "error_msg": "Service nope does not exist."}
    yard.routes["GET /v1/p1/services/nope"] = reply(body, 404)
    code, out, err = run("services", "show", "nope")
    assert (code, out) == (Exit.NOT_FOUND, "")
    assert "error: ModelArts.3502: Service nope does not exist." in err
    assert "request r-1" in err
    assert "modelyard services list" in err


def test_no_credentials_says_where_they_were_looked_for(run: Run, tmp_path: Path) -> None:
    code, _, err = run("services", "list", data_dir=tmp_path / "empty")
    assert code == Exit.UNREACHABLE
    assert "credentials.json" in err
    assert "modelyard up" in err


def test_predict_sends_the_bytes_and_prints_the_answer(run: Run, yard: Yard, tmp_path: Path) -> None:
    yard.routes["POST /v1/infers/s1"] = reply({"label": "setosa"})
    (tmp_path / "q.json").write_text('{"x": 1}')
    for body in ('{"x": 1}', f"@{tmp_path / 'q.json'}"):
        code, out, _ = run("predict", "iris", body)
        assert (code, json.loads(out)) == (Exit.OK, {"label": "setosa"})
    assert [body for _, path, body in yard.sent if path == "/v1/infers/s1"] == [{"x": 1}] * 2


def test_predict_refuses_what_is_not_json(run: Run) -> None:
    code, _, err = run("predict", "iris", "{oops")
    assert code == 2
    assert "not JSON" in err


@pytest.mark.parametrize(
    ("text", "among", "expected"),
    [
        ("iris/1.0.0", 1, ("iris/1.0.0", 100, 1)),
        ("iris/1.0.0", 2, ("iris/1.0.0", 50, 1)),
        ("iris/1.0.0=70", 2, ("iris/1.0.0", 70, 1)),
        ("iris/1.0.0=70x2", 2, ("iris/1.0.0", 70, 2)),
        ("iris/1.0.0x3", 1, ("iris/1.0.0", 100, 3)),
        ("boxx2=100", 1, ("boxx2", 100, 1)),
        ("iris=0", 2, ("iris", 0, 1)),
    ],
)
def test_variant_notation(text: str, among: int, expected: tuple[str, int, int]) -> None:
    read = variant(text, among, lambda key: key, Variant(model_id=""))
    assert (read.model_id, read.weight, read.instance_count) == expected


@pytest.mark.parametrize("wrong", ["novalue", "=x"])
def test_an_unreadable_assignment_is_refused(wrong: str) -> None:
    with pytest.raises(typer.BadParameter, match="NAME=VALUE"):
        assignment(wrong)


def test_three_models_without_weights_cannot_share_equally() -> None:
    with pytest.raises(typer.BadParameter, match="needs a weight"):
        variant("iris", 3, lambda key: key, Variant(model_id=""))


def test_what_a_model_writes_is_never_markup() -> None:
    bad = record({**RUNNING, "error_msg": "[red]no such tag[/blue]"}, Service)
    console = Console(width=100, markup=False)
    with console.capture() as shown:
        console.print(views.service(bad))
    assert "[red]no such tag[/blue]" in shown.get()


def test_the_data_directory_in_order_of_preference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert context.data_directory(None, {"XDG_DATA_HOME": "/x"}) == Path("/x/modelyard")
    (tmp_path / "modelyard-data").mkdir()
    assert context.data_directory(None, {"XDG_DATA_HOME": "/x"}) == tmp_path / "modelyard-data"
    assert context.data_directory(Path("/y"), {}) == Path("/y")


@pytest.mark.parametrize(("options", "said"), [((), "auto"), (("--type", "ONNX"), "ONNX")])
def test_the_type_of_a_model_is_what_config_json_says_unless_told(
    yard: Yard, run: Run, options: tuple[str, ...], said: str
) -> None:
    yard.routes["POST /v1/p1/models"] = reply({"model_id": "m1"})
    yard.routes["GET /v1/p1/models/m1"] = reply(MODELS[0])
    status, _, _ = run("models", "publish", "iris", "1.0.0", "/models/iris", *options)
    assert status == Exit.OK
    assert [
        body["model_type"] for method, _, body in yard.sent if method == "POST" and isinstance(body, dict)
    ] == [said]
