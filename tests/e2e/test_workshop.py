"""`modelyard run` and `modelyard check --load`: a package on its author's machine."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from examples.demo.stage import modelyard, until
from tests.wheels import only_here, wheel
from tests.worlds import commands

pytestmark = pytest.mark.e2e

SCRIPT = """
from model_service.model_service import SingleNodeService
import yardstick

class Measure(SingleNodeService):
    def _inference(self, data):
        return {"length": yardstick.LENGTH * data["times"]}
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    wheel(tmp_path / "links", "yardstick", "1.0", "LENGTH = 36\n")
    own = only_here(tmp_path / "links", tmp_path / "uv")
    return {**os.environ, **own, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def package(directory: Path, script: str = SCRIPT, name: str = "yardstick") -> Path:
    config = {
        "model_type": "Custom",
        "example": {"times": 2},
        "dependencies": [{"installer": "pip", "packages": [{"package_name": name}]}],
    }
    (directory / "model").mkdir(parents=True)
    (directory / "model/customize_service.py").write_text(script)
    (directory / "model/config.json").write_text(json.dumps(config))
    return directory


def checked(directory: Path, env: dict[str, str], *options: str) -> tuple[int, list[dict[str, Any]]]:
    done = subprocess.run(
        modelyard("check", directory, "--json", *options), env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["findings"]


def test_check_says_what_loading_said(tmp_path: Path, env: dict[str, str]) -> None:
    good = package(tmp_path / "good")
    assert checked(good, env) == (0, [])
    status, found = checked(good, env, "--load")
    assert [f["text"] for f in found] == [
        "installs yardstick==1.0",
        'answered its example with 200: {"length":72}',
    ]
    assert status == 0

    status, (finding,) = checked(package(tmp_path / "unknown", name="nowhere-to-be-found"), env, "--resolve")
    assert (status, finding["where"], "nowhere-to-be-found" in finding["text"]) == (1, "dependencies", True)

    broken = package(tmp_path / "broken", SCRIPT.replace("data[", "data.nothing["))
    status, found = checked(broken, env, "--load")
    assert status == 1
    assert "the warm-up with the example input failed" in found[-1]["text"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_run_serves_until_it_is_ended(tmp_path: Path, env: dict[str, str], how: signal.Signals) -> None:
    """Also when only its own process is told: nothing of it is left."""
    command = modelyard("run", package(tmp_path / "good"), "--port", 0)
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True) as running:
        assert running.stdout is not None
        url = running.stdout.readline().strip()

        def ready() -> bool:
            assert running.poll() is None
            return httpx.get(f"{url}/health").status_code == 200

        until(ready, 60, "the model")
        assert httpx.post(url, json={"times": 3}).json() == {"length": 108}
        assert httpx.post(url, content=b'{"times": 3}', headers={"content-type": "image/png"}).status_code == 500
        assert httpx.post(url, data={"times": "3"}, files={"f": b"1"}).json() == {"length": "3" * 36}
        assert httpx.post(url, data={"times": "3"}).status_code == 400
        running.send_signal(how)
        assert running.wait(30) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")


def test_run_of_no_package_says_so(tmp_path: Path, env: dict[str, str]) -> None:
    bad = subprocess.run(modelyard("run", tmp_path / "none"), env=env, capture_output=True, text=True, check=False)
    assert (bad.returncode, "is not a directory" in bad.stderr) == (1, True)


def test_a_command_is_checked_and_run_as_it_will_be(tmp_path: Path, env: dict[str, str]) -> None:
    """With its dependencies and its port; `example` is sent to it."""
    needs = [{"installer": "pip", "packages": [{"package_name": "yardstick"}]}]
    good = commands.package(
        tmp_path / "own",
        "python -c 'import yardstick' && exec python serve.py",
        dependencies=needs,
        example={"a": 1},
    )
    env |= {"MODELYARD_MODEL_VERSION": "", "HOW": "late"}
    status, found = checked(good, {**env, "HOW": "exit"}, "--load")
    assert (status, found[-1]["text"]) == (1, "there is no such model")
    command = modelyard("run", good, "--port", 0)
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True) as running:
        assert running.stdout is not None
        url = running.stdout.readline().strip()

        def ready() -> bool:
            assert running.poll() is None
            try:
                return httpx.get(f"{url}/up").status_code == 200
            except httpx.ConnectError:
                return False

        until(ready, 60, "the command")
        about = httpx.get(f"{url}/about").json()
        assert about["env"]["MODEL_DIR"] == str(good / "model")
        assert about["own"] > 1000
        running.send_signal(signal.SIGTERM)
        running.wait(30)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/up")
    status, found = checked(commands.package(tmp_path / "no", ["no-such"]), env, "--load")
    assert (status, found[-1]["text"]) == (1, "'no-such' cannot be run: No such file or directory")
