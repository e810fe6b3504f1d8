"""A whole server over a real S3 service: publishing from there, through kills of both, and a wrong secret."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.demo.stage import Stage, until
from tests.worlds.s3 import S3Server
from tests.worlds.server import ECHO

from modelyard.objects.paths import ObjectPath

pytestmark = pytest.mark.e2e

WEIGHTS = 300_000_000


@pytest.fixture
def stage(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("MODELYARD_S3_ENDPOINT", s3.url)
    monkeypatch.setenv("MODELYARD_S3_ACCESS_KEY", s3.admin.access_key)
    monkeypatch.setenv("MODELYARD_S3_SECRET_KEY", s3.admin.secret_key)
    with Stage() as started:
        started.up()
        yield started


def put(s3: S3Server, package: Path, weights: int = 0) -> str:
    """The package in a new bucket of the service; its location."""
    bucket = ObjectPath(s3.bucket(), "echo")

    async def write() -> None:
        for path in package.rglob("*"):
            if path.is_file():
                await s3.objects().write(bucket / str(path.relative_to(package)), path.read_bytes())
        if weights:
            await s3.objects().write(bucket / "model/weights.bin", os.urandom(1000) * (weights // 1000))

    asyncio.run(write())
    return str(bucket)


def test_a_download_that_both_ends_are_killed_in(stage: Stage, s3: S3Server) -> None:
    location = put(s3, ECHO, WEIGHTS)
    with stage.client() as yard:
        model_id = yard.models.publish("echo", "1.0.0", location, "Custom")
    copied = stage.data_dir / f"packages/.partial-{model_id}/model/weights.bin"
    until(lambda: copied.exists() and copied.stat().st_size > 1_000_000, 60, "the download to begin")
    stage.end_control_plane(signal.SIGKILL)
    there = copied.stat()
    assert there.st_size < WEIGHTS
    s3.kill()
    stage.up()
    with stage.client() as yard:
        until(lambda: "waiting for the object store" in stage.last_words(), 60, "the outage")
        assert copied.stat().st_size >= there.st_size
        assert copied.stat().st_ino == there.st_ino, "it is the same file still"
        s3.running()
        yard.models.wait(model_id)
    (snapshot,) = (path for path in (stage.data_dir / "packages").iterdir() if not path.name.startswith("."))
    assert (snapshot / "model/weights.bin").stat().st_ino == there.st_ino
    with (snapshot / "model/weights.bin").open("rb") as file:
        first = file.read(1000)
        assert all(piece == first for piece in iter(lambda: file.read(1000), b""))


def test_a_wrong_secret_is_told_at_once(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_S3_ENDPOINT", s3.url)
    monkeypatch.setenv("MODELYARD_S3_ACCESS_KEY", s3.admin.access_key)
    monkeypatch.setenv("MODELYARD_S3_SECRET_KEY", "not-the-secret")
    location = put(s3, ECHO)
    with Stage() as stage:
        stage.up()
        with stage.client() as yard:
            model_id = yard.models.publish("echo", "1.0.0", location, "Custom")
            until(lambda: yard.models.get(model_id).model_status == "failed", 20, "the refusal")
            assert f"{s3.url} refused our credentials (SignatureDoesNotMatch)" in str(yard.models.get(model_id))
            # this bucket is at the same service, under keys that are right
            bucket = location.removeprefix("obs://").partition("/")[0]
            where = {"endpoint": s3.url, "access_key": s3.admin.access_key, "secret_key": s3.admin.secret_key}
            yard.admin.claim_bucket(bucket, "local", **where)
            again = yard.models.publish("echo", "1.0.0", location, "Custom")
            until(lambda: yard.models.get(again).model_status == "published", 30, "the right keys to hold")
        written = b"".join(path.read_bytes() for path in stage.root.rglob("*") if path.is_file())
        assert b"not-the-secret" not in written
        assert s3.admin.secret_key.encode() not in written
