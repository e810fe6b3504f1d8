"""Another thing in the place of each file and directory of a data directory: `up` makes it anew, or names it with
what to do; it never waits for a pipe, follows a link somewhere else, or says an error of the system's alone."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from examples.demo.stage import modelyard, until

pytestmark = pytest.mark.e2e


def pipe(path: Path) -> None:
    os.mkfifo(path)


def directory(path: Path) -> None:
    path.mkdir()
    (path / "within").touch()


def link(path: Path) -> None:
    path.symlink_to("nowhere")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def file(path: Path) -> None:
    path.write_text("x")


Lay = Callable[[Path], None]
THINGS: list[Lay] = [directory, pipe, link, loop]
INSTEAD_OF_DIRECTORIES: list[Lay] = [file, pipe, link]
FILES_MADE_ANEW = [
    "control.json",
    "clock.json",
    "reserve",
    "gateway/bootstrap.json",
    "gateway/xds.sock",
    "gateway/admin.sock",
    "gateway/envoy-1",
    "instances/stranger",
    "ports/keeper-1",
]
DIRECTORIES_MADE_ANEW = ["gateway", "instances", "ports", "trial", "packages", "environments"]
NAMED: dict[str, list[Lay]] = {
    "format": [directory, pipe],
    "control.lock": [directory, loop],
    "credentials.json": [loop, link],
    "keys/token.pem": [pipe, loop],
    "keys/store.key": [directory, link],
    "modelyard.db": [directory, link],
    "modelyard.db-wal": [directory, link],
    "modelyard.db-shm": [pipe, loop],
    "keys": [file, link],
    "objects": [file, link],
}
ADVICE = re.compile(r"restore it|move it away|remove it|write the number|move the data directory away")


class Server:
    """`modelyard up` on a data directory, with ports of its own choice."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.log = data_dir.with_name(f"{data_dir.name}.log")

    def up(self) -> str:
        """Start and end it; what it said."""
        command = modelyard("up", "--data-dir", self.data_dir, "--port", "0", "--gateway-port", "0")
        with self.log.open("wb") as log, subprocess.Popen(command, stderr=log) as process:
            until(lambda: process.poll() is not None or "ready: API" in self.log.read_text(), 60, "an answer")
            process.send_signal(signal.SIGINT)
            process.wait(30)
        return self.log.read_text()

    def down(self) -> "subprocess.CompletedProcess[str]":
        command = modelyard("down", "--data-dir", self.data_dir)
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a server that has ended."""
    data_dir = tmp_path_factory.mktemp("ended") / "data"
    assert "ready: API" in Server(data_dir).up()
    (data_dir / "control.json").unlink()  # or all of them would want one port for the gateway
    return data_dir


@pytest.fixture
def server(ended: Path, tmp_path: Path) -> Iterator[Server]:
    subprocess.run(["cp", "-a", ended, tmp_path / "data"], check=True)
    made = Server(tmp_path / "data")
    yield made
    if (made.data_dir / "ports").is_dir() and list((made.data_dir / "ports").iterdir()):
        made.down()


def put(path: Path, lay: Lay) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()
    path.parent.mkdir(exist_ok=True)
    lay(path)


@pytest.mark.parametrize(
    ("names", "lay"),
    [
        *((FILES_MADE_ANEW, lay) for lay in THINGS),
        *((DIRECTORIES_MADE_ANEW, lay) for lay in INSTEAD_OF_DIRECTORIES),
    ],
)
def test_what_can_be_made_anew_is(server: Server, names: list[str], lay: Lay) -> None:
    for name in names:
        put(server.data_dir / name, lay)
    said = server.up()
    assert "ready: API" in said
    assert "Traceback" not in said
    assert not list(server.data_dir.glob("**/nowhere"))
    for name in ("control.json", "clock.json", "gateway/bootstrap.json"):
        assert stat_is_file(server.data_dir / name), name
    assert server.down().returncode == 0


def stat_is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


@pytest.mark.parametrize(("name", "lay"), [(name, lay) for name, things in NAMED.items() for lay in things])
def test_what_nothing_could_bring_back_is_named_and_left(server: Server, name: str, lay: Lay) -> None:
    path = server.data_dir / name
    put(path, lay)
    before = path.lstat()
    said, down = server.up(), server.down()
    for text in (said, down.stderr):
        assert "Traceback" not in text
    (line,) = [line for line in said.splitlines() if line.startswith("modelyard: ")]
    assert path.name in line
    assert ADVICE.search(line), line
    assert path.lstat().st_ino == before.st_ino
    assert not list(server.data_dir.glob("**/nowhere"))
