"""`modelyard predict` and the asyncio client against a real gateway and model: a picture, a form, a stream."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from examples.demo.stage import Stage, modelyard
from tests.worlds import server

from modelyard.client import AsyncClient, Credentials, Service, Unreachable, Upload

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
SCRIPT = """
import threading

from model_service.model_service import SingleNodeService


class Seeing(SingleNodeService):
    def _inference(self, data):
        if "count" in data:
            return ({"item": n} for n in range(data["count"]))
        if "hang" in data:
            threading.Event().wait(5)
            return {}
        files = data["images"]
        return {"names": sorted(files), "sizes": [len(f.read()) for f in files.values()], "size": data.get("size")}
"""
FORM = {"type": "object", "properties": {"images": {"type": "file"}}}
CONFIG = {
    "model_type": "Custom",
    "runtime": "python3.11",
    "apis": [{"url": "/", "method": "post", "request": {"Content-type": "multipart/form-data", "data": FORM}}],
}


@dataclass
class Seen:
    stage: Stage
    service: Service

    def predict(self, *words: object) -> subprocess.CompletedProcess[str]:
        command = modelyard("predict", "seeing", *words, "--data-dir", self.stage.data_dir)
        return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    package = server.script_package(tmp_path_factory.mktemp("seeing"), SCRIPT, CONFIG)
    with Stage() as stage:
        stage.up()
        with stage.client() as yard:
            yield Seen(stage, server.deployed(stage, yard, "seeing", package))


def test_a_picture_goes_where_the_model_wants_it(seen: Seen, tmp_path: Path) -> None:
    picture = tmp_path / "cat.png"
    picture.write_bytes(b"\x89PNG" + b"x" * 996)
    done = seen.predict("--file", picture, "--field", "size=64")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"names": ["cat.png"], "sizes": [1000], "size": "64"}
    done = seen.predict("--field", f"images=@{picture}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sizes"] == [1000]


def test_a_stream_and_a_limit(seen: Seen) -> None:
    done = seen.predict('{"count": 3}')
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"item": n} for n in range(3)], done.stderr
    late = seen.predict('{"hang": 1}', "--timeout", "0.3")
    assert (late.returncode, "no answer in time" in late.stderr) == (6, True), late.stderr


def test_a_publication_that_fails_names_the_directory_that_is_missing(seen: Seen) -> None:
    command = modelyard("models", "publish", "x", "1.0.0", "/models/nowhere", "--data-dir", seen.stage.data_dir)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "obs://models/nowhere/model" in done.stderr
    assert "`modelyard models show x/1.0.0`" in done.stderr


async def test_the_client_for_asyncio(seen: Seen) -> None:
    async with AsyncClient(Credentials.from_data_dir(seen.stage.data_dir)) as yard:
        service = await yard.services.find("seeing")
        assert (await yard.services.wait(service.service_id)).status == "running"
        answer = await yard.predict(service, files={"images": Upload("a.png", b"123")})
        assert isinstance(answer, dict)
        assert answer["sizes"] == [3]
        async with yard.stream(service, {"count": 2}) as stream:
            assert [json.loads(event.data) async for event in stream.events()] == [{"item": 0}, {"item": 1}]
        with pytest.raises(Unreachable, match="in time"):
            await yard.predict(service, {"hang": 1}, timeout_s=0.3)
