"""Modelyard put in the place of an earlier release that serves: nobody who calls notices.

The earlier ones are real (`tests/releases.toml`, out of the history): their control plane, supervisors, instances
and Envoy run on while this release, installed beside them (docs/howto/upgrade.md), is started on their data.
"""

import csv
import http.client
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from examples.demo.stage import BUCKET, Stage, until
from tests.worlds import releases, server
from websockets.sync.client import connect

from modelyard.client import Client, Service, Variant
from modelyard.client.waiting import Patience

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SCRIPT = """
import asyncio, os, time
from model_service.model_service import SingleNodeService

class Answering(SingleNodeService):
    async def _inference(self, data):
        if "beats" in data:
            return self.beats(data["beats"])
        return {"n": data["n"], "version": os.environ.get("SAYS", "")}

    async def beats(self, most):
        for number in range(most):
            yield {"beat": number}
            await asyncio.sleep(0.05)

    async def _websocket(self, connection):
        async for text in connection:
            await connection.send({"heard": text})
"""
COUNTING = """
import time
from model_service.model_service import SingleNodeService

class Counting(SingleNodeService):
    def _inference(self, data):
        time.sleep(0.03)
        return {"double": 2 * data["n"]}
"""
FILES, ROWS = 20, 400
BATCH_SINCE = "0009"
"""The schema of the first release that has batch services."""
RULE = {"type": "object", "properties": {"n": {"type": "integer", "index": 0}}}


def config(properties: dict[str, Any]) -> dict[str, Any]:
    request = {"Content-type": "application/json", "data": {"type": "object", "properties": properties}}
    api = {"url": "/", "method": "post", "request": request, "response": {**request, "data": {"type": "object"}}}
    return {"model_type": "Custom", "model_algorithm": "upgrade", "runtime": "python3.11", "apis": [api]}


@dataclass
class Callers:
    """Threads that call one service all the time, half of them on a new connection for each call."""

    address: str
    token: str
    failed: list[str] = field(default_factory=list)
    answered: int = 0
    versions: set[str] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)

    def call(self, *, keep: bool) -> None:
        at = urlsplit(self.address)
        connection = http.client.HTTPConnection(at.netloc, timeout=20)
        number = 0
        while not self.over.is_set():
            number += 1
            try:
                headers = {"X-Auth-Token": self.token, "Content-Type": "application/json"}
                connection.request("POST", at.path, json.dumps({"n": number}), headers)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200 or json.loads(body)["n"] != number:
                    self.failed.append(f"{answer.status} {body[:200]!r}")
                else:
                    self.versions.add(json.loads(body)["version"])
                    self.answered += 1
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self.failed.append(repr(error))
                connection.close()
            if not keep:
                connection.close()
            self.over.wait(0.02)
        connection.close()


@contextmanager
def calling(service: Service, token: str) -> Iterator[Callers]:
    callers = Callers(service.access_address, token)
    threads = [threading.Thread(target=callers.call, kwargs={"keep": n % 2 == 0}) for n in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield callers
    finally:
        callers.over.set()
        for thread in threads:
            thread.join()


class Stream:
    """One answer that goes on for as long as anybody reads it."""

    def __init__(self, address: str, token: str) -> None:
        at = urlsplit(address)
        self.connection = http.client.HTTPConnection(at.netloc, timeout=20)
        headers = {"X-Auth-Token": token, "Content-Type": "application/json", "Accept": "text/event-stream"}
        self.connection.request("POST", at.path, json.dumps({"beats": 4000}), headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200

    def beat(self) -> int:
        while True:
            line = self.answer.readline()
            assert line, "the stream ended"
            if b"beat" in line:
                return int(json.loads(line.partition(b":")[2])["beat"])


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as made:
        yield made


def installed(stage: Stage, home: Path, source: Path) -> None:
    """In an environment of its own, whose command starts the next control plane."""
    installation = releases.Installation(home)
    installation.install(source)
    stage.program = installation.program


def batch(stage: Stage, yard: Client, tmp_path: Path) -> str:
    """A task at work, of which some rows are done already."""
    package = server.script_package(tmp_path / "counting", COUNTING, config({"n": {"type": "integer"}}))
    home = stage.data_dir / "objects" / BUCKET / "rows"
    home.mkdir(parents=True)
    for number in range(FILES):
        with (home / f"numbers-{number:02d}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([n] for n in range(number, ROWS, FILES))
    job = {"src_path": f"obs://{BUCKET}/rows/", "dest_path": f"obs://{BUCKET}/out/", "req_uri": "/"}
    model = server.published(stage, yard, "counting", package)
    mapping = {"mapping_type": "csv", "mapping_rule": RULE}
    entry = {"model_id": model, "specification": "modelarts.vm.cpu.2u", "instance_count": 1, **job, **mapping}
    counting = yard.batch.create("counting", entry)
    until(lambda: rows_done(yard, counting) > 0, 60, "the first rows")
    return counting


def rows_done(yard: Client, counting: str) -> int:
    return sum(task.rows_done for task in yard.batch.tasks(counting))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
@pytest.mark.parametrize("release", list(releases.kept()))
def test_who_calls_notices_nothing(release: str, how: signal.Signals, stage: Stage, tmp_path: Path) -> None:
    upgraded_under_load(releases.kept()[release], how, stage, tmp_path)


def upgraded_under_load(earlier: releases.Release, how: signal.Signals, stage: Stage, tmp_path: Path) -> None:
    installed(stage, tmp_path / "venv-before", releases.source(earlier.commit, tmp_path / "before"))
    stage.up()
    before = server.script_package(tmp_path / "answering", SCRIPT, config({}))
    with stage.client() as yard:
        model = server.published(stage, yard, "answering", before)
        again = server.published(stage, yard, "answering", before, "2.0.0")
        first = Variant(model_id=model, instance_count=2, envs={"SAYS": "old"})
        settings = {"websocket_upgrade": True}
        service = yard.services.wait(
            yard.services.create("answering", [first], additional_properties=settings), patience=Patience(60)
        )
        token = yard.session.token()
        serving = stage.instances()
        counting = batch(stage, yard, tmp_path) if earlier.schema >= BATCH_SINCE else ""
        instances, gateway = stage.instances(), envoys(stage)
        address = service.access_address.replace("http", "ws", 1)
        with (
            calling(service, token) as callers,
            connect(address, additional_headers={"X-Auth-Token": token}, proxy=None) as talk,
        ):
            stream = Stream(service.access_address, token)
            until(lambda: callers.answered > 50, 60, "answers")
            assert not counting or rows_done(yard, counting) < ROWS, "the task was over too soon"
            stage.end_control_plane(how)
            installed(stage, tmp_path / "venv-after", releases.this(tmp_path / "after"))
            during = callers.answered
            stage.up()

            until(lambda: callers.answered > during + 100, 60, "answers under the new release")
            until(lambda: yard.services.get(service.service_id).status == "running", 60, "the service to run")
            assert instances.items() <= stage.instances().items(), "instances were not adopted"
            assert envoys(stage) == gateway, "the gateway was not adopted"
            last = stream.beat()
            assert stream.beat() > last
            talk.send("still there?")
            assert json.loads(talk.recv(timeout=20)) == {"heard": "still there?"}
            stream.connection.close()
            talk.close()

            changed = Variant(model_id=again, instance_count=2, envs={"SAYS": "new"})
            asked = yard.services.configure(service.service_id, [changed])
            assert asked is not None
            yard.services.wait_update(service.service_id, asked, patience=Patience(120))
            callers.versions.clear()
            until(lambda: callers.versions == {"new"}, 60, "answers of the new version")
            assert not serving.keys() & stage.instances().keys(), "instances of before still run"
        assert callers.failed == []
        if counting:
            done(stage, yard, counting)
        assert "Traceback" not in stage.log.read_text()


def test_a_batch_task_goes_on_when_its_workers_files_are_replaced(stage: Stage, tmp_path: Path) -> None:
    """As `pip install` into the environment in use does: a worker that then cannot go on is replaced, and no row
    is taken for what broke it."""
    installation = releases.Installation(tmp_path / "venv")
    stage.program = installation.program
    installation.install(releases.source(releases.kept()["batch"].commit, tmp_path / "before"))
    stage.up()
    with stage.client() as yard:
        counting = batch(stage, yard, tmp_path)
        assert rows_done(yard, counting) < ROWS, "the task was over too soon"
        stage.end_control_plane(signal.SIGTERM)
        installation.install(releases.this(tmp_path / "after"))
        stage.up()
        done(stage, yard, counting)


def done(stage: Stage, yard: Client, counting: str) -> None:
    """The task of before has ended, with one answer for each row."""
    ended = ("finished", "failed", "concerning", "stopped")
    until(lambda: yard.services.get(counting).status in ended, 120, "the task to end")
    assert yard.services.get(counting).status == "finished", yard.services.events(counting)
    results = (stage.data_dir / "objects" / BUCKET / "out").glob("infer-result/*_result.txt")
    lines = [line for result in results for line in result.read_text().splitlines()]
    assert sorted(json.loads(line)["double"] for line in lines) == [2 * n for n in range(ROWS)]


def envoys(stage: Stage) -> dict[str, int]:
    """Those that run: the name of their directory, and their process."""
    found = {}
    for state in (stage.data_dir / "gateway").glob("envoy-*/state.json"):
        if not (state.parent / "exit.json").exists():
            found[state.parent.name] = int(json.loads(state.read_text())["pid"])
    return found
