"""Modelyard on a real PostgreSQL: killed, and its database restarted under load, callers notice nothing."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from examples.demo.stage import Stage, modelyard, until
from tests.postgresql import PASSWORD, Cluster
from tests.worlds import server

from modelyard.client import Client, ClientError, Service, Variant
from modelyard.client.waiting import Patience

pytestmark = pytest.mark.e2e


@pytest.fixture
def stage(postgresql: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with postgresql.database() as url, Stage() as started:
        monkeypatch.setenv("MODELYARD_DATABASE_URL", url)
        started.up()
        yield started


@contextmanager
def called(yard: Client, service: Service) -> Iterator[list[int]]:
    """Requests all the while; how many were answered. The first that fails is raised at the end."""
    answered, ended, failed = [0], threading.Event(), list[Exception]()

    def call() -> None:
        try:
            while not ended.is_set():
                assert yard.predict(service, {"n": answered[0]}) == {"n": answered[0]}
                answered[0] += 1
        except Exception as error:  # noqa: BLE001 - raised where the test is
            failed.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    try:
        yield answered
    finally:
        ended.set()
        caller.join()
    if failed:
        raise failed[0]


def goes_on(answered: list[int]) -> None:
    until(lambda beyond=answered[0] + 20: answered[0] > beyond, 30, "requests to be answered")


def running(yard: Client, service: Service) -> bool:
    try:
        return yard.services.get(service.service_id).status == "running"
    except ClientError:
        return False


def processes_that_tell(secret: str) -> list[str]:
    """Processes of ours with it in their arguments or environment, but for who was started with it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            told = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        if secret.encode() in told[0] or (secret.encode() in told[1] and b"up\0--data-dir" not in told[0]):
            found.append(told[0].replace(b"\0", b" ").decode(errors="replace"))
    return found


def test_a_killed_control_plane_and_a_restarted_database_are_not_noticed(
    stage: Stage, postgresql: Cluster
) -> None:
    with stage.client() as yard:
        service = server.deployed(stage, yard, "echo", server.ECHO)
        before = stage.instances()
        assert processes_that_tell(PASSWORD) == []
        with called(yard, service) as answered:
            goes_on(answered)
            stage.end_control_plane(signal.SIGKILL)
            goes_on(answered)
            stage.up()
            until(lambda: running(yard, service), 60, "the service to run")

            postgresql.stop(signal.SIGQUIT)
            goes_on(answered)
            until(lambda: not running(yard, service), 30, "the API to say that it has no database")
            postgresql.start()
            until(lambda: running(yard, service), 60, "the API to be back")
            goes_on(answered)
        assert stage.instances() == before

        two = yard.services.configure(
            service.service_id, [Variant(model_id=service.config[0].model_id, instance_count=2)]
        )
        yard.services.wait_update(service.service_id, two, patience=Patience(60))
        assert len(stage.instances()) == 2
    assert PASSWORD not in stage.log.read_text()
    assert not (stage.data_dir / "modelyard.db").exists()


def test_another_control_plane_on_the_database_is_refused(stage: Stage, tmp_path: Path) -> None:
    second = subprocess.run(
        modelyard("up", "--data-dir", tmp_path / "other", "--port", 0, "--gateway-port", 0),
        check=False,
        capture_output=True,
        text=True,
    )
    assert second.returncode == 1
    assert "another control plane works on this database" in second.stderr
    assert "Traceback" not in second.stderr
    assert PASSWORD not in second.stderr
    with stage.client() as yard:
        assert yard.health()["status"] == "ok"


def test_down_ends_what_a_killed_server_left_and_needs_to_know_the_database(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, postgresql: Cluster
) -> None:
    stage.end_control_plane(signal.SIGKILL)
    down = modelyard("down", "--data-dir", stage.data_dir)
    with monkeypatch.context() as patched:
        patched.delenv("MODELYARD_DATABASE_URL")
        for command in (down, modelyard("up", "--data-dir", stage.data_dir)):
            refused = subprocess.run(command, check=False, capture_output=True, text=True)
            assert refused.returncode == 1
            assert "set MODELYARD_DATABASE_URL" in refused.stderr
    ended = subprocess.run(down, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    with psycopg.connect(postgresql.url("postgres")) as connection:
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        assert connection.execute(query).fetchone() == (0,)
