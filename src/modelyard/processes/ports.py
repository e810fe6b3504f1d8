"""The ports of the API and of the gateway are ours alone, also while nobody listens on them.

Detached processes (`keeper.py`) hold them from before the first instance of a start to the end of everything: two,
so that the death of one leaves nothing open, also while no control plane is there to start it again. Their
directories are DATA_DIR/ports/keeper-N. The next control plane finds them by what the kernel says of them
(`keepers`), and replaces those whose files are damaged, the new ones first. It holds the ports itself as well.

Two servers of one user must not share a port either, which the kernel would let them: a port that no keeper of
this data directory holds is first taken for itself alone (`claim`), and shared only then. So the first start of an
upgrade may find its own gateway on the port, which does not share: then the keepers take it when that Envoy ends.

Where a port cannot be had all the same, an instance of ours may have been quicker while nobody held it: whoever
made this says how such are ended (`Evict`).
"""

import asyncio
import contextlib
import errno
import json
import logging
import os
import socket
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from modelyard import trees
from modelyard.processes import keeper, keepers, supervise, trespass
from modelyard.processes.directory import SOCKET, ProcessDir, Spec, SpecUnreadableError, State
from modelyard.processes.isolation import Isolation
from modelyard.processes.oom import NEVER

log = logging.getLogger(__name__)

BOOT = "import sys; sys.path.append(sys.argv[1]); import keeper; keeper.run(*sys.argv[2:])"
PORTS = "ports"
KEEPERS = 2
FAMILIES = (socket.AF_INET, socket.AF_INET6)
START_S = 15.0
ADOPT_S = 2.0
"""How long one of an earlier control plane may take to answer before it is replaced."""
LOOK_AGAIN_S = 1.0
MOST_PAUSE_S = 32.0
EVICTIONS = 3
ANY_PORT_TRIES = 20

Evict = Callable[[Collection[int]], Sequence[str]]
"""End our own instances that have one of the ports, and say which those were. Called in a thread."""


def nobody(_ports: Collection[int]) -> Sequence[str]:
    """Where no instances are."""
    return ()


class PortHeldError(OSError):
    """Somebody else has a port at some address of this machine."""

    def __init__(self, port: int, place: str, holder: str) -> None:
        super().__init__(errno.EADDRINUSE, f"port {port} is taken: {holder} holds {place}")
        self.port = port

    def __str__(self) -> str:
        return self.strerror or ""


class PortKeeper:
    """Holds ports through processes that outlive us."""

    def __init__(self, home: Path, evict: Evict = nobody) -> None:
        self._home = home
        self._evict = evict
        self._ports: tuple[int, ...] = ()
        self._runs: list[ProcessDir | None] = []
        self._missing: list[Mapping[str, str]] = []
        self._told: Mapping[str, str] = {}
        self._wanted: set[tuple[int, int]] = set()
        self._own: list[socket.socket] = []
        self._evict_at, self._pause_s = 0.0, LOOK_AGAIN_S
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def missing(self) -> Mapping[str, str]:
        """Address → why nobody of ours holds it (yet)."""
        first, *others = self._missing or [{}]
        return {where: why for where, why in first.items() if all(where in other for other in others)}

    async def hold(self, *ports: int, ours: Collection[int] = ()) -> tuple[int, ...]:
        """Hold these (0: a free one) and no others; which they are. `ours`: ports on which something of ours may
        listen that does not share. Raises PortHeldError, OSError."""
        self._prepare()
        alive = await asyncio.to_thread(keepers.living, self._home)
        before = {port for one in alive for port in one.ports}
        chosen: list[int] = []
        claimed: list[socket.socket] = []
        try:
            for port in ports:
                number = port
                if port not in before | set(chosen):
                    try:
                        number, held = await self._claimed(port)
                        claimed += held
                    except PortHeldError:
                        if port not in ours:
                            raise
                chosen.append(number)
            self._ports = tuple(sorted(set(chosen)))
            replaced = await self._replaced(alive)
            fresh = [self._started() for _ in range(KEEPERS - len(self._runs))]
            self._runs += fresh
            self._missing += await asyncio.gather(*map(self._asked, fresh))
            self._wanted = {(family, port) for port in self._ports for family in FAMILIES}
            keeper.hold(self._wanted, self._own)
        finally:
            for one in claimed:
                one.close()
        await self._end(replaced)
        await self._free_what_is_missing()
        self._tasks = [asyncio.create_task(self._keep(i), name=f"ports {i}") for i in range(KEEPERS)]
        return tuple(chosen)

    async def close(self) -> None:
        """Let go without ending them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        while self._own:
            self._own.pop().close()

    async def end(self) -> None:
        """Give the ports up."""
        await self.close()
        self._runs = []
        await self._end(await asyncio.to_thread(keepers.living, self._home))

    def describe(self, isolation: Isolation) -> str:
        """For people, as `Isolation.describe`."""
        if isolation.users is None:
            return "not enforced: instances run as the user of the control plane, who may share its ports"
        if isolation.network:
            return "enforced (instances have no network)"
        if self.missing:
            return "partly enforced: not held yet are " + ", ".join(sorted(self.missing))
        return "enforced (held by processes of the control plane's user)"

    def _prepare(self) -> None:
        """Make `ports/` ours to write in, whatever lies there."""
        trees.make_directory(self._home)
        with contextlib.suppress(OSError):
            self._home.chmod(0o700)

    async def _claimed(self, port: int) -> tuple[int, list[socket.socket]]:
        """As `claim`, also when instances of ours were quicker."""
        for _ in range(EVICTIONS):
            try:
                return claim(port)
            except PortHeldError:
                if not await asyncio.to_thread(self._evict, {port}):
                    break
        return claim(port)

    async def _free_what_is_missing(self) -> None:
        """Of our own instances, before anything of ours is to listen there."""
        for _ in range(EVICTIONS):
            if not self.missing or not await asyncio.to_thread(self._evict, self._ports):
                return
            keeper.hold(self._wanted, self._own)
            self._missing = [await self._asked(run) for run in self._runs if run is not None]

    async def _replaced(self, alive: Collection[keepers.Living]) -> list[keepers.Living]:
        """Go on with those that hold what we want, whose records are whole and who answer; the others."""
        self._runs, self._missing = [], []
        others = []
        for one in alive:
            run = ProcessDir(one.directory)
            if one.ports != self._ports or len(self._runs) == KEEPERS or not self._whole(run, one):
                others.append(one)
                continue
            try:
                missing = await self._asked(run, ADOPT_S)
            except OSError as error:
                log.warning("%s is replaced: %s", run.path, error)
                others.append(one)
                continue
            self._runs.append(run)
            self._missing.append(missing)
        return others

    def _whole(self, run: ProcessDir, one: keepers.Living) -> bool:
        try:
            sight, spec = run.sight(), run.spec()
        except (OSError, SpecUnreadableError):
            spec = None
        if spec is None or spec.label.get("ports") != list(self._ports):
            log.warning("%s/spec.json is damaged: the keeper of the ports is replaced", run.path)
            return False
        return sight.state is State.RUNNING and not sight.stopping and sight.pid == one.pid

    async def _end(self, others: Collection[keepers.Living]) -> None:
        """These, and whatever else lies in our directory."""
        for one in others:
            await asyncio.to_thread(keepers.end, one)
        kept = {run.path for run in self._runs if run is not None}
        for run in self._found():
            if run.path not in kept:
                await _ended(run)

    def _found(self) -> list[ProcessDir]:
        return [ProcessDir(path) for path in sorted(self._home.glob("keeper-*"))]

    def _started(self) -> ProcessDir:
        names = [run.path.name.partition("-")[2] for run in self._found()]
        taken = [int(name) for name in names if name.isdecimal()]
        run = ProcessDir(self._home / f"keeper-{max(taken, default=0) + 1}")
        self._prepare()
        argv = (sys.executable, "-I", "-S", "-E", "-c", BOOT, str(supervise.SHIM.parent), *map(str, self._ports))
        label = {"ports": list(self._ports)}
        try:
            supervise.spawn(run, Spec(argv, listen=True, grace_s=0.0, label=label, oom_score=NEVER))
        except OSError:
            supervise.remove(run)
            raise
        return run

    async def _asked(self, run: ProcessDir, limit_s: float = START_S) -> dict[str, str]:
        """What is missing, as the keeper says. Raises OSError when it does not come up."""
        end = asyncio.get_running_loop().time() + limit_s
        while (left := end - asyncio.get_running_loop().time()) > 0:
            with contextlib.suppress(OSError, ValueError):
                answer = json.loads(await _answer(run.path, left))
                return {str(where): why if isinstance(why, str) else "" for where, why in answer.items()}
            if (sight := run.sight()).state is State.EXITED:
                raise OSError(f"the ports cannot be held: their keeper {sight.exit}: {run.log_tail(3)}")
            await asyncio.sleep(supervise.POLL_S)
        raise OSError(f"the ports cannot be held: their keeper was silent for {limit_s:g} s")

    async def _keep(self, number: int) -> None:
        """Start one again whenever it ends, and follow what it is short of."""
        while True:
            try:
                run = self._runs[number]
                if run is None:
                    run = self._runs[number] = self._started()
                    self._missing[number] = await self._asked(run)
                await self._follow()
                try:
                    async with asyncio.timeout(LOOK_AGAIN_S if self._missing[number] else None):
                        sight = await supervise.wait(run)
                except TimeoutError:
                    self._missing[number] = await self._asked(run)
                    continue
                log.warning("a keeper of the ports ended (%s): started again", sight.exit)
                supervise.remove(run)
                self._runs[number] = None
            except (OSError, SpecUnreadableError) as error:
                log.error("%s", error)
                await asyncio.sleep(LOOK_AGAIN_S)

    async def _follow(self) -> None:
        """Tell what is missing; take it from instances of ours, looking less and less often at others'."""
        missing, now = self.missing, asyncio.get_running_loop().time()
        if missing != self._told:
            _tell(missing)
            self._told, self._evict_at, self._pause_s = missing, now, LOOK_AGAIN_S
        keeper.hold(self._wanted, self._own)
        if missing and now >= self._evict_at:
            self._evict_at = now + self._pause_s
            self._pause_s = min(MOST_PAUSE_S, 2 * self._pause_s)
            await asyncio.to_thread(self._evict, self._ports)


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


def holder(port: int) -> tuple[str, str]:
    """(where, who) of one who listens on the port; what is bound only is in no table."""
    for one in trespass.listeners({port}):
        return one.place, f"a process of user {one.user}"
    return f"port {port}", "another process"


async def _ended(run: ProcessDir) -> None:
    try:
        supervise.stop(run, 0.0)
        await supervise.wait(run)
        await asyncio.to_thread(supervise.remove, run)
    except OSError as error:
        log.warning("%s is left: %s", run.path, error)


async def _answer(path: Path, limit_s: float) -> bytes:
    """By way of /proc: a data directory's path may be longer than a socket address."""
    directory = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        async with asyncio.timeout(limit_s):
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
