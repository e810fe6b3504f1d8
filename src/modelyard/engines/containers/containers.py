"""The container engine as the engine of this machine needs it beside the doors: images that are here before a door
is started, commands inside, what containers use, and the removal of those whose door is gone.

Everything here is asked in threads of its own and bounded in time. An engine that is away raises, and never looks
like one without containers; what runs is the doors' matter.
"""

import asyncio
import contextlib
import itertools
import json
import logging
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ParamSpec, TypeVar

from modelyard.core.backoff import delay_ms
from modelyard.core.packages.contents import CONFIG
from modelyard.domain.pools import Node, Sight
from modelyard.domain.resources import Capacity
from modelyard.engines.base import (
    EngineUnavailableError,
    FetchingError,
    InstanceSpec,
    StartRefusedError,
    WaitingError,
)
from modelyard.engines.commands import HOME
from modelyard.engines.containers import machine, shape
from modelyard.engines.containers.credentials import registry_of
from modelyard.engines.containers.images import Image, ImageAwayError, ImageError, Images
from modelyard.engines.containers.machine import Contained
from modelyard.engines.containers.secrets import SecretDirs
from modelyard.engines.containers.shape import ContainerOptions
from modelyard_runtime.door.container import handles
from modelyard_runtime.door.docker import AwayError, Docker, RefusedError

log = logging.getLogger(__name__)

SWEEP_S = 15.0
LOOKS_PER_MEASURE = 4
THREADS = 16
EXEC_MARGIN_S = 2.0
NOT_FOUND = 127
NOT_JOINED = 125
ABSENT = 404
STATS_LIMIT_S = 3.0
SIGHT_S = 3.0
MAKE_LIMIT_S = 60.0

Login = Callable[[str, str], Awaitable[str]]
P = ParamSpec("P")
T = TypeVar("T")


async def as_anybody(_service_id: str, _registry: str) -> str:
    return ""


@dataclass
class Pull:
    """One image on its way. `error`: why it cannot be had; `away`: why not now."""

    text: str
    task: asyncio.Task[None] | None = None
    error: str = ""
    away: str = ""
    failures: int = 0
    again_s: float = 0.0


class Containers:
    """Those of one installation, in one engine."""

    def __init__(self, docker: Docker, options: ContainerOptions, login: Login = as_anybody) -> None:
        """`login`: what a registry is told by a service, as `X-Registry-Auth`."""
        self.options = options
        self._docker = docker
        self._images = Images(docker)
        self._login = login
        self._secrets = SecretDirs(options.installation)
        self._threads = ThreadPoolExecutor(THREADS, "containers")
        self._pulls: dict[tuple[str, str], Pull] = {}
        self._state = "not asked yet"
        self._network = asyncio.Lock()
        self._machine = ""
        self._seen = Sight()
        self.layers: Mapping[str, int] = {}
        """What each instance wrote into its container's own file system, in bytes, as of the last look."""

    def orders(self, spec: InstanceSpec, package: Path) -> Mapping[str, object]:
        """What the door of this instance is told. `package`: its snapshot, whose files it finds."""
        home, files = (package / HOME).absolute(), ""
        with contextlib.suppress(FileNotFoundError):
            if any(path.name != CONFIG for path in home.iterdir()):
                files = str(home)
        return shape.orders(spec, self._docker.path, self.options, shape.Places(files, self._handed(spec)))

    def _handed(self, spec: InstanceSpec) -> tuple[str, ...]:
        return tuple(self._secrets.path(spec.instance_id, number) for number in range(len(spec.secrets)))

    async def hand(self, spec: InstanceSpec) -> None:
        """Have its secrets ready to be mounted. Raises StartRefusedError."""
        if spec.secrets:
            await self._in_thread(self._secrets.put, spec.instance_id, spec.secrets)

    def package_orders(self, spec: InstanceSpec, runs: Contained) -> Mapping[str, object]:
        """The same for a package, after `admit`. Raises StartRefusedError."""
        runs = replace(runs, image=self._machine)
        places = shape.Places(secrets=self._handed(spec))
        return shape.package_orders(spec, self._docker.path, self.options, runs, places)

    def describe(self) -> str:
        """The engine, for people, as of the last look."""
        return self._state

    async def sight(self) -> Sight:
        """The engine and its machine as they are now."""
        try:
            async with asyncio.timeout(SIGHT_S):
                return await self._in_thread(self._sight)
        except (AwayError, RefusedError) as error:
            return self._away(str(error))
        except TimeoutError:
            return self._away(f"it did not answer within {SIGHT_S:g} s")

    def _away(self, why: str) -> Sight:
        return replace(self._seen, why=f"the container engine at {self._docker.path} is away: {why}")

    def _sight(self) -> Sight:
        what = self._described()
        said = self._docker.ask("GET", "/info", limit_s=SIGHT_S).json()
        info = said if isinstance(said, dict) else {}
        cpu, memory = info.get("NCPU"), info.get("MemTotal")
        there = Capacity(
            cpu=float(cpu) if isinstance(cpu, int) and cpu > 0 else None,
            memory_mib=memory // shape.MIB if isinstance(memory, int) and memory > 0 else None,
        )
        self._seen = Sight(what, "", (Node(str(info.get("Name") or "") or socket.gethostname(), there),))
        return self._seen

    async def admit(self, spec: InstanceSpec, changed: Callable[[], None]) -> None:
        """Return when a door may be started: the engine is there, and the image is. `changed` is called when there
        is more to say. Raises WaitingError (FetchingError while the image is on its way), StartRefusedError."""
        reference = spec.program.image if spec.program is not None else ""
        try:
            there = await self._in_thread(self._images.here, reference) if reference else None
            if not reference:
                await self._in_thread(self._make_machine)
            if (there is not None or not reference) and not self.options.alone:
                async with self._network:  # two that make it at once would make two
                    await self._in_thread(self._make_network)
        except (ImageAwayError, AwayError, RefusedError) as error:
            raise WaitingError(f"{error} (at {self._docker.path})") from None
        if not reference:
            return
        key = reference, spec.service_id  # each with its own login: what that is refused is nobody else's
        pull = self._pulls.get(key)
        if there is not None:
            if pull is None or pull.task is None:
                self._pulls.pop(key, None)
                return
        elif pull is not None and pull.error:
            del self._pulls[key]
            raise StartRefusedError(pull.error)
        elif pull is None or (pull.task is None and time.monotonic() >= pull.again_s):
            pull = pull or Pull(f"pulling image {reference}")
            self._pulls[key] = pull
            fetching = self._fetch(reference, pull, spec.service_id, changed)
            pull.task = asyncio.create_task(fetching, name=f"pull {reference}")
        raise FetchingError(pull.away or pull.text)

    def _make_machine(self) -> None:
        """The image of packages, which anybody may have removed."""
        self._machine, content = machine.image()
        if self._images.here(self._machine) is not None:
            return
        name, _, tag = self._machine.rpartition(":")
        query = {"fromSrc": "-", "repo": name, "tag": tag}
        self._docker.ask("POST", "/images/create", query=query, body=content, limit_s=MAKE_LIMIT_S)

    def _make_network(self) -> None:
        try:
            self._docker.ask("GET", f"/networks/{self.options.network}")
        except RefusedError as error:
            if error.status != ABSENT:
                raise
            self._docker.ask("POST", "/networks/create", body=shape.network(self.options))

    async def _fetch(self, reference: str, pull: Pull, service_id: str, changed: Callable[[], None]) -> None:
        def progress(text: str) -> None:
            pull.text = text

        try:
            login = await self._login(service_id, registry_of(reference))
            await self._in_thread(self._images.pull, reference, progress, login)
        except ImageError as error:
            pull.error = str(error)
        except ImageAwayError as error:
            pull.away = str(error)
            pull.failures += 1
            pull.again_s = time.monotonic() + delay_ms(pull.failures + 1) / 1000
        else:
            del self._pulls[reference, service_id]
        finally:
            pull.task = None
            changed()

    async def resolved(self, reference: str, progress: Callable[[str], None], login: str = "") -> Image:
        """For publishing: see `Images.resolved`. Raises ImageError, ImageAwayError."""
        return await self._in_thread(self._images.resolved, reference, progress, login)

    async def run(self, instance_id: str, command: tuple[str, ...], limit_s: float) -> int | None:
        """Run a command inside; its exit status, None when it took longer than `limit_s`. Raises AwayError: the
        engine cannot be asked, which says nothing about the instance."""
        return await self._in_thread(self._run, self._name(instance_id), command, limit_s)

    def _run(self, name: str, command: tuple[str, ...], limit_s: float) -> int | None:
        deadline = time.monotonic() + limit_s
        wanted = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True}
        try:
            made = self._docker.ask("POST", f"/containers/{name}/exec", body=wanted, limit_s=limit_s).json()
        except RefusedError:
            return NOT_JOINED  # it does not run
        exec_id = str(made.get("Id")) if isinstance(made, dict) else ""
        try:
            begun = {"Detach": False, "Tty": False}
            with self._docker.opened("POST", f"/exec/{exec_id}/start", body=begun, limit_s=limit_s) as stream:
                while (left_s := deadline - time.monotonic()) > 0 and stream.read(wait_s=left_s):
                    pass
        except RefusedError:
            return NOT_FOUND
        except AwayError:
            if time.monotonic() < deadline:
                raise
        told = self._docker.ask("GET", f"/exec/{exec_id}/json", limit_s=EXEC_MARGIN_S).json()
        if not isinstance(told, dict):
            return NOT_JOINED
        if told.get("Running"):
            _kill(told.get("Pid"), str(told.get("ContainerID") or ""))
            return None
        code = told.get("ExitCode")
        return code if isinstance(code, int) else NOT_JOINED

    async def used(self, instance_id: str) -> tuple[float, int] | None:
        """(CPU seconds so far, bytes of memory); None where it cannot be told."""
        try:
            return await self._in_thread(self._used, self._name(instance_id))
        except (AwayError, RefusedError):
            return None

    def _used(self, name: str) -> tuple[float, int] | None:
        query = {"stream": "false", "one-shot": "true"}
        said = self._docker.ask("GET", f"/containers/{name}/stats", query=query, limit_s=STATS_LIMIT_S).json()
        try:
            cpu_ns, memory = said["cpu_stats"]["cpu_usage"]["total_usage"], said["memory_stats"]  # type: ignore[index]
            cached = memory.get("stats", {})
            idle = cached.get("total_inactive_file", cached.get("inactive_file", 0))
            return cpu_ns / 1e9, max(memory["usage"] - idle, 0)
        except (KeyError, TypeError, AttributeError):
            return None

    async def discard(self, instance_id: str) -> bool:
        """Remove its container, if there is one: its door is gone. Whether the engine says that none is there any
        more; it may be away, or unable to."""
        gone = False
        with contextlib.suppress(AwayError):
            gone = await self._in_thread(self._discard, self._name(instance_id))
        await self._in_thread(self._secrets.remove, instance_id)
        return gone

    def _discard(self, name: str) -> bool:
        query = {"force": "1", "v": "1"}
        try:
            self._docker.ask("DELETE", f"/containers/{name}", query=query, limit_s=30)
        except RefusedError as error:
            return error.status == ABSENT
        return True

    async def tend(self, living: Callable[[], Collection[str]]) -> None:
        """Until cancelled: look at the engine, and remove the containers whose door is gone. `living`: the
        instances whose doors run."""
        for number in itertools.count():
            await self.look(living)
            if number % LOOKS_PER_MEASURE == 0:
                with contextlib.suppress(AwayError, RefusedError):
                    self.layers = await self._in_thread(self._written)
            await asyncio.sleep(SWEEP_S)

    async def look(self, living: Callable[[], Collection[str]]) -> None:
        """Once. The containers are listed first: a door is there before its container."""
        try:
            self._state = await self._in_thread(self._described)
            there = await self._in_thread(self._ours)
            for instance_id in await self._in_thread(self._secrets.there) - set(living()):
                await self._in_thread(self._secrets.remove, instance_id)
            for container_id, instance_id in there.items():
                if instance_id not in living():
                    log.warning("the container of %s has no door: removed", instance_id or container_id)
                    await self._in_thread(self._discard, container_id)
        except EngineUnavailableError:
            return  # nobody can tell whose door runs
        except (AwayError, RefusedError) as error:
            state = f"away: {error}"
            if self._state != state:
                log.warning("the container engine at %s is %s", self._docker.path, state)
            self._state = state

    def _described(self) -> str:
        version = self._docker.version().removeprefix("v")
        said = self._docker.ask("GET", "/version").json(), self._docker.ask("GET", "/info").json()
        known, info = (one if isinstance(one, dict) else {} for one in said)
        podman = "podman" in json.dumps(known.get("Components") or []).lower()
        name = f"{'Podman' if podman else 'Docker'} {known.get('Version', 'unknown')}"
        what = f"{name}, API {version}, at {self._docker.path}"
        if not podman and not info.get("LiveRestoreEnabled", True):
            what += "; without live-restore: its containers end when it does"
        return what

    def _written(self) -> Mapping[str, int]:
        """The engine counts files for this, so it is not asked for it at every look."""
        query = {"size": "1", "filters": self._filters()}
        said = self._docker.ask("GET", "/containers/json", query=query, limit_s=60).json()
        found = [c for c in said if isinstance(c, dict)] if isinstance(said, list) else []
        sizes = ((str((c.get("Labels") or {}).get(shape.INSTANCE) or ""), c.get("SizeRw")) for c in found)
        return {instance_id: written for instance_id, written in sizes if isinstance(written, int)}

    def _filters(self) -> str:
        return json.dumps({"label": [f"{shape.INSTALLATION}={self.options.installation}"]})

    def _ours(self) -> Mapping[str, str]:
        """Container → instance."""
        query = {"all": "1", "filters": self._filters()}
        said = self._docker.ask("GET", "/containers/json", query=query).json()
        found = [c for c in said if isinstance(c, dict)] if isinstance(said, list) else []
        return {str(c.get("Id")): str((c.get("Labels") or {}).get(shape.INSTANCE) or "") for c in found}

    async def close(self) -> None:
        """What is being pulled is given up: whoever comes next asks for it again."""
        self._images.give_up()
        tasks = [pull.task for pull in self._pulls.values() if pull.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pulls.clear()

    def _name(self, instance_id: str) -> str:
        return shape.container_name(instance_id, self.options)

    async def _in_thread(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: act(*args, **kwargs))


def _kill(pid: object, container_id: str) -> None:
    """A command that takes too long, where its process is known here."""
    if not isinstance(pid, int) or pid <= 0 or not container_id:
        return
    process, network = handles(pid, container_id)
    for descriptor in (process, network):
        if descriptor < 0:
            continue
        if descriptor == process:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(process, signal.SIGKILL)
        os.close(descriptor)
