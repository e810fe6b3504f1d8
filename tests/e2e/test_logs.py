"""Logs as their readers have them, of a real server: the command line over a restart of the control plane, the way
from a failed call to its trace, and the vendor's own LTS client, unchanged.

The client is installed from PyPI into an environment of its own: in the directory that MODELYARD_LTS_VENV names,
where it is made once, or in a temporary one.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from examples.demo.stage import Stage, modelyard, until
from tests.worlds import server
from tests.worlds.server import deployed, script_package

from modelyard.client import Client, Service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

HERE = Path(__file__).parent
SDK = "huaweicloudsdklts==3.1.219"
SCRIPT = """
from model_service.model_service import SingleNodeService


class Speaks(SingleNodeService):
    def _inference(self, data):
        print(f"asked for {data.get('n')}", flush=True)
        return {"n": data["n"]}
"""
CONFIG = {"model_type": "Custom", "model_algorithm": "x", "apis": []}

stage = pytest.fixture(server.stage, scope="module")
yard = pytest.fixture(server.yard, scope="module")


@pytest.fixture(scope="module")
def speaking(stage: Stage, yard: Client, tmp_path_factory: pytest.TempPathFactory) -> Service:
    package = script_package(tmp_path_factory.mktemp("speaks") / "speaks", SCRIPT, CONFIG)
    return deployed(stage, yard, "speaks", package)


@pytest.fixture
def environment(stage: Stage, tmp_path: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "MODELYARD_"))}
    return {
        **own,
        "MODELYARD_DATA_DIR": str(stage.data_dir),
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
    }


def asked(service: Service, token: str, *numbers: int) -> None:
    for n in numbers:
        answer = httpx.post(service.access_address, json={"n": n}, headers={"X-Auth-Token": token}, timeout=30)
        assert answer.json() == {"n": n}


def test_following_over_a_restart_shows_each_line_once(
    stage: Stage, yard: Client, speaking: Service, environment: dict[str, str], tmp_path: Path
) -> None:
    token = yard.session.token()
    out, err = tmp_path / "out", tmp_path / "err"
    with out.open("w") as told, err.open("w") as noted:
        # What a job in the background starts ignores SIGINT, as the suite may be run.
        command = ["env", "--default-signal=INT", *modelyard("logs", "-f", "speaks", "--grep", "asked for")]
        with subprocess.Popen(command, env=environment, stdout=told, stderr=noted) as following:
            asked(speaking, token, *range(20))
            until(lambda: "asked for 19" in out.read_text(), 20, "the first lines")
            stage.end_control_plane(signal.SIGKILL)
            asked(speaking, token, *range(20, 40))
            stage.up()
            asked(speaking, token, *range(40, 60))
            until(lambda: "asked for 59" in out.read_text(), 60, "the last line")
            following.send_signal(signal.SIGINT)
            assert following.wait(20) == 130
    shown = [int(line.rpartition(" ")[2]) for line in out.read_text().splitlines()]
    assert shown == [*range(60)]
    notes = [line.partition(" (")[0] for line in err.read_text().splitlines()]
    assert notes[:1] == ["-- the connection broke"]
    assert notes[-1] == "-- connected again"


def test_a_failed_call_leads_to_its_trace(speaking: Service, environment: dict[str, str]) -> None:
    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    failed = run(*modelyard("predict", "speaks", '{"other": 1}'))
    assert failed.returncode != 0
    (advised,) = re.findall(r"`modelyard (logs [^`]+)`", failed.stderr)
    found = run(*modelyard(*shlex.split(advised)))
    assert found.returncode == 0
    assert "KeyError: 'n'" in found.stdout.splitlines()[-1]
    assert "Traceback" in found.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the client."""
    kept = os.environ.get("MODELYARD_LTS_VENV")
    home = Path(kept) if kept else tmp_path_factory.mktemp("lts")
    found, uv = home / "bin" / "python", str(Path(sys.executable).with_name("uv"))
    if (home / "installed").exists():
        return found
    for command in (
        [uv, "venv", "-q", "--clear", "--python", sys.executable, str(home)],
        [uv, "pip", "install", "-q", "--python", str(found), SDK],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)
        if done.returncode:
            pytest.skip(f"the LTS client cannot be installed here: {done.stderr.strip()[-300:]}")
    (home / "installed").touch()
    return found


Ask = Callable[..., Any]


@pytest.fixture
def lts(python: Path, stage: Stage, environment: dict[str, str]) -> Iterator[Ask]:
    user = json.loads((stage.data_dir / "credentials.json").read_text())
    given = {
        **{"access": user["access_key"], "secret": user["secret_key"], "project_id": user["project_id"]},
        "endpoint": user["api_url"],
    }

    def ask(do: str, **more: object) -> Any:
        command = [str(python), str(HERE / "lts_sdk.py")]
        text = json.dumps({**given, "do": do, **more})
        done = subprocess.run(
            command, input=text, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    yield ask


def test_the_lts_client_makes_streams_and_reads_them_page_by_page(
    stage: Stage, yard: Client, speaking: Service, lts: Ask
) -> None:
    made = lts("make")
    assert len(made["group"]) == len(made["stream"]) == 64
    where = {"log_group_id": made["group"], "log_stream_id": made["stream"]}
    channel = {"log_report_channels": [{"type": "LTS", "configuration": where}]}
    yard.services.put(speaking.service_id, additional_properties=channel)
    began = str(int(time.time() * 1000))
    asked(speaking, yard.session.token(), *range(100, 123))
    until(lambda: len(yard.services.logs(speaking.service_id, limit=5000).lines) >= 23, 20, "the lines")
    place = {"group": made["group"], "stream": made["stream"], "start_time": began, "end_time": "1900000000000"}

    def all_there() -> bool:
        return len(lts("read", **place, limit=5000)["up"]) >= 23

    until(all_there, 30, "the lines in the stream")
    wanted = [f"asked for {n}" for n in range(100, 123)]
    for limit in (1, 7, 100):
        told = lts("read", **place, limit=limit)
        assert told["up"] == wanted
        assert told["down"] == wanted[::-1]
        assert told["back"] == wanted[:-1][::-1]
    assert told["labels"]["service"] == "speaks"
    assert told["labels"]["model"] == "speaks:1.0.0"
    found = lts("read", **place, limit=7, keywords="for 11", labels={"revision": told["labels"]["revision"]})
    assert found["up"] == [f"asked for {n}" for n in range(110, 120)]
    assert lts("read", **place, limit=7, labels={"service": "another"})["up"] == []
