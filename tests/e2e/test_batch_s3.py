"""Batch services whose objects are in a real S3 service that checks signatures: every spelling of a source, the
service and a worker killed in the middle, and a secret that is wrong."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from examples.demo.stage import Stage, until
from tests.worlds import server
from tests.worlds.batch_jobs import Job, JobFailedError, Jobs, config, fields, leaf
from tests.worlds.s3 import S3Server

from modelyard.client import ApiError, Client
from modelyard.objects.paths import ObjectPath

pytestmark = pytest.mark.e2e

ROWS = 600
RULE = fields(id=leaf("integer", 0))
COUNTING = """
import time
from model_service.model_service import SingleNodeService

class Counting(SingleNodeService):
    def _inference(self, data):
        time.sleep(0.004)
        return {"id": data["id"]}
"""
SIZES = """
from model_service.model_service import SingleNodeService

class Sizes(SingleNodeService):
    def _inference(self, data):
        ((name, file),) = data["image"].items()
        return {"name": name, "size": len(file.read())}
"""


class Bucket:
    """A bucket of the service, as its administrator sees it."""

    def __init__(self, s3: S3Server) -> None:
        self.name = s3.bucket()
        self._s3 = s3

    def put(self, files: dict[str, bytes]) -> None:
        async def write() -> None:
            for key, content in files.items():
                await self._s3.objects().write(ObjectPath(self.name, key), content)

        asyncio.run(write())

    def content(self, below: str) -> dict[str, bytes]:
        async def read() -> dict[str, bytes]:
            objects, folder = self._s3.objects(), ObjectPath(self.name, below)
            keys = [info.key async for info in objects.list(folder)]
            return {key: b"".join([piece async for piece in objects.read(folder / key)]) for key in keys}

        return asyncio.run(read())

    def signed(self, key: str) -> str:
        url = asyncio.run(self._s3.objects().sign(ObjectPath(self.name, key), "GET", 600))
        assert url
        return url


@pytest.fixture
def stage(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("MODELYARD_S3_ENDPOINT", s3.url)
    monkeypatch.setenv("MODELYARD_S3_ACCESS_KEY", s3.admin.access_key)
    monkeypatch.setenv("MODELYARD_S3_SECRET_KEY", s3.admin.secret_key)
    with Stage() as started:
        started.up()
        yield started


@pytest.fixture
def bucket(s3: S3Server) -> Bucket:
    return Bucket(s3)


def published(yard: Client, bucket: Bucket, home: Path, script: str, declared: dict[str, Any]) -> str:
    package = server.script_package(home / "package", script, declared)
    files = {f"package/{path.relative_to(package)}": path.read_bytes() for path in package.rglob("*.*")}
    bucket.put(files)
    return yard.models.wait(yard.models.publish("m", "1.0.0", f"/{bucket.name}/package", "Custom")).model_id


def test_a_manifest_of_every_spelling(stage: Stage, yard: Client, bucket: Bucket, tmp_path: Path) -> None:
    """Images; a presigned URL of the configured service is asked itself, and is in no row and no log."""
    image = config(fields(image={"type": "file"}), "multipart/form-data")
    model = published(yard, bucket, tmp_path, SIZES, image)
    names = ("one", "two", "three", "four")
    bucket.put({f"images/{name}.png": name.encode() * 10 for name in names})
    signed = bucket.signed("images/three.png")
    sources = [
        f"obs://{bucket.name}/images/one.png",
        f"s3://{bucket.name}/images/two.png",
        signed,
        f"https://{bucket.name}.obs.example.com/images/four.png",
        f"obs://{bucket.name}/images/nothing.png",
    ]
    manifest = "".join(json.dumps({"source": source}) + "\n" for source in sources)
    bucket.put({"all.manifest": manifest.encode()})
    jobs = Jobs(stage, yard)
    path = f"/{bucket.name}/all.manifest"
    job = jobs.run(model, path, src_type="ManifestFile", dest_path=f"/{bucket.name}/out/")
    written = bucket.content("out")
    told = [json.loads(line) for line in written[f"infer-result-{job.task()['task_id']}.manifest"].splitlines()]
    assert [line["result"] for line in told] == ["SUCCESSFUL"] * 4 + ["FAILED"]
    for line, name in zip(told, names, strict=False):
        place = line["inference-loc"].removeprefix(f"obs://{bucket.name}/out/")
        assert json.loads(written[place]) == {"name": f"{name}.png", "size": 10 * len(name)}
    signature = signed.partition("Signature=")[2].partition("&")[0]
    assert signature
    kept = b"".join(path.read_bytes() for path in stage.root.rglob("*") if path.is_file())
    assert signature.encode() not in kept


def test_the_service_and_a_worker_killed_in_the_middle(
    stage: Stage, s3: S3Server, yard: Client, bucket: Bucket, tmp_path: Path
) -> None:
    """It waits, says for what, and no row is lost or doubled."""
    model = published(yard, bucket, tmp_path, COUNTING, config(fields(id={"type": "integer"})))
    bucket.put({"in/a.csv": "".join(f"{n}\n" for n in range(ROWS)).encode()})
    jobs = Jobs(stage, yard)
    job = jobs.create(model, f"/{bucket.name}/in/", RULE, dest_path=f"/{bucket.name}/out/")
    job.until(lambda task: task.get("rows_done", 0) > 0, "some rows")
    s3.kill()
    for pid in stage.instances().values():
        os.kill(pid, signal.SIGKILL)
    job.until(lambda task: "object store" in task.get("waiting", ""), "it to wait")
    time.sleep(1)
    s3.running()
    job.rest()
    written = bucket.content("out")
    lines = [json.loads(line) for line in written["infer-result/a.csv_result.txt"].splitlines()]
    assert lines == [{"id": n} for n in range(ROWS)]
    assert sorted(written) == [
        f"infer-result-{job.task()['task_id']}.manifest",
        "infer-result/a.csv_result.txt",
    ]
    until(lambda: not stage.instances(), 30, "the workers to be gone")


def test_a_wrong_secret_is_a_clear_failure(
    stage: Stage, s3: S3Server, yard: Client, bucket: Bucket, tmp_path: Path
) -> None:
    """Of the destination's bucket alone, which has keys of its own."""
    model = published(yard, bucket, tmp_path, COUNTING, config(fields(id={"type": "integer"})))
    bucket.put({"in/a.csv": b"1\n"})
    other = Bucket(s3)
    wrong = {"endpoint": s3.url, "access_key": s3.admin.access_key, "secret_key": "not-the-secret"}
    yard.admin.claim_bucket(other.name, "local", **wrong)
    jobs = Jobs(stage, yard)
    with pytest.raises((JobFailedError, ApiError), match="refused our credentials"):
        failed: Job = jobs.create(model, f"/{bucket.name}/in/", RULE, dest_path=f"/{other.name}/out/")
        failed.rest()
