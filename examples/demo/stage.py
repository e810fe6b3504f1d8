"""A Modelyard in a temporary directory: start it, kill parts of it, and leave nothing behind."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from modelyard.client import Client, ClientError, Credentials

BUCKET = "models"


class Stage:
    """One data directory and whatever runs on it. A context manager; leaving it ends and removes everything."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="modelyard-demo-"))
        self.data_dir = self.root / "data"
        self.log = self.root / "control.log"
        self.ports = free_ports(2)
        self.program = Path(modelyard()[0])
        """The command that starts and ends it."""
        self._control: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.down()
        finally:
            if self._control is not None and self._control.poll() is None:
                self._control.kill()
                self._control.wait()
            shutil.rmtree(self.root, ignore_errors=True)

    def up(self) -> None:
        """Start the control plane and wait until it answers."""
        port, gateway_port = self.ports
        with self.log.open("ab") as log:
            self._control = subprocess.Popen(
                self._modelyard("up", "--port", port, "--gateway-port", gateway_port),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        control = self._control

        def answers() -> bool:
            if control.poll() is not None:
                raise RuntimeError(f"modelyard up ended with status {control.returncode}:\n{self.last_words()}")
            try:
                with self.client() as yard:
                    return bool(yard.health())
            except ClientError:
                return False

        until(answers, 60, "the control plane to answer")

    def down(self) -> None:
        """Stop everything of the data directory."""
        subprocess.run(self._modelyard("down"), check=False, capture_output=True, timeout=60)
        if self._control is not None:
            self._control.wait(timeout=30)

    def end_control_plane(self, how: signal.Signals) -> int:
        """Send a signal to the control plane and wait for its end; its exit status."""
        assert self._control is not None
        self._control.send_signal(how)
        return self._control.wait(timeout=60)

    def client(self) -> Client:
        return Client(Credentials.from_data_dir(self.data_dir))

    def put_object(self, name: str, source: Path) -> str:
        """Copy a directory into the object store; its object path."""
        shutil.copytree(source, self.data_dir / "objects" / BUCKET / name, dirs_exist_ok=True)
        return f"/{BUCKET}/{name}"

    def instances(self) -> dict[str, int]:
        """The instances that are able to serve: id and pid of the model server's process."""
        found = {}
        for state in (self.data_dir / "instances").glob("*/state.json"):
            home = state.parent
            if (home / "ready").exists() and not (home / "exit.json").exists():
                pid = json.loads(state.read_text())["pid"]
                if alive(pid):
                    found[home.name] = pid
        return found

    def _modelyard(self, command: str, *options: object) -> list[str]:
        return [str(self.program), command, "--data-dir", str(self.data_dir), *map(str, options)]

    def last_words(self, lines: int = 20) -> str:
        """The end of the control plane's log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""


def modelyard(*arguments: object) -> list[str]:
    """The command line of `modelyard` in this interpreter's environment."""
    return [str(Path(sys.executable).with_name("modelyard")), *map(str, arguments)]


def until(holds: Callable[[], object], timeout_s: float, what: str) -> None:
    """Return as soon as `holds`; TimeoutError names `what` was waited for."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:.0f} s for {what}")
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()
