"""Schemathesis, all of its checks, over the OpenAPI document and a live server: no 5xx, no answer that is not
documented, none that breaks its schema, nobody let in without a token.

It is installed from PyPI into an environment of its own, since its plugin would be part of every test run in this
one: in the directory that MODELYARD_SCHEMATHESIS_VENV names, where it is made once, or in a temporary one. The
default run is short and always the same; MODELYARD_SCHEMATHESIS=N runs every phase, at random, with N examples of
each call.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from tests.worlds.api import FIRST, api_world

from modelyard.domain.service import ServiceStatus

pytestmark = pytest.mark.timeout(3600 if "MODELYARD_SCHEMATHESIS" in os.environ else 300)

PACKAGE = "schemathesis==4.32.5"
EXAMPLES = os.environ.get("MODELYARD_SCHEMATHESIS", "")

CONFIG = """
[checks]
# A schema does not say that weights sum to 100, or that a model must exist. 300 is Keystone's list of versions.
positive_data_acceptance.expected-statuses = ["2xx", "300", "400", "401", "403", "404", "409", "412"]

[[operations]]
include-path-regex = "^/v1/.project_id./"
parameters = {{ "path.project_id" = "{project_id}" }}

[[operations]]
include-path-regex = "^/v1/.project_id./services/.service_id."
exclude-method = "DELETE"
parameters = {{ "path.project_id" = "{project_id}", "path.service_id" = "{service_id}" }}
"""
"""The calls reach what is there; without this, random ids would all be answered 403 and 404."""


OPEN_TO_ALL = {"GET /", "GET /healthz", "GET /v3", "POST /v3/auth/tokens"}


@dataclass(frozen=True)
class Server:
    """A served API with one running service."""

    url: str
    token: str
    service_id: str


@pytest.fixture(scope="module")
def schemathesis(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program."""
    kept = os.environ.get("MODELYARD_SCHEMATHESIS_VENV")
    home = Path(kept) if kept else tmp_path_factory.mktemp("schemathesis")
    found, uv = str(home / "bin" / "schemathesis"), str(Path(sys.executable).with_name("uv"))
    if (home / "installed").exists():
        return found
    for command in (
        [uv, "venv", "-q", "--clear", "--python", sys.executable, str(home)],
        [uv, "pip", "install", "-q", "--python", str(home / "bin" / "python"), PACKAGE],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)
        if done.returncode:
            pytest.skip(f"{PACKAGE} cannot be installed here: {done.stderr.strip()[-300:]}")
    (home / "installed").touch()
    return found


@pytest.fixture
def server() -> Iterator[Server]:
    """A live one, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    ready, found = threading.Event(), list[tuple[Server, uvicorn.Server]]()

    async def serve() -> None:
        async with api_world() as world:
            service_id = await world.service(ServiceStatus.RUNNING, name="s")
            config = uvicorn.Config(world.app, log_level="error", access_log=False, lifespan="off", ws="none")
            serving = uvicorn.Server(config)
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            found.append((Server(url, world.token(), service_id), serving))
            ready.set()
            await serving.serve(sockets=[listener])

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(30)
    (made, serving) = found[0]
    yield made
    serving.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.parametrize("token", ["valid", "invalid", "none"])
def test_every_answer_is_a_documented_one(schemathesis: str, server: Server, token: str, tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.format(project_id=FIRST.id, service_id=server.service_id))
    headers = {"valid": server.token, "invalid": f"{server.token[:-2]}xx", "none": ""}[token]
    sent = ["--header", f"X-Auth-Token: {headers}"] if headers else []
    phases = ["--phases", "examples,coverage,fuzzing,stateful" if EXAMPLES else "examples,fuzzing"]
    extent = ["--max-examples", EXAMPLES or "3", *phases, *([] if EXAMPLES else ["--seed", "1", "--no-shrink"])]
    report = tmp_path / "report.json"
    done = subprocess.run(
        [
            *(schemathesis, "--config-file", str(config), "run", f"{server.url}/openapi.json"),
            *("--checks", "all", "--continue-on-failure", "--no-color", "--warnings", "off"),
            *("--report", "json", "--report-json-path", str(report)),
            *(*sent, *extent),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    found = json.loads(report.read_text())
    assert (found["complete"], found["operations"]["errored"], found["operations"]["skipped"]) == (True, 0, 0)
    accepted = [call for call, rates in found["valid_rates"].items() if any(r["accepted"] for r in rates.values())]
    if token == "valid":
        assert len(accepted) >= 20, accepted  # a run that is refused everywhere finds nothing
    else:
        assert set(accepted) <= OPEN_TO_ALL
