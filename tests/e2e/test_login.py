"""A colleague gets in, by the commands of docs/howto/administer.md, word for word, on a real server."""

import os
import pty
import re
import shlex
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from examples.demo.stage import Stage, modelyard
from tests.worlds import server

from modelyard.client import Credentials

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
PAGE = Path(__file__).parents[2] / "docs" / "howto" / "administer.md"


@dataclass
class Colleague:
    """Somebody on a machine of their own: another home, no data directory, nothing in the environment."""

    home: Path
    host: str

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {**kept, "HOME": str(self.home), **more}

    def run(self, *words: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment(**more)
        return subprocess.run(
            modelyard(*words),
            input=stdin,
            env=environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )

    def at_a_terminal(self, *words: str, answer: str) -> tuple[int, str]:
        """Answer the one question that comes: (exit code, what the screen showed)."""
        command = modelyard(*words)
        pid, screen = pty.fork()
        if pid == 0:
            os.chdir(self.home)
            os.execve(command[0], command, self.environment())
        shown = b""
        asked = False
        while True:
            try:
                piece = os.read(screen, 4096)
            except OSError:  # how a terminal tells its end
                break
            if not piece:
                break
            shown += piece
            if not asked and shown.rstrip().endswith(b":"):
                asked = True
                os.write(screen, answer.encode() + b"\n")
        os.close(screen)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), shown.decode()


def commands(section: str) -> list[list[str]]:
    """The code blocks below a heading, each as its lines."""
    text = PAGE.read_text().split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"(?:^ {4}.*\n)+", text, re.MULTILINE)
    return [[line.strip() for line in block.splitlines()] for block in blocks]


stage = pytest.fixture(server.stage, scope="module")


@pytest.fixture
def ada(stage: Stage, tmp_path: Path) -> Colleague:
    given = Credentials.from_data_dir(stage.data_dir)
    return Colleague(tmp_path, given.auth_url.removeprefix("http://").removesuffix("/v3"))


def words(line: str, host: str) -> list[str]:
    return shlex.split(line.replace("HOST:8470", host), comments=True)[1:]


def test_a_colleague_gets_in_as_the_page_says(stage: Stage, ada: Colleague) -> None:
    admin, theirs, variables = commands("Let somebody in")
    password = ""
    for line in admin:
        done = ada.run(*words(line, ada.host), MODELYARD_DATA_DIR=str(stage.data_dir))
        assert done.returncode == 0, done.stderr
        if found := re.search(r'"password": "([^"]+)"', done.stdout):
            password = found[1]
    login, whoami, services = (words(line, ada.host) for line in theirs)
    code, shown = ada.at_a_terminal(*login, answer=password)
    assert (code, password in shown) == (0, False), shown
    kept = ada.home / ".config/modelyard/profiles/default.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert password not in kept.read_text()
    told = ada.run(*whoami).stdout
    assert all(word in told for word in ("ada", "research", "member", "profile default")), told
    listed = ada.run(*services)
    assert (listed.returncode, "NAME" in listed.stdout) == (0, True), listed.stderr

    exported = dict(pair.split("=", 1) for pair in words(variables[0], ada.host))
    told = ada.run("whoami", **{**exported, "OS_PASSWORD": password}).stdout
    assert "the variables OS_" in told
    assert "research" in told
    wrong = ada.run("status", **{**exported, "OS_PASSWORD": "wrong"})
    assert (wrong.returncode, "control plane" in wrong.stdout) == (5, False), wrong.stderr
    assert "Incorrect username or password" in wrong.stderr
    away = ada.run("status", **{**exported, "OS_PASSWORD": "wrong", "OS_AUTH_URL": "http://127.0.0.1:9/v3"})
    assert (away.returncode, "down" in away.stdout) == (6, True)

    token = httpx.Headers({"X-Auth-Token": re.findall(r'"token": "([^"]+)"', kept.read_text())[0]})
    assert ada.run("logout").returncode == 0
    assert not kept.exists()
    url = f"http://{ada.host}/v3/auth/projects"
    assert httpx.get(url, headers=token).status_code == 401
    after = ada.run("services", "list")
    assert (after.returncode, "modelyard login" in after.stderr) == (6, True)


def test_profiles_side_by_side_and_without_a_terminal(stage: Stage, ada: Colleague) -> None:
    given = Credentials.from_data_dir(stage.data_dir)
    login = ("login", "--url", given.auth_url, "--user", "admin")
    asked = ada.run(*login)
    assert (asked.returncode, "--password-stdin" in asked.stderr) == (2, True)
    wrong = ada.run(*login, "--password-stdin", stdin="wrong\n")
    assert wrong.returncode == 5
    done = ada.run(*login, "--password-stdin", "--profile", "yard", stdin=given.password + "\n")
    assert done.returncode == 0, done.stderr
    assert ada.run("whoami").returncode == 6
    for how in ({"words": ("--profile", "yard")}, {"words": (), "MODELYARD_PROFILE": "yard"}):
        more = {name: value for name, value in how.items() if isinstance(value, str)}
        told = ada.run("whoami", *how["words"], **more)
        assert "profile yard" in told.stdout, told.stderr
    printed = ada.run("env", "--profile", "yard").stdout
    assert "OS_AUTH_TYPE=token" in printed
    exported = dict(line.removeprefix("export ").split("=", 1) for line in printed.splitlines())
    assert ada.run("services", "list", **exported).returncode == 0


def test_a_token_that_was_revoked_says_to_log_in_again(stage: Stage, ada: Colleague) -> None:
    given = Credentials.from_data_dir(stage.data_dir)
    login = ("login", "--url", given.auth_url, "--user", "admin", "--password-stdin")
    assert ada.run(*login, stdin=given.password + "\n").returncode == 0
    kept = ada.home / ".config/modelyard/profiles/default.json"
    token = re.findall(r'"token": "([^"]+)"', kept.read_text())[0]
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    assert httpx.delete(f"{given.auth_url}/auth/tokens", headers=headers).status_code == 204
    told = ada.run("services", "list")
    assert (told.returncode, "`modelyard login` logs in again" in told.stderr) == (5, True), told.stderr


def test_up_says_where_its_page_and_its_credentials_are(stage: Stage) -> None:
    log = stage.log.read_text()
    page = re.findall(r"(http://\S+/docs)", log)[0]
    assert httpx.get(page).status_code == 200
    assert str(stage.data_dir / "credentials.json") in log
