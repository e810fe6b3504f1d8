"""Settings become parts: which adapter stands behind which port."""

import asyncio
import importlib.util
import logging
import os
import shutil
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI

from modelyard import __version__, database, files
from modelyard.api.app import Deps, create_app
from modelyard.api.server import ApiServer
from modelyard.artifacts.copying import Copying
from modelyard.artifacts.environments import Environments, Overlays
from modelyard.artifacts.snapshots import Snapshots
from modelyard.artifacts.sweeping import Sweeper, digests_in_use, directories_in_use
from modelyard.artifacts.uv import Installer
from modelyard.batch.run import TaskRunner
from modelyard.control.batch import exit_text
from modelyard.control.calls import CallsKeeper, nobodys
from modelyard.control.cleaning import Cleaning
from modelyard.control.clock import Clock, load_clock
from modelyard.control.collecting import Collector
from modelyard.control.exporting import Exporter, exported
from modelyard.control.log_retention import LogRetention
from modelyard.control.owners import Owners
from modelyard.control.plane import ControlPlane
from modelyard.control.publishing import Publisher, Resolve
from modelyard.control.reconcile import Ports
from modelyard.control.registries import RegistryLogins
from modelyard.control.self_watch import Figures, SelfWatch
from modelyard.control.signed import SignedCallers
from modelyard.control.span_export import SpanExporter
from modelyard.control.span_export import exported as spans_exported
from modelyard.core.masking import Masker
from modelyard.core.packages.contents import CODE, CONFIG
from modelyard.core.packages.programs import program
from modelyard.domain.endpoints import Endpoint
from modelyard.engines.base import Engine
from modelyard.engines.containers.containers import Containers
from modelyard.engines.containers.credentials import CredentialsFile, NoCredentials
from modelyard.engines.containers.shape import ContainerOptions
from modelyard.engines.diskwatch import rescue
from modelyard.engines.launch import WORK, LaunchOptions, readable, trial
from modelyard.engines.process import INSTANCES, ProcessEngine
from modelyard.gateway.base import Gateway
from modelyard.gateway.envoy import EnvoyGateway
from modelyard.iam.addresses import Proxies
from modelyard.iam.bootstrap import Names, Places, prepare
from modelyard.iam.passwords import Passwords
from modelyard.iam.tokens import TokenKey
from modelyard.logs.base import LogStore
from modelyard.logs.process import LogProcess
from modelyard.notify.parts import parts as notifying
from modelyard.objects.base import ObjectStore, ObjectStoreUnavailableError
from modelyard.objects.buckets import Buckets
from modelyard.objects.local import LocalObjects
from modelyard.objects.staging import Staging
from modelyard.operations.audit import Audit
from modelyard.operations.bells import Bells
from modelyard.operations.context import BatchPorts, Context, NotificationPorts, WatchedPorts
from modelyard.operations.identity import Identity
from modelyard.operations.installation_status import InstallationStatus
from modelyard.operations.object_usage import Usage
from modelyard.operations.objects import Storage
from modelyard.operations.results_room import ResultsRoom
from modelyard.operations.tracing import Tracing
from modelyard.otlp import base as otlp
from modelyard.processes import isolation, limits, machine
from modelyard.processes.disk import MIB, Reserve
from modelyard.processes.holding import Holding
from modelyard.processes.mounts import occupied, view
from modelyard.processes.ports import PortKeeper
from modelyard.settings import LOG_DAYS, Settings, secret_names
from modelyard.store.base import Store, StoreUnavailableError
from modelyard_runtime.door.docker import Docker
from modelyard_runtime.loading.package import MAX_CONFIG_BYTES

log = logging.getLogger(__name__)

Beside = Callable[[], Coroutine[object, object, None]]
"""What goes on all the time, until cancelled."""

LOADING_WEIGHT = 1.0
"""A model that loads gets a full share of a busy CPU. Measured on two cores under 16 callers: a quarter of a share
made changes four times as slow and the worst answer no better (docs/decisions/0006)."""


@dataclass(frozen=True, slots=True)
class Urls:
    """Where callers reach us, without a slash at the end."""

    api: str
    gateway: str

    @property
    def auth(self) -> str:
        return f"{self.api}/v3"


@dataclass(frozen=True, slots=True)
class Parts:
    """One composed Modelyard, nothing of it started but the store."""

    urls: Urls
    world: Ports
    plane: ControlPlane
    engine: Engine
    gateway: Gateway
    app: FastAPI
    proxies: Proxies
    bells: tuple[Bells, ...]
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    def server(self, listener: socket.socket) -> ApiServer:
        return ApiServer(self.app, listener, self.proxies, ending=self._end_streams)

    def _end_streams(self) -> None:
        for bells in self.bells:
            bells.close()


async def composed(settings: Settings, stack: AsyncExitStack, ports: PortKeeper) -> Parts:
    """Everything put together; `stack` closes the store. `ports` holds those that are in `settings`. Raises
    DataDirError, StoreUnavailableError, SchemaError, OSError."""
    data_dir = settings.data_dir.absolute()
    figures = Figures()
    store = database.store_of(settings, figures.transaction)
    await store.open()
    stack.push_async_callback(store.close)
    database.remember(settings, store)
    clock = load_clock(data_dir)
    near = Urls(_url(settings.host, settings.port), _url(settings.host, settings.gateway_port))
    urls = _public(settings, near)
    passwords = Passwords()
    tokens = await asyncio.to_thread(TokenKey.load, data_dir / "keys", ttl_s=settings.token_ttl_s)
    places = Places(near.auth, near.api, near.gateway, settings.region)
    credentials = await prepare(store, data_dir, places, _names(settings), passwords)
    identity = Identity(store, clock.wall_ms, tokens, passwords)
    snapshots = Snapshots(data_dir / "packages")
    installer = Installer(builds=settings.dependency_builds, limit_s=settings.dependency_timeout_s)
    environments = Environments(data_dir / "environments", installer)
    launching, (containers, resolved) = (
        await _launching(settings, data_dir),
        _containers(settings, data_dir, store),
    )
    engine: Engine = ProcessEngine(
        data_dir,
        snapshots.path,
        options=replace(
            launching,
            overlay=Overlays(environments).of,
            log_kept_bytes=settings.instance_output_mib * MIB,
        ),
        enforcement=None if settings.enforce_limits else limits.switched_off("enforce_limits is off"),
        now_ms=clock.now_ms,
        disk_bytes=settings.instance_disk_mib * MIB,
        reserve=reserve(settings),
        removed_output_bytes=4 * settings.instance_output_mib * MIB,
        containers=containers,
    )
    audit = Audit(
        store, clock.wall_ms, days=settings.audit_days, rows=settings.audit_rows, tallies=figures.tallies
    )
    stack.push_async_callback(audit.close)
    secrets = known_secrets(settings, credentials)
    tracing, spans = _traces(settings, (store, clock), Masker.of(secrets), figures, stack)
    gateway: Gateway = EnvoyGateway(
        data_dir,
        settings.gateway_port,
        tokens.jwks(),
        host=settings.host,
        concurrency=settings.envoy_workers or None,
        check=SignedCallers(identity, audit),
        port_is_kept=True,
        traced=settings.trace_requests,
        spans=spans.of_gateway if spans else None,
    )
    directory = LocalObjects(data_dir / "objects")
    await asyncio.to_thread(_sweep, directory, data_dir)
    objects = Buckets(directory, lambda: _endpoints(store), settings.objects())
    stack.push_async_callback(objects.close)
    publisher = Publisher(
        store,
        Copying(objects, settings.disk_reserve_mib * MIB),
        snapshots,
        clock.wall_ms,
        environments=environments,
        safe_formats_only=settings.safe_formats_only,
        images=resolved,
    )
    sweeper = Sweeper(
        snapshots.shelf,
        environments.shelf,
        lambda: digests_in_use(store),
        lambda: directories_in_use(data_dir / "instances"),
        lambda: clock.wall_ms() / 1000,
        keep=settings.package_cache_bytes,
        litter=(data_dir / "instances", data_dir / "gateway", data_dir),
        removing=Holding(data_dir).removing,
    )
    storage = _storage(data_dir, objects, clock.wall_ms, settings.disk_reserve_mib * MIB)
    log_bells = Bells()
    logs = await _kept_logs(settings, data_dir, log_bells, stack)
    retention = LogRetention(
        store,
        logs,
        clock.wall_ms,
        most_bytes=settings.log_bytes_per_service,
        days=settings.log_days,
        days_after=LOG_DAYS,
    )
    stack.push_async_callback(storage.usage.close)

    def look_again(service_id: str) -> None:
        plane.nudge("service", service_id)

    room = ResultsRoom(lambda: context, storage.usage)
    runner = TaskRunner(
        store,
        objects,
        clock,
        look_again,
        exit_of=partial(exit_text, engine),
        kill=partial(engine.stop, grace_s=0),
        data_dir=data_dir,
        home_project=credentials.get("project_id") or settings.project_name,
        room=room,
    )
    notified = notifying(data_dir / "keys" / "notifications", settings.notifications(urls.api), clock.wall_ms)
    stack.push_async_callback(notified.close)
    exporter = await _exporter(settings, store, logs, figures, stack)
    disk = Cleaning(data_dir, store, sweeper, storage.staging, clock.wall_ms).ports()
    world, bells = Ports(store, engine, gateway, clock, _new_id, runner), Bells()
    plane = ControlPlane(
        world,
        publisher,
        token_ttl_ms=settings.token_ttl_s * 1000,
        sweeper=sweeper,
        chores=(storage.staging.sweep, audit.trim, retention.sweep),
        beside={
            **_collectors(engine, gateway, (logs, Owners(store, secrets)), clock.wall_ms, figures),
            **_watching(data_dir, figures, engine, disk.measured),
            **({"export logs": exporter.run} if exporter else {}),
            **({"export spans": spans.run} if spans else {}),
        },
        channels=notified.channels,
        changed=bells.ring,
        tracing=tracing,
        tallies=figures.tallies,
    )
    figures.tell(plane.samples)
    context = Context(
        store=store,
        clock=clock.wall_ms,
        new_id=_new_id,
        nudge=plane.nudge,
        buckets_moved=objects.moved,
        gateway_url=urls.gateway,
        volume_dirs=_directories(settings.volume_dirs),
        mountable=launching.isolation.views,
        unmountable=launching.isolation.reasons.get("view", ""),
        occupied=occupied((*readable(launching.python), *launching.shown), data_dir),
        instance_user=launching.isolation.shared_user,
        capacity=machine.capacity(),
        scripted=lambda digest: _scripted(snapshots.shelf.root / digest / "model"),
        home_project=credentials.get("project_id") or settings.project_name,
        usage=engine.usage,
        requests_per_minute=plane.requests_per_minute,
        metrics=engine.metrics,
        facts=plane.facts,
        batch=BatchPorts(
            runner.pace,
            objects,
            parquet=importlib.util.find_spec("pyarrow") is not None,
            lacking=room.lacking,
        ),
        bells=bells,
        images=containers is not None,
        instance_disk_mib=settings.instance_disk_mib,
        steady=clock.now_ms,
        notifications=NotificationPorts(
            settings.region,
            notified.endpoints,
            settings.notifications(urls.api).remote,
            notified.certificates.pem,
        ),
        logs=logs,
        log_bells=log_bells,
        tracing=tracing,
        watched=WatchedPorts(gateway.measures, figures.samples),
    )
    proxies = Proxies.of(settings.trusted_proxies)
    app = create_app(
        Deps(
            context=context,
            audit=audit,
            disk=disk,
            tallies=figures.tallies,
            in_flight=figures.in_flight,
            proxies=proxies,
            tokens=tokens,
            storage=storage,
            passwords=passwords,
            api_url=urls.api,
            region=settings.region,
            healthy=plane.healthy,
            status=lambda: InstallationStatus(
                gateway.connected(),
                {**engine.enforced(), "ports": ports.describe(launching.isolation)},
                engine.disk(),
                _exports(settings, exporter, spans),
            ),
        )
    )
    return Parts(near, world, plane, engine, gateway, app, proxies, (bells, log_bells), secrets)


async def _kept_logs(settings: Settings, data_dir: Path, bells: Bells, stack: AsyncExitStack) -> LogProcess:
    logs = LogProcess(
        data_dir / "logs",
        most_bytes=settings.log_bytes_per_service,
        reserve_bytes=settings.disk_reserve_mib * MIB,
        ring=bells.ring,
    )
    await logs.open()
    stack.push_async_callback(logs.close)
    return logs


async def _exporter(
    settings: Settings, store: Store, logs: LogStore, figures: Figures, stack: AsyncExitStack
) -> Exporter | None:
    """Of lines, where a receiver is named."""
    if not settings.otlp_endpoint:
        return None
    from modelyard.logs.otlp import receiver

    made = receiver(settings.otlp_endpoint, settings.otlp_protocol, otlp.headers(settings.otlp_headers))
    stack.push_async_callback(made.close)
    exporter = Exporter(store, logs, made)
    figures.tell(lambda: exported(exporter.state, round(time.time() * 1000)))
    return exporter


def _traces(
    settings: Settings, world: tuple[Store, Clock], masker: Masker, figures: Figures, stack: AsyncExitStack
) -> tuple[Tracing, SpanExporter] | tuple[None, None]:
    """What traces, and what sends it, where a receiver of traces is named."""
    if not settings.otlp_traces_endpoint:
        return None, None
    from modelyard.traces.otlp import receiver

    protocol = settings.otlp_traces_protocol or settings.otlp_protocol
    headers = otlp.headers(settings.headers_of_traces())
    made, (store, clock) = receiver(settings.otlp_traces_endpoint, protocol, headers), world
    tracing = Tracing(clock.wall_ms, clock.now_ms)
    exporter = SpanExporter(store, tracing, made, lambda: masker)
    stack.push_async_callback(made.close)
    stack.push_async_callback(exporter.flush)
    figures.tell(lambda: spans_exported(exporter.now()))
    return tracing, exporter


def _exports(settings: Settings, exporter: Exporter | None, spans: SpanExporter | None) -> Mapping[str, str]:
    """Where lines and spans go, and how that stands."""
    told = {}
    if exporter is not None:
        told["otlp"] = f"{settings.otlp_endpoint} {exporter.told()}"
    if spans is not None:
        told["traces"] = f"{settings.otlp_traces_endpoint} {spans.told()}"
    return told


def _collectors(
    engine: Engine,
    gateway: Gateway,
    keeping: tuple[LogProcess, Owners],
    now_ms: Callable[[], int],
    figures: Figures,
) -> Mapping[str, Beside]:
    """Of what instances write, and of what the gateway writes of calls."""
    logs, owners = keeping
    calls = CallsKeeper(logs, owners.project, owners.secrets)
    tallies = figures.tallies
    written = Collector(engine, logs, owners.of, now_ms, tallies=tallies)
    called = Collector(gateway.calls, calls, nobodys, now_ms, source="gateway", tallies=tallies)
    figures.tell(written.samples, called.samples)
    return {"collect output": written.run, "collect calls": called.run}


def _watching(
    data_dir: Path, figures: Figures, engine: Engine, measured: Callable[[], Awaitable[Mapping[str, int]]]
) -> Mapping[str, Beside]:
    """Of this process itself, and of its disk."""
    watch = SelfWatch(data_dir, __version__, figures.tallies, engine.disk, measured)
    figures.tell(watch.samples)
    return {"watch itself": watch.look, "measure the disk": watch.measure}


def known_secrets(settings: Settings, credentials: Mapping[str, str] = {}) -> frozenset[str]:
    """What no line of a log may tell. `credentials`: what their file says."""
    of_file = {value for name, value in credentials.items() if "password" in name or "secret" in name}
    parts = {"database_url", "otlp_headers", "otlp_traces_headers"}  # what is secret is within them
    whole = {getattr(settings, name) for name in secret_names() if name not in parts}
    password = urlsplit(settings.database_url).password or ""
    sent = (settings.otlp_headers, settings.otlp_traces_headers)
    tokens = [value for text in sent if text for value in _values(text)]
    registries = settings.registry_credentials
    logins = CredentialsFile(Path(registries)).secrets() if registries else frozenset()
    return frozenset({*of_file, *logins, *tokens, *whole, password} - {""})


def _values(headers: str) -> Iterable[str]:
    try:
        return otlp.headers(headers).values()
    except ValueError:
        return (headers,)  # of an endpoint that is not set, so nobody has looked at them


def _sweep(directory: LocalObjects, data_dir: Path) -> None:
    """What a kill left half written; what a backup has yet to read stays, if one is being made."""
    with Holding(data_dir).removing() as may:
        directory.sweep(pins=may)


def _storage(data_dir: Path, objects: ObjectStore, clock: Callable[[], int], reserve_bytes: int) -> Storage:
    def spare_bytes() -> int:
        return shutil.disk_usage(data_dir).free - reserve_bytes

    return Storage(objects, Staging(data_dir / "uploads", clock), Usage(objects), spare_bytes)


def _names(settings: Settings) -> Names:
    return Names(settings.domain_name, settings.project_name, settings.user_name)


async def _endpoints(store: Store) -> Mapping[str, Endpoint]:
    """Which buckets have an endpoint of their own."""
    try:
        async with store.read() as reading:
            return await reading.endpoints()
    except StoreUnavailableError as error:
        raise ObjectStoreUnavailableError(f"nobody can tell where buckets are: {error}") from error


def _containers(
    settings: Settings, data_dir: Path, store: Store
) -> tuple[Containers, Resolve] | tuple[None, None]:
    """The container engine, where one is set. What is ours there is known by a name that this data directory
    keeps. Raises OSError."""
    if not settings.container_engine:
        return None, None
    docker = Docker(settings.container_engine.removeprefix("unix://"))
    known = settings.registry_credentials
    place = data_dir / "installation"
    if not place.exists():
        files.write(place, uuid.uuid4().hex.encode())
    options = ContainerOptions(
        files.read(place).decode("ascii", "replace").strip(),
        user=settings.container_user,
        alone=settings.instance_network == isolation.NONE,
        joins=isolation.is_root(),
    )
    logins = RegistryLogins(store, CredentialsFile(Path(known)) if known else NoCredentials())
    containers = Containers(docker, options, logins.of_service)
    return containers, partial(logins.resolved, containers)


async def _launching(settings: Settings, data_dir: Path) -> LaunchOptions:
    """How instances are started here: with as few rights as this machine lets us take from them."""
    options = LaunchOptions(
        loading_weight=LOADING_WEIGHT,
        safe_formats_only=settings.safe_formats_only,
        volume_dirs=_directories(settings.volume_dirs),
    )
    users, why = isolation.users(settings.instance_user, root=isolation.is_root(), uid_map=isolation.id_map())
    shown = readable(options.python)
    alone = settings.instance_network == isolation.NONE
    isolated = await isolation.detect(
        data_dir / "trial",
        users,
        why,
        trial(options.python),
        lambda work: view(shown, data_dir, work),
        network=alone,
    )
    if alone and not isolated.network:
        reason = isolated.reasons.get("network", "")
        raise OSError(f"instance_network is none, which cannot be had here: {reason}")
    if users is None or not isolated.views:
        for what, how in isolated.describe().items():
            log.warning("isolation of instances: %s %s", what, how)
    if isolated.users is not None and not isolated.views:
        for name in ("packages", "environments"):
            (data_dir / name).mkdir(mode=0o711, exist_ok=True)
            (data_dir / name).chmod(0o711)
    return replace(options, isolation=isolated)


def reserve(settings: Settings) -> Reserve:
    """The disk's reserve of a data directory."""
    return Reserve(settings.data_dir.absolute() / "reserve", settings.disk_reserve_mib * MIB)


def relieve(settings: Settings) -> None:
    """On a full disk: make room, before anything is written."""
    data_dir = settings.data_dir.absolute()
    rescue(data_dir, data_dir / INSTANCES, WORK, settings.instance_disk_mib * MIB, reserve(settings))


def _directories(text: str) -> tuple[str, ...]:
    """Absolute directories with `:` between them, as the file system resolves them."""
    return tuple(str(Path(part).resolve()) for part in text.split(":") if part.startswith("/"))


def _scripted(package: Path) -> bool:
    """Whether it may do more than its format alone: a script, a command or an image."""
    if not package.is_dir() or (package / CODE).is_file():
        return True
    try:
        return program(files.read_object(package / CONFIG, MAX_CONFIG_BYTES)) is not None
    except (OSError, ValueError):
        return False


def _new_id() -> str:
    return str(uuid.uuid4())


def _public(settings: Settings, near: Urls) -> Urls:
    """What callers are told: where a proxy is, if one was named. Commands on this machine go on without it."""
    api = settings.public_url.rstrip("/")
    return Urls(api or near.api, settings.public_gateway_url.rstrip("/") or api or near.gateway)


def _url(host: str, port: int) -> str:
    """Where a client on this machine, or one that knows its name, reaches us."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = os.environ.get("MODELYARD_PUBLIC_HOST") or socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
