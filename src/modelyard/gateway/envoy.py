"""Envoy as the gateway: a detached process that is adopted, or started and started again, and fed over ADS.

    DATA/gateway/          0700
        bootstrap.json     what it is started with
        xds.sock           where it asks for its routes
        admin.sock         its counters; nobody else may ask
        envoy-N/           one run of it (see modelyard.processes)

It outlives this process. A control plane that starts takes over the Envoy that it finds, even one of another
release (`bootstrap.GENERATION`), unless it listens elsewhere or traces otherwise: then it is replaced. An Envoy
that ends is started again at once, one that no longer answers is ended (`gateway.watching`).
"""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from modelyard import files, trees
from modelyard.domain.routing import ServiceRoute
from modelyard.gateway import admin, envoy_runs, watching
from modelyard.gateway.access_output import AccessOutput
from modelyard.gateway.base import (
    NO_TOKENS,
    CounterReading,
    GatewayFailedError,
    GatewayMeasures,
    GatewayView,
    PortTakenError,
    Watcher,
)
from modelyard.gateway.bootstrap import ADMIN_SOCKET, GENERATION, XDS_SOCKET, bootstrap, memory_bound
from modelyard.gateway.envoy_table import EnvoyTable
from modelyard.gateway.protocol import Request, Response
from modelyard.gateway.server import AdsServer, Spans
from modelyard.gateway.signatures import Check, unknown
from modelyard.gateway.translate import DENY_FILTER, revocation_filter, token_filter
from modelyard.processes import oom, supervise
from modelyard.processes.directory import ProcessDir, Sight, Spec, State

log = logging.getLogger(__name__)

_TAKEN = "Address already in use"
_START_S = 15.0
_POLL_S = 0.01
_STOP_GRACE_S = 1.0
_OPEN_FILES = 1 << 20
"""As many as are allowed."""
_MAX_BACKOFF_S = 1.0
FIXED = ("generation", "host", "port", "traced")
"""What an Envoy was started with and cannot be told otherwise: where it differs, another one takes its place."""
ACCESS_FLUSH_MS = 250
ACCESS_KEPT_BYTES = 64 * 1024 * 1024
"""How much of the access log waits for its collector."""


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class EnvoyGateway:
    """Implements `gateway.base.Gateway`."""

    def __init__(
        self,
        data_dir: Path,
        port: int,
        jwks_json: str,
        *,
        issuer: str = "modelyard",
        host: str = "0.0.0.0",  # noqa: S104 - callers come from everywhere; each needs a token
        concurrency: int | None = None,
        check: Check = unknown,
        memory_bytes: int | None = None,
        port_is_kept: bool = False,
        traced: float = 0.0,
        spans: Spans | None = None,
    ) -> None:
        """`jwks_json` holds the public keys of the tokens' issuer. `concurrency`: worker threads, None = as many
        as this process may use cores. `check` says who signed a request. `memory_bytes` bounds what requests make
        Envoy hold, None = a share of the machine's. `port_is_kept`: a process of ours holds the port, so that
        nobody else can have it (`processes.ports`). `traced`: the share of requests that Envoy traces
        (0: it does not know of it), `spans` takes what it tells of them."""
        self.port = port
        self._host = host
        self._port_is_kept = port_is_kept
        self._data_dir = data_dir.absolute()
        self._home = self._data_dir / "gateway"
        self._bootstrap = bootstrap(host, port, memory_bytes or memory_bound(_memory_bytes()), traced)
        self._traced = traced
        self._concurrency = concurrency or len(os.sched_getaffinity(0))
        self._table = EnvoyTable()
        self._table.set_filter(token_filter(jwks_json, issuer))
        self._table.set_filter(revocation_filter({}))
        self._server = AdsServer(
            self._data_dir / XDS_SOCKET, self._connected, self._received, self._tell, check, spans=spans
        )
        self.calls = AccessOutput(self._home)
        self._watchers: list[Watcher] = []
        self._heard = asyncio.Event()
        self._run: ProcessDir | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._away = False

    async def open(self) -> None:
        """Raises PortTakenError, or GatewayFailedError with Envoy's last words."""
        trees.make_directory(self._home)
        await self._server.open()
        try:
            self._run = await self._adopted()
            if self._run is None:
                self._run = self._started()
                await self._born(self._run)
        except BaseException:
            await self._server.close()
            raise
        self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        await self._server.close()

    async def stop(self) -> None:
        """Close, and end Envoy too (`modelyard down`)."""
        await self.close()
        if self._run is not None:
            supervise.stop(self._run, _STOP_GRACE_S)
            await supervise.wait(self._run)
            self.calls.remove(self._run)

    async def end(self) -> None:
        """End every Envoy of this data directory, without opening (nobody looks after them)."""
        for path in sorted(self._home.glob("envoy-*")):
            run = ProcessDir(path)
            if run.sight().state is State.RUNNING:
                supervise.stop(run, _STOP_GRACE_S)
                await supervise.wait(run)
            self.calls.remove(run)

    async def load(self, routes: Iterable[ServiceRoute]) -> None:
        """Returns when callers can connect: Envoy acknowledges its first routes before its port listens."""
        self._push(lambda: self._table.load(routes))
        await self._listening()

    async def put(self, route: ServiceRoute) -> None:
        self._push(lambda: self._table.put(route))

    async def remove(self, service_id: str) -> None:
        self._push(lambda: self._table.remove(service_id))

    async def set_revocations(
        self,
        revocations: Mapping[str, int],
        tokens: Mapping[str, frozenset[str]] = NO_TOKENS,
        settled_s: int = 0,
    ) -> None:
        self._push(lambda: self._table.set_filter(revocation_filter(revocations, tokens, settled_s)))

    def revocations_in_effect(self) -> bool:
        """Envoy acknowledged the last `set_revocations`."""
        return self._table.filter_in_effect(DENY_FILTER)

    def view(self, service_id: str) -> GatewayView:
        return self._table.view(service_id)

    def connected(self) -> bool:
        return self._server.streaming() and self._table.synced() and not self._away

    def answers(self) -> bool:
        return not self._away

    async def counters(self) -> CounterReading | None:
        run = self._run
        if run is None:
            return None
        sight = run.sight()
        try:
            services = await admin.invocations(self._data_dir / ADMIN_SOCKET)
        except (OSError, TimeoutError):
            return None
        return CounterReading(f"{sight.pid}-{sight.created_ms}", services)

    async def measures(self) -> GatewayMeasures | None:
        if self._run is None:
            return None
        try:
            return await admin.measures(self._data_dir / ADMIN_SOCKET)
        except (OSError, TimeoutError):
            return None

    def watch(self, watcher: Watcher) -> None:
        self._watchers.append(watcher)

    def bytes_pushed(self) -> int:
        """Bytes sent towards Envoy by this object, to measure what a change costs."""
        return self._server.bytes_sent

    # From the stream.

    def _connected(self) -> None:
        self._table.connected()
        self._heard.set()

    def _received(self, request: Request) -> None:
        if request.error:
            log.warning("Envoy refused %s: %s", request.kind, request.error)
        self._push(lambda: self._table.received(request))
        if self._table.synced():
            self._away = False

    def _push(self, change: Callable[[], tuple[Response, ...]]) -> None:
        self._server.send(change())
        self._tell()

    def _tell(self) -> None:
        for service_id in self._table.changed():
            for watcher in self._watchers:
                watcher(service_id)

    # The process.

    async def _listening(self) -> None:
        """Wait for the port; there is no event for it. Warns and goes on if it takes too long."""
        end = asyncio.get_running_loop().time() + _START_S
        while asyncio.get_running_loop().time() < end:
            try:
                _, writer = await asyncio.open_connection(self._near(), self.port)
            except OSError:
                await asyncio.sleep(_POLL_S)
                continue
            writer.close()
            return
        log.warning("Envoy does not listen on %s:%d after %g s", self._near(), self.port, _START_S)

    async def _adopted(self) -> ProcessDir | None:
        """A running Envoy that we can keep. Others of this data directory are ended, old runs forgotten.

        Another release, binary or number of workers is no reason to end it, since that breaks its connections:
        it is the next one that starts with the present settings.
        """
        adopted = None
        for path in sorted(self._home.glob("envoy-*")):
            run = ProcessDir(path)
            sight = run.sight()
            if sight.state is State.RUNNING:
                if adopted is None and not sight.stopping and self._can_go_on_with(envoy_runs.label(run)):
                    adopted = run
                    continue
                log.warning("%s cannot be kept: it is replaced, its connections break", run.path.name)
                supervise.stop(run, _STOP_GRACE_S)
                await supervise.wait(run)
            self.calls.remove(run)
        return adopted

    def _can_go_on_with(self, label: Mapping[str, object]) -> bool:
        """It listens where we want it to, and knows everything that our resources refer to."""
        mine = self._label()
        if any(label.get(key) != mine.get(key) for key in FIXED):
            return False
        if label != mine:
            log.warning("the gateway goes on with the settings that it was started with: %s", label)
        return True

    def _label(self) -> dict[str, object]:
        return {
            "generation": GENERATION,
            "host": self._host,
            "port": self.port,
            "workers": self._concurrency,
            "binary": str(envoy_runs.binary()),
            **({"traced": self._traced} if self._traced else {}),
        }

    def _started(self) -> ProcessDir:
        if not self._port_is_kept:
            self._check_port()
        path = self._home / "bootstrap.json"
        trees.make_way(path)
        files.keep(path, self._bootstrap.encode())
        trees.remove(self._data_dir / ADMIN_SOCKET)
        taken = [run.name.partition("-")[2] for run in self._home.glob("envoy-*")]
        run = ProcessDir(self._home / f"envoy-{max((int(n) for n in taken if n.isdecimal()), default=0) + 1}")
        argv = (
            str(envoy_runs.binary()),
            *("-c", str(path.relative_to(self._data_dir))),
            *("--concurrency", str(self._concurrency)),
            *("--log-level", "warning"),
            *("--file-flush-interval-msec", str(ACCESS_FLUSH_MS)),
            "--disable-hot-restart",
        )
        self._heard.clear()
        spec = Spec(
            argv,
            cwd=str(self._data_dir),
            open_files=_OPEN_FILES,
            label=self._label(),
            oom_score=oom.OURS,
            log_kept_bytes=ACCESS_KEPT_BYTES,
        )
        try:
            supervise.spawn(run, spec)
        except OSError:
            supervise.remove(run)  # or each try on a full disk would leave a directory
            raise
        return run

    def _check_port(self) -> None:
        """Envoy shares its port with others of our user: one would silently take a part of the requests. (One
        that has not begun to listen is not seen here. Where a keeper holds the port, it has looked before.)"""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self._host, self.port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise PortTakenError(self.port) from error
                raise

    async def _born(self, run: ProcessDir) -> None:
        """Return when it asked for its routes; raise when it ended instead."""
        ended = asyncio.create_task(supervise.wait(run))
        heard = asyncio.create_task(self._heard.wait())
        try:
            await asyncio.wait({ended, heard}, timeout=_START_S, return_when=asyncio.FIRST_COMPLETED)
            if heard.done():
                return
            if _TAKEN in envoy_runs.words(run, 5):
                raise PortTakenError(self.port)
            why = str(ended.result().exit) if ended.done() else f"was silent for {_START_S:g} s"
            raise GatewayFailedError(f"Envoy {why}: {envoy_runs.words(run, 5)}")
        finally:
            ended.cancel()
            heard.cancel()
            await asyncio.gather(ended, heard, return_exceptions=True)

    async def _ended(self, run: ProcessDir) -> Sight:
        """Wait for its end, and end it if it no longer answers."""
        ended = asyncio.create_task(supervise.wait(run))
        watch = asyncio.create_task(watching.lost(partial(watching.look, run, self._near(), self.port)))
        try:
            await asyncio.wait({ended, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                log.error("Envoy %s: it is replaced, its connections break", watch.result())
                self._away = True
                await asyncio.to_thread(supervise.kill, run)
            return await ended
        finally:
            ended.cancel()
            watch.cancel()
            await asyncio.gather(ended, watch, return_exceptions=True)

    def _near(self) -> str:
        """Where it is reached from this machine."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104 - compared, not bound

    async def _keep(self) -> None:
        """Start it again whenever it ends: at once, then after growing pauses if it does not come up."""
        failures = 0
        while True:
            if self._run is not None:
                sight = await self._ended(self._run)
                log.warning("Envoy ended (%s); last words: %s", sight.exit, envoy_runs.words(self._run, 3))
                self.calls.remove(self._run)
                self._run = None
                self._away = True
                self._table.died()
                self._tell()
            if failures:
                await asyncio.sleep(min(_MAX_BACKOFF_S, 0.05 * 2**failures))
            try:
                self._run = self._started()
                await self._born(self._run)
                failures = 0
            except (PortTakenError, GatewayFailedError, OSError) as error:
                failures += 1
                log.error("Envoy cannot be started: %s", error)
