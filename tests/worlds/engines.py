"""One way to drive the fake engine (virtual time) and the process engine (real processes)."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.docker import IMAGE, DockerServer

from modelyard.domain.pools import EngineKind, PoolEngine
from modelyard.domain.process import ProcessState
from modelyard.domain.program import Program
from modelyard.engines.base import Engine, InstanceSpec, Observed, Scope
from modelyard.engines.containers.containers import Containers
from modelyard.engines.containers.several import ContainerEngines
from modelyard.engines.containers.shape import ContainerOptions, container_name
from modelyard.engines.fake import CrashAtStart, FakeEngine, NeverReady, SlowDrain, StuckInStop
from modelyard.engines.launch import LaunchOptions
from modelyard.engines.process import ProcessEngine
from modelyard.processes import limits, supervise
from modelyard.processes.directory import ProcessDir, State
from modelyard_runtime.door.docker import AwayError, Docker, RefusedError

STUB = Path(__file__).with_name("engine_stub.py")
SPEC = InstanceSpec("i-1", "service-1", 7, 3, "0123456789abcdef", "digest", "iris", "1.0.0")
Until = Callable[[tuple[Observed, ...]], bool]


def spec(number: int = 1, how: str = "serve", **changes: object) -> InstanceSpec:
    envs = (("STUB", how),)
    return replace(SPEC, instance_id=f"i-{number}", envs=envs, **changes)  # type: ignore[arg-type]


def all_in(state: ProcessState, count: int = 1) -> Until:
    return lambda seen: len(seen) == count and all(o.process.state is state for o in seen)


class EngineWorld(Protocol):
    """`counted`: what an instance that was never asked for anything tells of its requests."""

    engine: Engine
    told: list[str]
    counted: bytes | None

    async def start(self, spec: InstanceSpec) -> None: ...
    async def until(self, done: Until) -> tuple[Observed, ...]: ...
    async def successor(self) -> None:
        """The control plane dies; a new one opens the engine."""

    async def kill(self, instance_id: str) -> None: ...
    async def break_down(self) -> None:
        """From now on the engine cannot see its instances."""

    async def cut_off(self) -> bool:
        """From now on its instances are out of reach; False: that does not happen to this engine."""

    async def mend(self) -> None: ...
    async def intrude(self, spec: InstanceSpec) -> None: ...
    async def count(self, instance_id: str, text: bytes) -> None:
        """From now on it tells this when it is asked what it counts."""

    async def close(self) -> None: ...


class FakeEngineWorld:
    """Time passes only where nothing else can happen."""

    counted: bytes | None = None
    HOW = {"stuck": StuckInStop(), "never": NeverReady(), "crash": CrashAtStart(5, "exited with status 3")}  # noqa: RUF012

    def __init__(self) -> None:
        self.now = 1_000_000
        self.engine = FakeEngine(lambda: self.now)
        self.told: list[str] = []
        self.engine.watch(self.told.append)

    async def start(self, spec: InstanceSpec) -> None:
        how = dict(spec.envs)["STUB"]
        self.engine.behave_next(SlowDrain(1 << 40) if how == "busy" else self.HOW.get(how))
        await self.engine.start(spec)
        if how == "lines":
            self.engine.write_log(spec.instance_id, "stub: lines", *(f"line {number}" for number in range(10)))
        if how == "crash":
            self.engine.write_log(spec.instance_id, "stub: crash", "Traceback: no such model")

    async def until(self, done: Until) -> tuple[Observed, ...]:
        for _ in range(100):
            if done(seen := (await self.engine.list()).instances):
                return seen
            self.now = self.engine.next_change_ms() or self.now + 100
            self.engine.announce()
        raise AssertionError(f"never came: {seen}")

    async def successor(self) -> None:
        await self.engine.close()
        await self.engine.open()
        self.engine.watch(self.told.append)

    async def kill(self, instance_id: str) -> None:
        self.engine.kill(instance_id)

    async def break_down(self) -> None:
        self.engine.unavailable = True

    async def cut_off(self) -> bool:
        self.engine.cut(Scope())
        return True

    async def mend(self) -> None:
        self.engine.mend(Scope())

    async def intrude(self, spec: InstanceSpec) -> None:
        self.engine.intrude(spec)

    async def count(self, instance_id: str, text: bytes) -> None:
        self.engine.counted[instance_id] = text

    async def close(self) -> None:
        await self.engine.close()


class ProcessEngineWorld:
    counted: bytes | None = None

    def __init__(self, data_dir: Path, options: LaunchOptions | None = None, *, limited: bool = True) -> None:
        """`limited` False: as where there are no control groups."""
        self.limited = limited
        self.data_dir = data_dir
        self.package = data_dir / "package"
        self.package.mkdir(parents=True)
        self.options = options or LaunchOptions(command=lambda _: (sys.executable, "-I", "-S", str(STUB)))
        self.engine = self._engine()
        self.told: list[str] = []
        self.changed = asyncio.Event()
        self.counting: list[asyncio.Server] = []

    def _engine(self) -> ProcessEngine:
        enforcement = None if self.limited else limits.switched_off("the test wants it")
        return ProcessEngine(
            self.data_dir,
            lambda _: self.package,
            options=self.options,
            enforcement=enforcement,
            removed_output_bytes=1 << 20,
        )

    def directory(self, instance_id: str = "i-1") -> ProcessDir:
        return ProcessDir(self.data_dir / "instances" / instance_id)

    async def open(self) -> None:
        self.engine.watch(self.told.append)
        self.engine.watch(lambda _: self.changed.set())
        await self.engine.open()

    def made(self, spec: InstanceSpec) -> InstanceSpec:
        """As this engine is to run it."""
        return spec

    async def start(self, spec: InstanceSpec) -> None:
        await self.engine.start(self.made(spec))

    async def until(self, done: Until) -> tuple[Observed, ...]:
        async with asyncio.timeout(20):
            while not done(seen := (await self.engine.list()).instances):
                await self.changed.wait()
                self.changed.clear()
            return seen

    async def pid(self, instance_id: str = "i-1") -> int:
        """The child's, once it is known."""
        async with asyncio.timeout(20):
            while (pid := self.directory(instance_id).sight().pid) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
            return pid

    async def abandon(self) -> None:
        """What a kill of the control plane leaves to this process: nothing."""
        await self.engine.close()

    async def successor(self, *, limited: bool = True, **options: object) -> None:
        """`options`: what the new control plane launches in another way."""
        await self.abandon()
        self.limited = limited
        self.options = replace(self.options, **options)  # type: ignore[arg-type]
        self.engine = self._engine()
        await self.open()

    async def kill(self, instance_id: str) -> None:
        os.kill(await self.pid(instance_id), signal.SIGKILL)

    async def break_down(self) -> None:
        (self.data_dir / "instances").rename(self.data_dir / "elsewhere")

    async def cut_off(self) -> bool:
        return False

    async def mend(self) -> None: ...

    async def intrude(self, spec: InstanceSpec) -> None:
        other = self._engine()
        await other.open()
        await other.start(self.made(spec))
        await other.close()

    async def count(self, instance_id: str, text: bytes) -> None:
        async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + text)
            writer.close()
            await writer.wait_closed()

        # A path of a socket has at most 107 bytes, and temporary directories are deep.
        work = os.open(self.directory(instance_id).path / "work", os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.counting.append(await asyncio.start_unix_server(tell, f"/proc/self/fd/{work}/metrics.sock"))
        finally:
            os.close(work)

    async def close(self) -> None:
        for server in self.counting:
            server.close()
        await self.engine.close()
        for root in (self.data_dir / "instances", self.data_dir / "elsewhere"):
            for path in root.iterdir() if root.exists() else ():
                directory = ProcessDir(path)
                while directory.sight().state is State.RUNNING:
                    supervise.stop(directory, 0)
                    await asyncio.sleep(0.005)
                supervise.remove(directory)


class CommandEngineWorld(ProcessEngineWorld):
    """The same program, as a command of the package: it listens on the port that it is handed, behind a door."""

    counted = b"modelyard_in_flight 0\n"

    def __init__(self, data_dir: Path, options: LaunchOptions | None = None, *, limited: bool = True) -> None:
        super().__init__(data_dir, options or LaunchOptions(), limited=limited)
        (self.package / "model").mkdir()
        self.inside: list[socket.socket] = []

    def made(self, spec: InstanceSpec) -> InstanceSpec:
        return replace(spec, program=Program(command=(sys.executable, "-I", "-S", str(STUB))))

    async def start(self, spec: InstanceSpec) -> None:
        """One that is busy has somebody inside, whatever its program says."""
        await super().start(spec)
        if dict(spec.envs).get("STUB") == "busy":
            self.inside.append(await self.caller(spec.instance_id))

    async def caller(self, instance_id: str = "i-1") -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        directory = os.open(self.directory(instance_id).path, os.O_PATH | os.O_DIRECTORY)
        try:
            async with asyncio.timeout(20):
                while connection.connect_ex(f"/proc/self/fd/{directory}/s.sock"):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        finally:
            os.close(directory)
        return connection

    async def close(self) -> None:
        for one in self.inside:
            one.close()
        await super().close()


class ContainerEngineWorld(CommandEngineWorld):
    """The process engine with instances that are containers of a real Docker engine."""

    def __init__(self, data_dir: Path, server: DockerServer, *, image: str = IMAGE, **options: object) -> None:
        """`options`: of `ContainerOptions`."""
        self.server = server
        self.image = image
        self.how = ContainerOptions(uuid.uuid4().hex, **options)  # type: ignore[arg-type]
        super().__init__(data_dir)

    def _engine(self) -> ProcessEngine:
        engines = ContainerEngines(lambda path: Containers(Docker(path), self.how), str(self.server.socket))
        assert engines.own is not None
        self.containers = engines.own
        return ProcessEngine(
            self.data_dir,
            lambda _: self.package,
            options=self.options,
            removed_output_bytes=1 << 20,
            containers=engines,
        )

    def made(self, spec: InstanceSpec) -> InstanceSpec:
        return spec if spec.program else replace(spec, program=Program(image=self.image))

    def inspected(self, instance_id: str = "i-1") -> dict[str, Any]:
        """What the engine says of its container; {} for none."""
        try:
            said = self.server.docker.ask(
                "GET", f"/containers/{container_name(instance_id, self.how)}/json"
            ).json()
        except RefusedError:
            return {}
        assert isinstance(said, dict)
        return said

    async def kill(self, instance_id: str) -> None:
        os.kill(self.inspected(instance_id)["State"]["Pid"], signal.SIGKILL)

    async def close(self) -> None:
        """With its network: an engine has addresses for some thirty."""
        await super().close()
        with contextlib.suppress(RefusedError, AwayError):
            self.server.docker.ask("DELETE", f"/networks/{self.how.network}")


class ContainedPackageWorld(ContainerEngineWorld):
    """The same with instances whose packages run in containers that have this machine's programs."""

    def __init__(self, data_dir: Path, server: DockerServer, **options: object) -> None:
        super().__init__(data_dir, server, **options)  # type: ignore[arg-type]
        served = lambda _: (sys.executable, "-I", "-S", str(STUB))  # noqa: E731
        self.options = LaunchOptions(command=served, shown=(STUB.parent,))
        self.engine = self._engine()
        self.engine.watch(self.told.append)

    def made(self, spec: InstanceSpec) -> InstanceSpec:
        return replace(spec, engine=PoolEngine(EngineKind.CONTAINER))


KINDS = ("fake", "process", "command", "container", "package")


async def opened(kind: str, data_dir: Path, request: pytest.FixtureRequest) -> EngineWorld:
    """The world of one of KINDS, with its engine open. `request` has the real parts."""
    if kind == "fake":
        return FakeEngineWorld()
    made: ProcessEngineWorld
    if kind in {"container", "package"}:
        world = ContainerEngineWorld if kind == "container" else ContainedPackageWorld
        made = world(data_dir, request.getfixturevalue("docker"))
    else:
        made = (CommandEngineWorld if kind == "command" else ProcessEngineWorld)(data_dir)
    await made.open()
    return made
