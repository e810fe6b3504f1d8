"""A command line whose server is a fake, for tests that go over all commands."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.unit.cli.every import Server

from modelyard.cli import app, profiles
from modelyard.client import Client, Credentials

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `modelyard` with these words: (exit code, standard output, standard error)."""

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["modelyard", *words])
        with pytest.raises(SystemExit) as ended:
            app.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call


@pytest.fixture
def run(server: Server, program: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command as somebody who is logged in."""
    for name in ("OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD", "MODELYARD_DATA_DIR", "MODELYARD_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.chdir(tmp_path)
    kept = profiles.Profile(auth_url="http://yard.test/v3", username="ada", token="t", project_id="p1")
    profiles.save("default", kept)

    def make(given: Credentials) -> Client:
        return Client(given, transport=httpx.MockTransport(server), sleep=lambda _: None)

    for module in ("context", "server", "login"):
        monkeypatch.setattr(f"modelyard.cli.{module}.make_client", make)
    return program
