"""The composition root: settings → adapters → loops and API. The only file that knows every part.

up    runs a control plane in the foreground. Ctrl-C (SIGINT) ends everything; SIGTERM, SIGHUP or a crash end
      the control plane alone, and the next `up` on the same data directory takes over what goes on serving.
down  ends everything of a data directory, whether a control plane runs there or not.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from modelyard import database, trees
from modelyard.composition import Parts, composed, known_secrets, relieve
from modelyard.control.plane import end_instances
from modelyard.engines.base import EngineUnavailableError
from modelyard.engines.portwatch import evict
from modelyard.engines.tracked import INSTANCES
from modelyard.files import DamagedFileError
from modelyard.gateway.base import GatewayFailedError
from modelyard.gateway.envoy_runs import ports_in_use
from modelyard.iam import bootstrap
from modelyard.operations import audit
from modelyard.own_log import OwnLog
from modelyard.processes import keepers, oom
from modelyard.processes.datadir import DataDir, DataDirError, Holder
from modelyard.processes.ports import PORTS, PortHeldError, PortKeeper
from modelyard.remains import NOTHING, remains
from modelyard.settings import Settings, without_secrets
from modelyard.store.base import SchemaError, StoreUnavailableError

log = logging.getLogger("modelyard")

FAILED = 1
EXPECTED = (
    DataDirError,
    DamagedFileError,
    EngineUnavailableError,
    GatewayFailedError,
    StoreUnavailableError,
    SchemaError,
    OSError,
)
"""What stands in the way of a start, and says so in a sentence."""
DOWN_LIMIT_S = 60.0
BUSY = 3
"""Exit status: another control plane runs on this data directory."""


def up(settings: Settings) -> int:
    """Run until a signal says otherwise; the exit status. Says on stderr what stands in the way of a start."""
    own_log = OwnLog()
    own_log.begin(settings.log_level, known_secrets(settings))
    logging.getLogger("httpx").setLevel(logging.WARNING)
    without_secrets(os.environ)
    data_dir = DataDir(settings.data_dir)
    oom.spare(oom.OURS)
    try:
        data_dir.create()
        if not data_dir.hold():
            return _say(f"a control plane (process {_pid(data_dir)}) already runs on {data_dir.path}", BUSY)
        data_dir.check()
        relieve(settings)
        own_log.keep(data_dir.path)
        return asyncio.run(_run(settings, data_dir, own_log))
    except EXPECTED as error:
        return _say(str(error), FAILED)
    finally:
        data_dir.release()


def down(path: Path) -> int:
    """End the control plane, the gateway and every instance of a data directory; the exit status."""
    data_dir = DataDir(path)
    if not data_dir.path.is_dir():
        return _say(f"{data_dir.path} is not a data directory", FAILED)
    try:
        held = data_dir.hold()
    except DataDirError as error:
        return _say(str(error), FAILED)
    if not held:
        holder = data_dir.holder()
        pid = holder.pid if holder else data_dir.holding()
        if pid is None:
            return _say(f"somebody holds {data_dir.path} and does not say who: try again", BUSY)
        with suppress(ProcessLookupError):  # it ended just now
            os.kill(pid, signal.SIGINT)
        if not _held_within(data_dir, DOWN_LIMIT_S):
            return _say(f"the control plane (process {pid}) does not end: look at its log", BUSY)
    try:
        data_dir.check()
        settings = Settings(data_dir=data_dir.path, database_url=_taken_database_url())
        relieve(settings)
        return asyncio.run(_end(settings, data_dir))
    except EXPECTED as error:
        return _say(str(error), FAILED)
    finally:
        data_dir.release()


async def _run(settings: Settings, data_dir: DataDir, own_log: OwnLog) -> int:
    told = asyncio.get_running_loop().create_future()
    async with AsyncExitStack() as stack:
        stack.enter_context(_signals(told))
        settings, ports = await _with_ports(settings, data_dir, stack)
        listener = stack.enter_context(_listening(settings))
        data_dir.announce(Holder(os.getpid(), settings.port, settings.gateway_port))
        parts = await composed(settings, stack, ports)
        own_log.hide(parts.secrets)
        await _recorded(parts, "modelyard up", f"API {parts.urls.api}, gateway {parts.urls.gateway}")
        await parts.gateway.open()
        await parts.plane.start()
        server = parts.server(listener)
        serving = asyncio.create_task(server.serve(), name="api")
        log.info("ready: API %s, gateway %s", parts.urls.api, parts.urls.gateway)
        log.info("what the API can do: %s/docs", parts.urls.api.rstrip("/"))
        log.info("user and password of the first start: %s", data_dir.path / bootstrap.FILE_NAME)
        await asyncio.wait({told, serving}, return_when=asyncio.FIRST_COMPLETED)
        server.stop()
        await serving
        everything = told.done() and told.result() is signal.SIGINT
        ending = "with the gateway and every instance" if everything else "the control plane alone"
        await _recorded(parts, "modelyard up ends", ending)
        await _leave(parts, everything=everything)
        if everything:
            await ports.end()  # last: instances are gone
    return 0


async def _with_ports(settings: Settings, data_dir: DataDir, stack: AsyncExitStack) -> tuple[Settings, PortKeeper]:
    """Take both ports before anything is started; `stack` lets go of them, and gives them up after a failure that
    leaves nothing running. A gateway keeps the port that it had, so that a running one is adopted."""
    last = data_dir.last()
    remembered = last.gateway_port if last else min(ports_in_use(data_dir.path), default=0)
    gateway_port = settings.gateway_port or remembered
    ports = PortKeeper(data_dir.path / PORTS, partial(evict, data_dir.path / INSTANCES))

    async def let_go(kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not ports_in_use(data_dir.path):
            await ports.end()
        await ports.close()

    stack.push_async_exit(let_go)
    try:
        port, gateway_port = await ports.hold(settings.port, gateway_port, ours=ports_in_use(data_dir.path))
    except PortHeldError as error:
        option = "--port" if error.port == settings.port else "--gateway-port"
        if (owner := keepers.owner(error.port)) is not None and owner != data_dir.path:
            ending = f"`modelyard down --data-dir {owner}` ends it"
            text = f"port {error.port} is taken by the Modelyard of {owner}; {ending}, or choose another {option}"
            raise OSError(text) from error
        raise OSError(f"{error}; choose another {option}") from error
    return replace(settings, port=port, gateway_port=gateway_port), ports


async def _leave(parts: Parts, *, everything: bool) -> None:
    await parts.plane.close()
    if everything:
        log.info("ending the gateway and every instance")
        await parts.gateway.stop()
        await end_instances(parts.world)
    else:
        log.info("leaving; gateway and instances go on serving")
        await parts.gateway.close()
    await parts.engine.close()


async def _end(settings: Settings, data_dir: DataDir) -> int:
    """End what no control plane looks after. Where nothing of it runs, as after a control plane that was told to
    end everything, no database is needed for that: maybe only its control plane knew where it is."""
    ports = PortKeeper(data_dir.path / PORTS)
    if not database.used(data_dir.path) or (
        not database.named(settings) and await asyncio.to_thread(remains, data_dir.path) == NOTHING
    ):
        await ports.end()
        return 0
    async with AsyncExitStack() as stack:
        parts = await composed(settings, stack, ports)
        await _recorded(parts, "modelyard down", "the gateway and every instance")
        await parts.gateway.end()
        await parts.engine.open()
        await end_instances(parts.world)
        await parts.engine.close()
        await asyncio.to_thread(trees.clear, data_dir.path / "instances")
        await ports.end()
    return 0


async def _recorded(parts: Parts, action: str, what: str) -> None:
    """In the audit; a database that cannot be written keeps nobody from starting or ending."""
    try:
        await audit.local(parts.world.store, parts.world.clock.wall_ms(), action, name=what)
    except StoreUnavailableError as error:
        log.error("%s is not in the audit: %s", action, error)


@contextmanager
def _signals(told: "asyncio.Future[signal.Signals]") -> Iterator[None]:
    """The first signal decides; later ones change nothing."""
    loop = asyncio.get_running_loop()

    def tell(which: signal.Signals) -> None:
        if not told.done():
            told.set_result(which)

    for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(which, tell, which)
    yield


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """The API's socket, beside that of the keeper of its port. Raises OSError that names the port."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            text = f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); choose another --port"
            raise OSError(text) from error
        listener.listen(1024)
        yield listener
    finally:
        listener.close()


def _held_within(data_dir: DataDir, limit_s: float) -> bool:
    """Wait for another process to end; there is no event for a lock of somebody else's."""
    end = time.monotonic() + limit_s
    while not data_dir.hold():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _taken_database_url() -> str:
    """Out of the environment: whatever we start inherits nothing of it."""
    return os.environ.pop("MODELYARD_DATABASE_URL", "")


def _pid(data_dir: DataDir) -> str:
    holder = data_dir.holder()
    pid = holder.pid if holder else data_dir.holding()
    return str(pid) if pid else "unknown"


def _say(text: str, status: int) -> int:
    print(f"modelyard: {text}", file=sys.stderr)
    return status
