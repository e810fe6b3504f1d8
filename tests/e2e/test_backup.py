"""A backup of a server under load, restored elsewhere: its services run there, its tokens and keys are good."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from examples.demo.stage import Stage, modelyard, until
from tests.postgresql import Cluster
from tests.worlds import server
from tests.worlds.batch_jobs import BUCKET, Job, config

from modelyard.client import ApiError, Client, Credentials, Service

pytestmark = pytest.mark.e2e

SLOW = """
import os, time
from model_service.python_model_service import SingleNodeService
class Slow(SingleNodeService):
    def _inference(self, data):
        time.sleep(0.05)
        return {"n": data["n"], "of": os.environ["SECRET"]}
"""
ROWS = 300


@contextmanager
def meanwhile(*acts: Callable[[int], object]) -> Iterator[list[int]]:
    """Each again and again, side by side; how often. The first that fails is raised at the end."""
    counts, over, failed = [0] * len(acts), threading.Event(), list[Exception]()

    def repeat(number: int) -> None:
        try:
            while not over.is_set():
                acts[number](counts[number])
                counts[number] += 1
        except Exception as error:  # noqa: BLE001 - raised where the test is
            failed.append(error)

    threads = [threading.Thread(target=repeat, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    try:
        yield counts
    finally:
        over.set()
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]


def ran(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(modelyard(*arguments), capture_output=True, text=True, check=False, timeout=120)


def batch(stage: Stage, yard: Client, directory: Path) -> Job:
    package = server.script_package(
        directory, "from model_service.python_model_service import *\n" + SLOW, config()
    )
    model_id = server.published(stage, yard, "slow", package)
    source = stage.data_dir / "objects" / BUCKET / "in"
    source.mkdir(parents=True)
    (source / "rows.csv").write_text("".join(f"{n}\n" for n in range(ROWS)))
    rule = {"type": "object", "properties": {"n": {"type": "integer", "index": 0}}}
    job = {
        **{"model_id": model_id, "specification": "modelarts.vm.cpu.2u", "instance_count": 1, "req_uri": "/"},
        **{"src_path": f"obs://{BUCKET}/in/", "dest_path": f"obs://{BUCKET}/out/", "mapping_type": "csv"},
        **{"mapping_rule": rule, "envs": {"SECRET": "sealed"}},
    }
    return Job(yard, yard.batch.create("rows", job), stage.data_dir / "objects" / BUCKET / "out")


def test_restored_elsewhere_it_goes_on(stage: Stage, yard: Client, tmp_path: Path) -> None:
    echo = server.deployed(stage, yard, "echo", server.ECHO, envs={"KEY": "sealed"})
    token = yard.session.login().token
    job = batch(stage, yard, tmp_path / "slow")
    job.until(lambda task: task.get("rows_done", 0) > 0, "rows to be done")
    made: list[Path] = []

    def publish(count: int) -> None:
        location = stage.put_object(f"echo-{count}", server.ECHO)
        yard.models.wait(yard.models.publish("more", f"1.{count // 100}.{count % 100}", location, "Custom"))

    def write(count: int) -> None:
        with stage.client() as mine:
            mine.objects.write("written", f"{count % 50}/{count}", b"x" * count)
            if count > 20:
                mine.objects.delete("written", f"{(count - 20) % 50}/{count - 20}")

    def call(count: int) -> None:
        assert yard.predict(echo, {"n": count}) == {"n": count}

    with meanwhile(call, publish, write) as counts:
        for number in range(2):
            made.append(tmp_path / f"{number}.backup")
            taken = ran("backup", made[-1], "--data-dir", stage.data_dir)
            assert taken.returncode == 0, taken.stderr
        until(lambda: min(counts) > 2, 60, "some of everything")
    assert ran("backup", "--check", made[0]).returncode == 0
    job.rest()
    assert len(job.lines("rows.csv")) == ROWS

    with Stage() as other:
        restored = ran("restore", made[1], "--data-dir", other.data_dir)
        assert restored.returncode == 0, restored.stderr
        told = ran("status", "--data-dir", other.data_dir)
        assert "start it once" in told.stderr  # and is not about the server that it is a copy of
        other.up()
        with other.client() as there:
            service = there.services.wait(echo.service_id)
            _goes_on(there, service, echo, token, other)
            again = Job(there, job.service_id, other.data_dir / "objects" / BUCKET / "out").rest()
            assert [one["n"] for one in again.lines("rows.csv")] == list(range(ROWS))
            assert {one["of"] for one in again.lines("rows.csv")} == {"sealed"}
            for model in there.models.list():
                if model.model_status == "publishing":
                    there.models.wait(model.model_id)
            written = {each.key: each.size for each in there.objects.list("written")}
            assert all(size == int(key.partition("/")[2]) for key, size in written.items())
        shown = ran("admin", "audit", "--data-dir", other.data_dir, "--json").stdout
        assert "modelyard restore" in shown
        assert "modelyard backup" in shown


def _goes_on(there: Client, service: Service, echo: Service, token: str, other: Stage) -> None:
    """With its name, id and path at other ports, for a token that the other one issued, and its access key."""
    assert (service.service_name, service.service_id) == (echo.service_name, echo.service_id)
    assert httpx.URL(service.access_address).path == httpx.URL(echo.access_address).path
    assert httpx.URL(service.access_address).port == other.ports[1]

    def answered() -> bool:
        """Its row says running from the start, as after a reboot: its instances are on their way."""
        answer = httpx.post(service.access_address, json={"n": 7}, headers={"X-Auth-Token": token}, timeout=30)
        assert answer.status_code in {200, 503}, answer.text
        return answer.status_code == 200 and answer.json() == {"n": 7}

    until(answered, 60, "the service to answer")
    given = Credentials.from_data_dir(other.data_dir)
    shown = httpx.get(
        f"{given.auth_url.removesuffix('/v3')}/v1/{given.project_id}/services/{service.service_id}",
        headers={"X-Auth-Token": token},
        timeout=30,
    )
    assert shown.status_code == 200


def test_a_damaged_one_is_refused_whole(stage: Stage, tmp_path: Path) -> None:
    made = tmp_path / "a.backup"
    assert ran("backup", made, "--data-dir", stage.data_dir).returncode == 0
    content = bytearray(made.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "damaged").write_bytes(content)
    (tmp_path / "cut").write_bytes(content[:-1000])
    for name in ("damaged", "cut"):
        for arguments in (("backup", "--check"), ("restore", "--data-dir", tmp_path / "other")):
            refused = ran(*arguments, tmp_path / name)
            assert (refused.returncode, refused.stdout) == (3, "")
            assert f"{name} is refused" in refused.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.backup", "cut", "damaged"]


def test_from_a_pipe_into_a_pipe_under_a_passphrase(stage: Stage, tmp_path: Path) -> None:
    """Also while no control plane runs."""
    stage.down()
    (tmp_path / "words").write_text("correct horse battery\n")
    command = modelyard("backup", "-", "--data-dir", stage.data_dir, "--passphrase-file", tmp_path / "words")
    piped = subprocess.run(command, capture_output=True, check=True, timeout=60)
    (tmp_path / "a.backup").write_bytes(piped.stdout)
    told = ran("backup", "--check", tmp_path / "a.backup", "--json", "--passphrase-file", tmp_path / "words")
    assert json.loads(told.stdout)["bytes"] == len(piped.stdout)
    assert json.loads((stage.data_dir / "backup.json").read_text())["bytes"] == len(piped.stdout)


def test_killed_in_the_middle_it_leaves_no_file(stage: Stage, tmp_path: Path) -> None:
    big = stage.data_dir / "objects" / "big"
    big.mkdir()
    with (big / "zeros").open("wb") as file:
        file.truncate(3 << 30)
    target = tmp_path / "a.backup"
    for signal_name in ("terminate", "kill"):
        process = subprocess.Popen(modelyard("backup", target, "--data-dir", stage.data_dir))
        until(lambda: list(tmp_path.glob(".a.backup.partial-*/backup")), 60, "it to begin")
        getattr(process, signal_name)()
        process.wait(timeout=30)
        assert not target.exists()
        assert bool(list(tmp_path.iterdir())) == (signal_name == "kill")
    (big / "zeros").unlink()
    assert ran("backup", target, "--data-dir", stage.data_dir).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.backup"]


def test_moved_to_postgresql_and_back(
    stage: Stage, yard: Client, tmp_path: Path, postgresql: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    echo = server.deployed(stage, yard, "echo", server.ECHO, envs={"KEY": "sealed"})
    assert ran("backup", tmp_path / "a", "--data-dir", stage.data_dir).returncode == 0
    stage.down()
    with postgresql.database() as url, Stage() as there, Stage() as back:
        with monkeypatch.context() as given:
            given.setenv("MODELYARD_DATABASE_URL", url)
            assert ran("restore", tmp_path / "a", "--data-dir", there.data_dir).returncode == 0
            _answers(there, echo)
            assert ran("backup", tmp_path / "b", "--data-dir", there.data_dir).returncode == 0
            there.down()
        refused = ran("backup", tmp_path / "c", "--data-dir", there.data_dir)
        assert (refused.returncode, "set MODELYARD_DATABASE_URL" in refused.stderr) == (3, True)
        assert ran("restore", tmp_path / "b", "--data-dir", back.data_dir).returncode == 0
        _answers(back, echo)


def _answers(stage: Stage, echo: Service) -> None:
    stage.up()
    with stage.client() as yard:
        until(lambda: _answers_now(yard, echo), 60, "the restored service to answer")


def _answers_now(yard: Client, echo: Service) -> bool:
    """Not as long as its instances, which are new, are not ready."""
    try:
        answer = yard.predict(yard.services.wait(echo.service_id), {"n": 1})
    except ApiError as error:
        assert error.code == "ModelArts.4302"
        return False
    assert answer == {"n": 1}
    return True
