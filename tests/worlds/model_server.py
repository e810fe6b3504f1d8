"""The model server as an engine starts it: a real process, a listening socket handed over open."""

import http.client
import json
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
HEAD = "import os\nfrom model_service.model_service import SingleNodeService\n"


class Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(str(self._path))


class Instance:
    """A running model server on a Unix socket."""

    def __init__(self, home: Path, model_dir: Path, **env: str) -> None:
        self.path = home / "s"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen(128)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "modelyard_runtime"],
            cwd=home,
            env={
                "PYTHONPATH": str(ROOT / "src"),
                "MODELYARD_SOCKET_FD": str(listener.fileno()),
                "MODELYARD_MODEL_DIR": str(model_dir),
                "MODELYARD_MODEL_NAME": "m",
                "MODELYARD_MODEL_VERSION": "1.0.0",
                **env,
            },
            pass_fds=[listener.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        listener.close()

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        connection = Connection(self.path)
        try:
            data = body if isinstance(body, (bytes, type(None))) else json.dumps(body)
            connection.request(method, path, data, headers)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read()), dict(reply.getheaders())
        finally:
            connection.close()

    def health(self) -> tuple[int, Any, dict[str, str]]:
        return self.request("GET", "/health")

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "it never came to be"
            time.sleep(0.005)

    def until_ready(self) -> None:
        self.until(lambda: self.health()[0] == 200)

    def end(self) -> tuple[int, str]:
        log, _ = self.process.communicate(timeout=20)
        return self.process.returncode, log


def package(directory: Path, script: str, **config: Any) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "customize_service.py").write_text(HEAD + textwrap.dedent(script))
    return directory


Start = Callable[..., Instance]


def starting(tmp_path: Path) -> Iterator[Start]:
    """Starts model servers, given a package and more of the environment; ends those that still run."""
    started: list[Instance] = []

    def start(model_dir: Path, **env: str) -> Instance:
        home = tmp_path / f"instance-{len(started)}"
        home.mkdir()
        started.append(Instance(home, model_dir, **env))
        return started[-1]

    yield start
    for instance in started:
        if instance.process.poll() is None:
            instance.process.kill()
            instance.process.communicate()
