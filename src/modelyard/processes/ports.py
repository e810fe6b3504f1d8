"""The ports of the API and of the gateway are ours alone, also while nobody listens on them.

A detached process (`keeper.py`) holds them from before the first instance of a start to the end of everything. Its
directory is DATA_DIR/ports/keeper-N; the next control plane finds it there.

Two servers of one user must not share a port either, which the kernel would let them: a port that no keeper of
this data directory holds is first taken for itself alone (`claim`), and shared only then. So the first start of an
upgrade may find its own gateway on the port, which does not share: then the keeper takes it when that Envoy ends.
"""

import asyncio
import contextlib
import errno
import json
import logging
import os
import socket
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from modelyard.processes import keeper, supervise
from modelyard.processes.directory import SOCKET, ProcessDir, Spec, SpecUnreadableError, State
from modelyard.processes.isolation import Isolation

log = logging.getLogger(__name__)

BOOT = "import sys; sys.path.append(sys.argv[1]); import keeper; keeper.run(*sys.argv[2:])"
PORTS = "ports"
FAMILIES = (socket.AF_INET, socket.AF_INET6)
START_S = 15.0
LOOK_AGAIN_S = 1.0
ANY_PORT_TRIES = 20


class PortHeldError(OSError):
    """Somebody else has a port at some address of this machine."""

    def __init__(self, port: int, place: str, holder: str) -> None:
        super().__init__(errno.EADDRINUSE, f"port {port} is taken: {holder} holds {place}")
        self.port = port

    def __str__(self) -> str:
        return self.strerror or ""


class PortKeeper:
    """Holds ports through a process that outlives us. `missing`: address → why it is not held (yet)."""

    def __init__(self, home: Path) -> None:
        self.missing: Mapping[str, str] = {}
        self._home = home
        self._ports: tuple[int, ...] = ()
        self._run: ProcessDir | None = None
        self._task: asyncio.Task[None] | None = None

    async def hold(self, *ports: int, ours: Collection[int] = ()) -> tuple[int, ...]:
        """Hold these (0: a free one) and no others; which they are. `ours`: ports on which something of ours may
        listen that does not share. Raises PortHeldError, OSError."""
        running = {run.path: _ports_of(run) for run in self._found() if run.sight().state is State.RUNNING}
        before = {port for kept in running.values() for port in kept}
        chosen: list[int] = []
        claimed: list[socket.socket] = []
        try:
            for port in ports:
                number = port
                if port not in before | set(chosen):
                    try:
                        number, held = claim(port)
                        claimed += held
                    except PortHeldError:
                        if port not in ours:
                            raise
                chosen.append(number)
            self._ports = tuple(sorted(set(chosen)))
            same = [path for path, kept in running.items() if kept == self._ports]
            self._run = ProcessDir(same[0]) if same else self._started()
            self.missing = await self._asked(self._run)
        finally:
            for one in claimed:
                one.close()
        for run in self._found():
            if run.path != self._run.path:
                await _ended(run)
        self._task = asyncio.create_task(self._keep(), name="ports")
        return tuple(chosen)

    async def close(self) -> None:
        """Let go without ending it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def end(self) -> None:
        """Give the ports up."""
        await self.close()
        for run in self._found():
            await _ended(run)

    def describe(self, isolation: Isolation) -> str:
        """For people, as `Isolation.describe`."""
        if isolation.users is None:
            return "not enforced: instances run as the user of the control plane, who may share its ports"
        if isolation.network:
            return "enforced (instances have no network)"
        if self.missing:
            return "partly enforced: not held yet are " + ", ".join(sorted(self.missing))
        return "enforced (held by a process of the control plane's user)"

    def _found(self) -> list[ProcessDir]:
        return [ProcessDir(path) for path in sorted(self._home.glob("keeper-*"))]

    def _started(self) -> ProcessDir:
        names = [run.path.name.partition("-")[2] for run in self._found()]
        taken = [int(name) for name in names if name.isdecimal()]
        run = ProcessDir(self._home / f"keeper-{max(taken, default=0) + 1}")
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        argv = (sys.executable, "-I", "-S", "-E", "-c", BOOT, str(supervise.SHIM.parent), *map(str, self._ports))
        try:
            supervise.spawn(run, Spec(argv, listen=True, grace_s=0.0, label={"ports": list(self._ports)}))
        except OSError:
            supervise.remove(run)
            raise
        return run

    async def _asked(self, run: ProcessDir) -> dict[str, str]:
        """What is missing, as the keeper says. Raises OSError when it does not come up."""
        end = asyncio.get_running_loop().time() + START_S
        while asyncio.get_running_loop().time() < end:
            with contextlib.suppress(ConnectionError, FileNotFoundError, ValueError):
                found = json.loads(await _answer(run.path))
                return {str(where): why if isinstance(why, str) else "" for where, why in found.items()}
            if (sight := run.sight()).state is State.EXITED:
                raise OSError(f"the ports cannot be held: their keeper {sight.exit}: {run.log_tail(3)}")
            await asyncio.sleep(supervise.POLL_S)
        raise OSError(f"the ports cannot be held: their keeper was silent for {START_S:g} s")

    async def _keep(self) -> None:
        """Start it again whenever it ends, and follow what it is short of."""
        told: Mapping[str, str] = {}
        while True:
            try:
                if self._run is None:
                    self._run = self._started()
                    self.missing = await self._asked(self._run)
                if self.missing != told:
                    _tell(self.missing)
                    told = self.missing
                try:
                    async with asyncio.timeout(LOOK_AGAIN_S if self.missing else None):
                        sight = await supervise.wait(self._run)
                except TimeoutError:
                    self.missing = await self._asked(self._run)
                    continue
                log.warning("the keeper of the ports ended (%s): started again", sight.exit)
                supervise.remove(self._run)
                self._run = None
            except (OSError, SpecUnreadableError) as error:
                log.error("%s", error)
                await asyncio.sleep(LOOK_AGAIN_S)


def claim(port: int) -> tuple[int, list[socket.socket]]:
    """The port (0: a free one) for us alone in both families, then open to sharers of our user: a keeper may join
    before these are closed. Raises PortHeldError, OSError."""
    for _ in range(ANY_PORT_TRIES):
        try:
            return _claim(port)
        except PortHeldError:
            if port:
                raise
    raise OSError(errno.EADDRINUSE, "no port is free in both address families")


def _claim(port: int) -> tuple[int, list[socket.socket]]:
    held: list[socket.socket] = []
    try:
        for family in FAMILIES:
            try:
                held.append(_alone(family, port))
            except OSError as error:
                if keeper.no_family(error):
                    continue
                if error.errno == errno.EADDRINUSE:
                    raise PortHeldError(port, *holder(port)) from error
                raise
            port = port or held[0].getsockname()[1]
        for one in held:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except BaseException:
        for one in held:
            one.close()
        raise
    return port, held


def _alone(family: socket.AddressFamily, port: int) -> socket.socket:
    """Connections that ended (of an earlier release's server) take nothing from anybody."""
    try:
        return keeper.bound(family, port, alone=True)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
    return keeper.bound(family, port, alone=True, over_old=True)


def holder(port: int, tables: Iterable[Path] = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))) -> tuple[str, str]:
    """(where, who) of one who listens on the port; what is bound only is in no table."""
    for table in tables:
        with contextlib.suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                address, _, number = fields[1].partition(":")
                if int(number, 16) == port and fields[3] == "0A":
                    return f"{_address(address)}:{port}", f"a process of user {fields[7]}"
    return f"port {port}", "another process"


def _address(text: str) -> str:
    """As the kernel writes it: words in the machine's order."""
    words = [int(text[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(text), 8)]
    raw = b"".join(words)
    return (
        f"[{socket.inet_ntop(socket.AF_INET6, raw)}]" if len(raw) == 16 else socket.inet_ntop(socket.AF_INET, raw)
    )


def _ports_of(run: ProcessDir) -> tuple[int, ...]:
    """What a keeper was started for; nothing when that cannot be told any more, or it is about to end."""
    try:
        spec = run.spec()
    except SpecUnreadableError:
        return ()
    ports = spec.label.get("ports") if spec is not None and not run.sight().stopping else None
    return tuple(sorted(p for p in ports if isinstance(p, int))) if isinstance(ports, list) else ()


async def _ended(run: ProcessDir) -> None:
    supervise.stop(run, 0.0)
    await supervise.wait(run)
    await asyncio.to_thread(supervise.remove, run)


async def _answer(path: Path) -> bytes:
    """By way of /proc: a data directory's path may be longer than a socket address."""
    directory = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        async with asyncio.timeout(START_S):
            reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{directory}/{SOCKET}")
            try:
                return await reader.read()
            finally:
                writer.close()
    finally:
        os.close(directory)


def _tell(missing: Mapping[str, str]) -> None:
    if missing:
        log.warning("not held against others yet: %s", ", ".join(f"{p} ({why})" for p, why in missing.items()))
    else:
        log.info("every port is held against others")
