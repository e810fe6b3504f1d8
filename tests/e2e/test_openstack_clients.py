"""The vendor's own clients, unchanged, against a whole server: `openstack ma …` and the otcextensions SDK.

They are installed from PyPI into an environment of their own, since they need some fifty packages: in the
directory that MODELYARD_OPENSTACK_VENV names, where it is made once, or in a temporary one. People are told the
same steps in docs/howto/use-openstack-clients.md.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from examples.demo.stage import Stage, modelyard
from tests.worlds import server

from modelyard.client import Client, Credentials

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

HERE = Path(__file__).parent
ECHO = HERE.parents[1] / "examples" / "echo"
PACKAGES = ("python-openstackclient==10.5.0", "otcextensions==0.34.8", "openstacksdk<=4.21.0")
FLAVOR = "modelarts.vm.cpu.2u"
SCHEDULE = "type=stop,time_unit=HOURS,duration=1"


@dataclass
class Openstack:
    """The `openstack` program. `ask` fails the test when a command does."""

    running: subprocess.Popen[str]

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """(exit status, output, errors)"""
        assert self.running.stdin is not None
        assert self.running.stdout is not None
        print(json.dumps(arguments), file=self.running.stdin, flush=True)
        status, out, err = json.loads(self.running.stdout.readline())
        return status, out, err

    def ask(self, *arguments: str) -> Any:
        status, out, err = self.run(*arguments, "-f", "json")
        assert status == 0, err
        return json.loads(out)

    def do(self, *arguments: str) -> None:
        """A command that prints nothing."""
        assert self.run(*arguments) == (0, "", "")

    def until(self, holds: Callable[[], object], timeout_s: float = 60) -> None:
        """The clients poll, and so do their users."""
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < timeout_s
            time.sleep(0.2)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the clients."""
    kept = os.environ.get("MODELYARD_OPENSTACK_VENV")
    home = Path(kept) if kept else tmp_path_factory.mktemp("openstack")
    found, uv = home / "bin" / "python", str(Path(sys.executable).with_name("uv"))
    if (home / "installed").exists():
        return found
    for command in (
        [uv, "venv", "-q", "--clear", "--python", sys.executable, str(home)],
        [uv, "pip", "install", "-q", "--python", str(found), *PACKAGES],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)
        if done.returncode:
            pytest.skip(f"the OpenStack clients cannot be installed here: {done.stderr.strip()[-300:]}")
    (home / "installed").touch()
    return found


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        stage.up()
        stage.put_object("echo", ECHO)
        yield stage


@pytest.fixture(scope="module")
def environment(stage: Stage) -> dict[str, str]:
    """What `modelyard env` says, in a shell that has nothing else of OpenStack."""
    command = modelyard("env", "--data-dir", stage.data_dir)
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    told = dict(line.removeprefix("export ").split("=", 1) for line in lines)
    own = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    return {**own, **told, "HOME": str(stage.root), "PYTHONWARNINGS": "ignore"}


@pytest.fixture(scope="module")
def openstack(python: Path, environment: dict[str, str]) -> Iterator[Openstack]:
    command = [str(python), str(HERE / "openstack_commands.py")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as running:
        yield Openstack(running)


@pytest.fixture(scope="module")
def model_id(openstack: Openstack) -> str:
    """`ma model create`, and wait as their users do."""
    made = openstack.ask(
        *("ma", "model", "create", "echo", "--model-version", "1.0.0", "--model-type", "Custom"),
        *("--source-location", "/models/echo", "--description", "answers what it is asked"),
    )
    openstack.until(lambda: openstack.ask("ma", "model", "show", "echo")["status"] == "published")
    return str(made["id"])


def configured(model_id: str, **more: str) -> tuple[str, ...]:
    fields = {"model-id": model_id, "weight": "100", "specification": FLAVOR, "instance-count": "1", **more}
    return tuple(part for name, value in fields.items() for part in (f"--{name}", value))


def test_the_program_itself(python: Path, environment: dict[str, str]) -> None:
    """Once as a process of its own; the other tests spare its start."""
    command = [str(python.with_name("openstack")), "ma", "service", "flavor", "list", "-f", "json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    flavors = {flavor["Specification"]: flavor for flavor in json.loads(done.stdout)}
    assert flavors[FLAVOR]["Is Open"]
    assert not flavors["modelarts.vm.gpu.p4"]["Is Open"]


def test_a_user_who_names_no_domain(python: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """By variables and by clouds.yaml: the clients name the domain `default` by themselves."""
    plain = {
        name: value for name, value in environment.items() if "DOMAIN" not in name and name != "OS_PROJECT_ID"
    }
    cloud = f"""
clouds:
  yard:
    auth:
      auth_url: "{plain["OS_AUTH_URL"]}"
      username: {plain["OS_USERNAME"]}
      password: "{plain["OS_PASSWORD"]}"
      project_name: {plain["OS_PROJECT_NAME"]}
    identity_api_version: 3
"""
    (tmp_path / "clouds.yaml").write_text(cloud)
    bare = {name: value for name, value in plain.items() if not name.startswith("OS_")}
    for given in (plain, {**bare, "OS_CLOUD": "yard"}):
        command = [str(python.with_name("openstack")), "ma", "service", "list", "-f", "json"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=given, cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def test_models(openstack: Openstack, model_id: str) -> None:
    shown = openstack.ask("ma", "model", "show", model_id)
    assert (shown["name"], shown["version"], shown["model_type"]) == ("echo", "1.0.0", "Custom")
    assert [api["url"] for api in shown["apis"]] == ["/"]
    filters = (
        "--name",
        "ech",
        "--status",
        "published",
        "--sort-by",
        "create_at",
        "--order",
        "asc",
        "--limit",
        "10",
    )
    (listed,) = openstack.ask("ma", "model", "list", *filters)
    assert (listed["Id"], listed["Name"], listed["Version"]) == (model_id, "echo", "1.0.0")
    again = ("--model-version", "1.0.0", "--model-type", "Custom", "--source-location", "/models/echo")
    status, _, err = openstack.run("ma", "model", "create", "echo", *again)
    assert status == 1
    assert "already exists" in err
    assert openstack.ask("ma", "service", "cluster", "list") == []


def test_the_life_of_a_service(openstack: Openstack, stage: Stage, model_id: str) -> None:
    wait = ("--wait", "--timeout", "60")
    more = ("--infer-type", "real-time", "--description", "first", "--schedule", SCHEDULE, "--env", "A=1", *wait)
    made = openstack.ask("ma", "service", "create", "shop", *configured(model_id), *more)
    assert (made["name"], made["status"], made["description"]) == ("shop", "running", "first")
    assert made["config"][0]["envs"] == {"A": "1"}
    assert [(s["type"], s["time_unit"], s["duration"]) for s in made["schedule"]] == [("stop", "HOURS", 1)]
    assert made["due_time"] > made["publish_at"]
    with Client(Credentials.from_data_dir(stage.data_dir)) as client:
        token = client.session.token()
    answer = httpx.post(made["access_address"], headers={"X-Auth-Token": token}, json={"hello": "shop"})
    assert (answer.status_code, answer.json()) == (200, {"hello": "shop"})

    filters = ("--name", "sho", "--infer-type", "real-time", "--status", "running", "--model-id", model_id)
    paging = ("--limit", "10", "--offset", "0", "--sort-by", "service_name", "--order", "asc")
    for options in ((), (*filters, *paging), ("--service-id", made["id"], "--workspace-id", "0")):
        (listed,) = openstack.ask("ma", "service", "list", *options)
        assert listed == {
            "Service Id": made["id"],
            "Service Name": "shop",
            "Infer Type": "real-time",
            "Status": "running",
        }
    assert openstack.ask("ma", "service", "list", "--offset", "1", "--limit", "1") == []

    change = ("--env", "A=2", "--env", "B=3", "--additional-property", "team=sales", *wait)
    updated = openstack.ask("ma", "service", "update", "shop", *configured(model_id), *change)
    assert (updated["status"], updated["config"][0]["envs"]) == ("running", {"A": "2", "B": "3"})
    assert updated["additional_properties"] == {"team": "sales"}
    described = openstack.ask(
        "ma", "service", "update", made["id"], "--description", "second", "--schedule", SCHEDULE
    )
    assert (described["description"], described["config"]) == ("second", updated["config"])
    assert described["due_time"] > updated["due_time"]
    assert openstack.ask("ma", "service", "show", "shop") == described

    logs = openstack.ask("ma", "service", "logs", "shop")
    assert [(log["Result"], log["Config"][0]["envs"]["A"]) for log in logs] == [("SUCCESS", "2"), ("SUCCESS", "1")]
    assert len(openstack.ask("ma", "service", "logs", "shop", "--update-time", str(logs[0]["Update Time"]))) == 1
    order = ("--sort-by", "occur_time", "--order", "asc")
    events = openstack.ask("ma", "service", "events", "shop", "--event-type", "normal", *order)
    assert events[0]["Event Info"] == "start to deploy service"
    assert {event["Event Type"] for event in events} == {"normal"}
    assert len(openstack.ask("ma", "service", "events", "shop", "--limit", "2", "--offset", "1")) == 2
    (monitor,) = openstack.ask("ma", "service", "monitor", "shop")
    assert (monitor["Model Id"], monitor["Failed Times"]) == (model_id, 0)
    assert monitor["CPU Core"].endswith("/2.0")

    def status() -> str:
        return str(openstack.ask("ma", "service", "show", "shop")["status"])

    openstack.do("ma", "service", "stop", "shop")
    openstack.until(lambda: status() == "stopped")
    openstack.do("ma", "service", "start", "shop")
    openstack.until(lambda: status() == "running")

    openstack.do("ma", "service", "delete", "shop")
    openstack.until(lambda: openstack.run("ma", "service", "show", "shop")[0] == 1)
    code, _, err = openstack.run("ma", "service", "delete", "shop")
    assert code == 1
    assert "No Service found for shop" in err


RULE = {"type": "object", "properties": {"x": {"type": "number", "index": 0}, "y": {"type": "string", "index": 1}}}


def batch(model_id: str, **more: str) -> tuple[str, ...]:
    """A batch service as `ma service create` makes it: the rule is JSON text."""
    fields = {
        **{"model-id": model_id, "specification": FLAVOR, "instance-count": "1"},
        **{"src-path": "obs://lists/in/", "dest-path": "s3://lists/out/", "req-uri": "/"},
        **{"mapping-type": "csv", "mapping-rule": json.dumps(RULE), **more},
    }
    return ("--infer-type", "batch", *(part for name, value in fields.items() for part in (f"--{name}", value)))


def test_a_batch_service(openstack: Openstack, stage: Stage, model_id: str) -> None:
    rows = stage.data_dir / "objects" / "lists" / "in"
    rows.mkdir(parents=True)
    (rows / "rows.csv").write_text("1.5,a\n2,b\n")
    made = openstack.ask("ma", "service", "create", "nightly", *batch(model_id), "--wait", "--timeout", "60")
    assert (made["name"], made["infer_type"]) == ("nightly", "batch")
    assert made["status"] in {"running", "finished"}
    config = made["config"][0]
    sent = {"src_path": "obs://lists/in/", "dest_path": "s3://lists/out/", "mapping_type": "csv"}
    assert {name: config[name] for name in (*sent, "mapping_rule")} == {**sent, "mapping_rule": RULE}

    def shown() -> Any:
        return openstack.ask("ma", "service", "show", "nightly")

    openstack.until(lambda: shown()["status"] == "finished")
    result = stage.data_dir / "objects" / "lists" / "out" / "infer-result" / "rows.csv_result.txt"
    assert result.read_text() == '{"x":1.5,"y":"a"}\n{"x":2,"y":"b"}\n'
    (listed,) = openstack.ask("ma", "service", "list", "--infer-type", "batch", "--status", "finished")
    assert (listed["Service Name"], listed["Infer Type"]) == ("nightly", "batch")
    (monitor,) = openstack.ask("ma", "service", "monitor", "nightly")
    assert monitor["Model Id"] == model_id
    openstack.do("ma", "service", "start", "nightly")
    openstack.until(lambda: shown()["status"] == "finished")

    (rows / "endless.csv").write_text("3,c\n" * 2_000_000)
    openstack.do("ma", "service", "start", "nightly")
    openstack.until(lambda: shown()["status"] == "running")
    openstack.do("ma", "service", "stop", "nightly")
    openstack.until(lambda: shown()["status"] == "stopped")
    code, _, err = openstack.run(
        "ma", "service", "create", "wrong", *batch(model_id, **{"src-path": "obs://lists/no"})
    )
    assert code == 1
    assert "config[0].src_path: there is nothing at 'obs://lists/no'" in err
    openstack.do("ma", "service", "delete", "nightly")
    openstack.until(lambda: openstack.run("ma", "service", "show", "nightly")[0] == 1)


def test_a_wrong_request_says_what_is_wrong(openstack: Openstack, model_id: str) -> None:
    wrong = configured(model_id, **{"instance-count": "9"})
    code, _, err = openstack.run("ma", "service", "create", "wrong", "--infer-type", "real-time", *wrong)
    assert code == 1
    assert "config[0].instance_count: is 9" in err


def test_the_sdk(python: Path, environment: dict[str, str], model_id: str) -> None:
    command = [str(python), str(HERE / "openstack_sdk.py"), model_id]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert isinstance(seen.pop("update_time"), int)
    events = seen.pop("events")
    assert (len(events), set(events)) == (5, {"normal"})
    assert seen == {
        "created": True,
        "shown": ["by-sdk", "real-time", "running", 1],
        "found": [True, "by the SDK"],
        "envs": {"A": "1"},
        "listed": ["by-sdk"],
        "logs": ["SUCCESS", "SUCCESS"],
        "monitor": [model_id],
        "flavors": [FLAVOR],
        "clusters": [],
        "models": ["echo"],
        "nobody": None,
    }


def test_the_sdk_sees_and_stops_a_batch_service(
    python: Path, environment: dict[str, str], openstack: Openstack, stage: Stage, model_id: str
) -> None:
    source = stage.data_dir / "objects" / "models" / "jobs" / "in"
    source.mkdir(parents=True)
    (source / "rows.jsonl").write_text('{"hello": "world"}\n' * 1_000_000)
    entry = {
        **{"model_id": model_id, "specification": FLAVOR, "instance_count": 1, "req_uri": "/"},
        **{"src_path": "/models/jobs/in/", "dest_path": "/models/jobs/out/", "mapping_type": "jsonl"},
    }
    with Client(Credentials.from_data_dir(stage.data_dir)) as client:
        client.batch.create("jobs", entry)
    openstack.until(lambda: openstack.ask("ma", "service", "show", "jobs")["status"] == "running")
    command = [str(python), str(HERE / "openstack_sdk.py"), model_id, "jobs"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "shown": ["jobs", "batch", "running"],
        "listed": ["jobs"],
        "logs": ["SUCCESS"],
        "monitor": [model_id],
        "stopped": "stopped",
    }
    openstack.do("ma", "service", "delete", "jobs")
    openstack.until(lambda: openstack.run("ma", "service", "show", "jobs")[0] == 1)


BROKEN = """
from model_service.model_service import SingleNodeService


class Broken(SingleNodeService):
    def __init__(self, model_name, model_path):
        raise RuntimeError("it cannot begin")
"""


def test_services_and_tasks_that_failed(
    python: Path, environment: dict[str, str], openstack: Openstack, stage: Stage, tmp_path: Path
) -> None:
    """They are listed, shown with why, stopped and deleted as any other; by the program, then by the SDK."""
    config = json.loads((ECHO / "model" / "config.json").read_text())
    with Client(Credentials.from_data_dir(stage.data_dir)) as client:
        package = server.script_package(tmp_path / "broken", BROKEN, config)
        model_id = server.published(stage, client, "broken", package)
    rows = stage.data_dir / "objects" / "lists" / "few"
    rows.mkdir(parents=True)
    (rows / "rows.csv").write_text("1.5,a\n")
    of_batch = batch(model_id, **{"src-path": "obs://lists/few/"})
    names = {"down": ("--infer-type", "real-time", *configured(model_id)), "lost": of_batch}

    def status(name: str) -> str:
        return str(openstack.ask("ma", "service", "show", name)["status"])

    for name, options in names.items():
        assert openstack.ask("ma", "service", "create", name, *options)["name"] == name
    for name in names:
        openstack.until(lambda name=name: status(name) == "failed", 120)
        assert "it cannot begin" in json.dumps(openstack.ask("ma", "service", "show", name))
        assert openstack.ask("ma", "service", "logs", name)[0]["Result"] == "FAIL"
        told = openstack.ask("ma", "service", "events", name, "--event-type", "abnormal")
        assert {event["Event Type"] for event in told} == {"abnormal"}
        assert len(openstack.ask("ma", "service", "monitor", name)) == 1
    listed = openstack.ask("ma", "service", "list", "--status", "failed")
    assert {one["Service Name"] for one in listed} == {*names}
    for name in names:
        openstack.do("ma", "service", "stop", name)
        openstack.until(lambda name=name: status(name) == "stopped")
        openstack.do("ma", "service", "start", name)
    for name in names:
        openstack.until(lambda name=name: status(name) == "failed", 120)
    command = [str(python), str(HERE / "openstack_sdk.py"), "failed", *names]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    seen = ["failed", True, "FAIL", ["abnormal", "normal"], "stopped"]
    assert json.loads(done.stdout) == {"listed": ["down", "lost"], "down": seen, "lost": seen}
    for name in names:
        openstack.do("ma", "service", "delete", name)
        openstack.until(lambda name=name: openstack.run("ma", "service", "show", name)[0] == 1)


def test_a_model_goes_last(openstack: Openstack, model_id: str) -> None:
    openstack.do("ma", "model", "delete", "echo")
    code, _, err = openstack.run("ma", "model", "show", model_id)
    assert code == 1
    assert f"No Model found for {model_id}" in err
