"""A real Docker engine for tests: one per session, in its own network namespace, with its own data and socket.

Its images are made of the Python that runs the tests and what that needs of the system; no registry is asked. Its
programs are those of the Debian packages (`make test` installs them where it may); where there are none, or nobody
but root may run them, tests that need it skip and say so.
"""

import contextlib
import ctypes
import io
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from modelyard_runtime.door.docker import AwayError, Docker

PROGRAMS = ("dockerd", "containerd", "runc", "docker-init", "iptables", "ip", "nsenter")
PACKAGES = "docker.io containerd runc tini iptables iproute2"
_SET_PDEATHSIG = 1
STARTS_WITHIN_S = 60.0
LEFT_OUT = frozenset(
    {
        "test",
        "site-packages",
        "idlelib",
        "tkinter",
        "lib2to3",
        "ensurepip",
        "pydoc_data",
        "turtledemo",
        "__pycache__",
    }
)
PASSWD = b"root:x:0:0::/:/bin/sh\nmodel:x:1000:1000::/app:/bin/sh\n"
SERVER = Path(__file__).parent / "worlds" / "engine_stub.py"
IMAGE = "stub:1"


class DockerServer:
    """One engine, which can be killed and started; `live_restore`: its containers outlive it."""

    def __init__(self, folder: Path, namespace: str) -> None:
        self.folder = folder
        self.socket = folder / "d.sock"
        self.log = folder / "log"
        self.namespace = namespace
        self._server: subprocess.Popen[bytes] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self.live_restore = True
        self._came = False

    @property
    def docker(self) -> Docker:
        return Docker(str(self.socket))

    def start(self) -> None:
        if self._server is not None:
            return
        if self._keeper is None:
            self._keeper = self._run("containerd", address="c.sock", root="containerd", state="state")
        options = {"data-root": "data", "exec-root": "exec", "pidfile": "pid", "containerd": "c.sock"}
        more = (f"--live-restore={str(self.live_restore).lower()}", "--shutdown-timeout=1")
        self._server = self._run("dockerd", f"--host=unix://{self.socket}", *more, **options)
        deadline = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                self.docker.ask("GET", "/info")
            except AwayError:
                assert self._server.poll() is None, self.log.read_text()[-4000:]
                assert time.monotonic() < deadline, self.log.read_text()[-4000:]
                time.sleep(0.05)
            else:
                self._came = True
                return

    def _run(self, program: str, *options: str, **places: str) -> subprocess.Popen[bytes]:
        """`places`: options that are paths below our folder."""
        within = [f"--{name}={self.folder / place}" for name, place in places.items()]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.namespace}", program, *options, *within],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_ends_with_us,  # noqa: PLW1509 - one call of libc
            )

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """The engine alone: containerd and what keeps the containers stay."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(30)
            self._server = None

    def end(self) -> None:
        """Everything of it."""
        if self._came:
            self._remove_all()
        self.kill(signal.SIGTERM)
        if self._keeper is not None:
            self._keeper.kill()
            self._keeper.wait(30)
        for pid in _of(str(self.folder)):
            os.kill(pid, signal.SIGKILL)

    def _remove_all(self) -> None:
        self.start()
        listed = self.docker.ask("GET", "/containers/json", query={"all": "1"}).json()
        assert isinstance(listed, list)
        for container in listed:
            self.docker.ask("DELETE", f"/containers/{container['Id']}", query={"force": "1", "v": "1"}, limit_s=30)

    def make_image(self, name: str, script: Path, *, changes: Sequence[str] = ()) -> str:
        """An image that runs `script` with Python; its id."""
        config = [f'CMD ["python", "-I", "-S", "/app/{script.name}"]', "WORKDIR /app", *changes]
        options = [part for change in config for part in ("--change", change)]
        made = subprocess.run(
            ["docker", "--host", f"unix://{self.socket}", "import", *options, "-", name],
            input=rootfs({f"app/{script.name}": script.read_bytes()}),
            check=True,
            capture_output=True,
        )
        return made.stdout.decode().strip()


def rootfs(more: dict[str, bytes]) -> bytes:
    """A tar of the smallest system that runs Python and a shell."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", dereference=True) as tar:
        python = Path(sys.executable).resolve()
        shell = Path("/bin/sh").resolve()
        tools = [Path(found).resolve() for tool in ("sleep", "cat", "test") if (found := shutil.which(tool))]
        stdlib = Path(sysconfig.get_path("stdlib"))
        modules = list((stdlib / "lib-dynload").glob("*.so"))
        for path in {python, shell, *tools, *_libraries([python, shell, *tools, *modules])}:
            tar.add(path, str(path).lstrip("/"))
        tar.add(stdlib, str(stdlib).lstrip("/"), filter=_wanted)
        for link, target in (("bin/sh", shell), ("bin/python", python)):
            if str(target) != f"/{link}":
                tar.addfile(_link(link, str(target)))
        for tool in tools:
            if not str(tool).startswith("/bin/"):
                tar.addfile(_link(f"bin/{tool.name}", str(tool)))
        for folder, mode in (("tmp", 0o1777), ("app", 0o777)):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, mode
            tar.addfile(info)
        for name, content in ({"etc/passwd": PASSWD} | more).items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o644
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _wanted(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = Path(info.name).parts
    return None if LEFT_OUT & set(parts) or any(part.startswith("config-") for part in parts) else info


def _link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


def _libraries(programs: Sequence[Path]) -> set[Path]:
    """What they are linked with, by the names they look for."""
    said = subprocess.run(["ldd", *map(str, programs)], check=False, capture_output=True, text=True).stdout
    words = {word for line in said.splitlines() for word in line.split() if word.startswith("/")}
    return {path for path in map(Path, words) if path.is_file()}


@contextmanager
def docker_server() -> Iterator[DockerServer]:
    """Skips where none can be had."""
    lacking = [program for program in (*PROGRAMS, "docker") if shutil.which(program) is None]
    if lacking:
        pytest.skip(f"no Docker engine here: {', '.join(lacking)} lacking (Debian: apt-get install {PACKAGES})")
    if os.geteuid() != 0:
        pytest.skip("only root can start a Docker engine")
    folder = Path(tempfile.mkdtemp(prefix="modelyard-docker-", dir="/tmp"))  # a socket's path is short
    namespace = folder.name
    made = DockerServer(folder, namespace)
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    try:
        subprocess.run(["nsenter", f"--net=/run/netns/{namespace}", "ip", "link", "set", "lo", "up"], check=True)
        try:
            made.start()
        except AssertionError as error:
            pytest.skip(f"a Docker engine does not start here: {str(error)[-300:]}")
        made.make_image(IMAGE, SERVER)
        yield made
    finally:
        with contextlib.suppress(AwayError):
            made.end()
        subprocess.run(["ip", "netns", "del", namespace], check=False)
        for place in _mounted(folder):
            subprocess.run(["umount", "--lazy", place], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _mounted(folder: Path) -> list[str]:
    """Below it, the deepest first: an engine that was killed leaves its own."""
    places = [line.split(" ")[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return sorted((place for place in places if place.startswith(f"{folder}/")), reverse=True)


def _ends_with_us() -> None:
    """In the engine, before it is one: a session that is killed leaves none behind."""
    ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL)


def _of(folder: str) -> Iterator[int]:
    """The processes that an engine of this folder left: containerd, and what it keeps."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            name = os.path.basename(words[0])  # noqa: PTH119
            if name.startswith((b"containerd", b"docker")) and any(folder.encode() in word for word in words):
                yield int(entry.name)
