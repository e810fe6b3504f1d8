"""Uploads to a whole server: from another machine, through a kill of the control plane, in bounded memory, and in
nobody's way."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from examples.demo.stage import Stage, modelyard
from tests.worlds import server
from tests.worlds.server import ECHO

from modelyard.client import ApiError, Client, Credentials, Variant
from modelyard.client.files import digest_of

pytestmark = pytest.mark.e2e
MIB = 1024 * 1024

stage = pytest.fixture(server.stage, scope="module")
yard = pytest.fixture(server.yard, scope="module")


@pytest.fixture
def elsewhere(stage: Stage, tmp_path: Path) -> dict[str, str]:
    """The environment of another machine: it knows where the server is and who calls, nothing of its files."""
    known = Credentials.from_data_dir(stage.data_dir)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    return {
        **kept,
        "HOME": str(tmp_path),
        "OS_AUTH_URL": known.auth_url,
        "OS_USERNAME": known.username,
        "OS_PASSWORD": known.password,
        "OS_PROJECT_NAME": known.project_name,
    }


def ran(env: dict[str, str], directory: Path, *words: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        modelyard(*words), env=env, cwd=directory, capture_output=True, text=True, check=False, timeout=120
    )


def test_another_machine_publishes_a_directory_and_serves_it(
    stage: Stage, yard: Client, elsewhere: dict[str, str], tmp_path: Path
) -> None:
    subprocess.run(["cp", "-r", ECHO, tmp_path / "echo"], check=True)
    (tmp_path / "echo" / "model" / "words.txt").write_text("größer")
    done = ran(elsewhere, tmp_path, "models", "publish", "./echo", "--description", "from elsewhere")
    assert done.returncode == 0, done.stderr
    assert "uploaded 3 files" in done.stderr
    model = yard.models.find("echo/1.0.0")
    assert model.model_status == "published"
    service = yard.services.wait(yard.services.create("echo", [Variant(model_id=model.model_id)]))
    assert yard.predict(service, {"a": 1}) == {"a": 1}
    again = ran(elsewhere, tmp_path, "models", "publish", "./echo", "--no-wait")
    assert again.returncode == 0, again.stderr
    assert yard.models.wait(yard.models.find("echo/1.0.1").model_id).model_status == "published"
    bucket = model.source_location.removeprefix("obs://").partition("/")[0]
    listed = ran(elsewhere, tmp_path, "objects", "ls", "-r", f"obs://{bucket}")
    assert listed.stdout.count("model/words.txt") == 2
    assert ran(elsewhere, tmp_path, "objects", "cp", "-r", model.source_location, "back").returncode == 0
    assert (tmp_path / "back" / "model" / "words.txt").read_text() == "größer"


def test_an_upload_survives_a_kill_of_the_control_plane(stage: Stage, yard: Client, tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(os.urandom(40 * MIB))
    seen: list[int] = []
    restarted: list[threading.Thread] = []

    def told(done: int) -> None:
        seen.append(done)
        if done > 20 * MIB and not restarted:
            stage.end_control_plane(signal.SIGKILL)
            restarted.append(threading.Thread(target=stage.up))
            restarted[0].start()

    made = yard.objects.upload("cut", "weights", file, progress=told)
    restarted[0].join(60)
    assert (made.size, made.digest) == (40 * MIB, digest_of(file))
    assert yard.objects.download("cut", "weights", tmp_path / "back") == 40 * MIB
    assert digest_of(tmp_path / "back") == made.digest
    fell = [(before, after) for before, after in pairwise(seen) if after < before]
    assert fell, "nothing broke off"
    assert all(after > 0 for _, after in fell), f"it began anew: {fell}"
    assert not list((stage.data_dir / "uploads").rglob("content"))


def test_a_large_upload_and_download_take_little_memory(stage: Stage, yard: Client, tmp_path: Path) -> None:
    file = tmp_path / "large"
    with file.open("wb") as sparse:
        sparse.truncate(300 * MIB)
    assert stage._control is not None
    process = Path(f"/proc/{stage._control.pid}")
    yard.objects.write("memory", "small", b"x")
    (process / "clear_refs").write_text("5")  # the peak begins here
    before = peak(process)
    yard.objects.upload("memory", "in-parts", file)
    headers = {"X-Auth-Token": yard.session.token(), "Content-Length": str(file.stat().st_size)}

    def pieces() -> Iterator[bytes]:
        with file.open("rb") as opened:
            while piece := opened.read(MIB):
                yield piece

    whole = yard.session.url("/objects/memory/whole")
    httpx.put(whole, content=pieces(), headers=headers, timeout=60).raise_for_status()
    assert yard.objects.download("memory", "whole", tmp_path / "back") == 300 * MIB
    grown = peak(process) - before
    assert grown < 64 * MIB, f"{grown / MIB:.0f} MiB more"
    assert digest_of(tmp_path / "back") == digest_of(file)
    for key in ("in-parts", "whole"):
        yard.objects.delete("memory", key)


def peak(process: Path) -> int:
    """The most memory that it had, in bytes."""
    (line,) = [one for one in (process / "status").read_text().splitlines() if one.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def test_slow_uploads_are_in_nobodys_way(stage: Stage, yard: Client) -> None:
    url, token = urlsplit(yard.session.url("/objects/slow")), yard.session.token()
    yard.objects.make_bucket("slow")
    connections = []
    try:
        for number in range(20):
            connection = socket.create_connection((url.hostname or "", url.port or 0))
            head = f"PUT {url.path}/{number} HTTP/1.1\r\nHost: y\r\nX-Auth-Token: {token}\r\n"
            connection.sendall(f"{head}Content-Length: 1000000\r\n\r\nx".encode())
            connections.append(connection)
        longest = 0.0
        for number in range(20):
            begun = time.monotonic()
            with pytest.raises(ApiError) as refused:
                yard.services.put("no-such-service", description=str(number))
            assert refused.value.status == 404
            longest = max(longest, time.monotonic() - begun)
        assert longest < 2, f"{longest:.1f} s"
        with stage.client() as impatient, pytest.raises(ApiError, match="on their way") as busy:
            impatient.session._sleep = lambda _: None
            impatient.objects.write("slow", "x", b"x")
        assert busy.value.status == 503
    finally:
        for connection in connections:
            connection.close()
    yard.objects.write("slow", "x", b"x")  # whoever went away is in the way no more
    assert [one.key for one in yard.objects.list("slow")] == ["x"]
