"""Settings become parts: which adapter stands behind which port."""

import asyncio
import importlib.util
import logging
import shutil
import socket
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI

from modelyard import database, files, telemetry
from modelyard.api.app import Deps, create_app
from modelyard.api.server import ApiServer
from modelyard.artifacts.copying import Copying
from modelyard.artifacts.environments import Environments, Overlays
from modelyard.artifacts.snapshots import Snapshots
from modelyard.artifacts.sweeping import Sweeper, digests_in_use, directories_in_use
from modelyard.artifacts.uv import Installer
from modelyard.batch.run import TaskRunner
from modelyard.control.batch import exit_text
from modelyard.control.cleaning import Cleaning
from modelyard.control.clock import load_clock
from modelyard.control.grants import Granting
from modelyard.control.log_retention import LogRetention
from modelyard.control.owners import Owners
from modelyard.control.plane import ControlPlane
from modelyard.control.pools import PoolWatch
from modelyard.control.publishing import Publisher
from modelyard.control.reconcile import Ports
from modelyard.control.self_watch import Figures
from modelyard.control.signed import SignedCallers
from modelyard.core.masking import Masker
from modelyard.core.packages.contents import CODE, CONFIG
from modelyard.core.packages.programs import program
from modelyard.domain.endpoints import Endpoint
from modelyard.engines.base import Engine
from modelyard.engines.containers.credentials import CredentialsFile
from modelyard.engines.diskwatch import rescue
from modelyard.engines.launch import WORK
from modelyard.engines.process import ProcessEngine
from modelyard.engines.tracked import INSTANCES
from modelyard.gateway.base import Gateway
from modelyard.gateway.envoy import EnvoyGateway
from modelyard.iam.addresses import Proxies
from modelyard.iam.bootstrap import Names, Places, prepare
from modelyard.iam.passwords import Passwords
from modelyard.iam.tokens import TokenKey
from modelyard.launching import launching
from modelyard.notify.parts import parts as notifying
from modelyard.objects.base import ObjectStore, ObjectStoreUnavailableError
from modelyard.objects.buckets import Buckets
from modelyard.objects.local import LocalObjects
from modelyard.objects.staging import Staging
from modelyard.operations.audit import Audit
from modelyard.operations.bells import Bells
from modelyard.operations.context import BatchPorts, CardPorts, Context, NotificationPorts, PoolPorts, WatchedPorts
from modelyard.operations.identity import Identity
from modelyard.operations.installation_status import InstallationStatus
from modelyard.operations.object_usage import Usage
from modelyard.operations.objects import Storage
from modelyard.operations.results_room import ResultsRoom
from modelyard.otlp import base as otlp
from modelyard.processes import limits, machine
from modelyard.processes.accelerators import Accelerators
from modelyard.processes.disk import MIB, Reserve
from modelyard.processes.holding import Holding
from modelyard.processes.ports import PortKeeper
from modelyard.public_urls import Urls, public, url
from modelyard.settings import LOG_DAYS, Settings, secret_names
from modelyard.store.base import Store, StoreUnavailableError
from modelyard_runtime.loading.package import MAX_CONFIG_BYTES

log = logging.getLogger(__name__)


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
    store = await _opened(settings, figures, stack)
    clock = load_clock(data_dir)
    near = Urls(url(settings.host, settings.port), url(settings.host, settings.gateway_port))
    urls = public(settings, near)
    passwords = Passwords()
    tokens = await asyncio.to_thread(TokenKey.load, data_dir / "keys", ttl_s=settings.token_ttl_s)
    places = Places(near.auth, near.api, near.gateway, settings.region)
    credentials = await prepare(store, data_dir, places, _names(settings), passwords)
    identity = Identity(store, clock.wall_ms, tokens, passwords)
    snapshots = Snapshots(data_dir / "packages")
    installer = Installer(builds=settings.dependency_builds, limit_s=settings.dependency_timeout_s)
    environments = Environments(data_dir / "environments", installer)
    launched = await launching(settings, data_dir, store)
    engine: Engine = ProcessEngine(
        data_dir,
        snapshots.path,
        options=replace(
            launched.options,
            overlay=Overlays(environments).of,
            log_kept_bytes=settings.instance_output_mib * MIB,
        ),
        enforcement=None if settings.enforce_limits else limits.switched_off("enforce_limits is off"),
        now_ms=clock.now_ms,
        disk_bytes=settings.instance_disk_mib * MIB,
        reserve=reserve(settings),
        removed_output_bytes=4 * settings.instance_output_mib * MIB,
        containers=launched.containers,
    )
    audit = Audit(
        store, clock.wall_ms, days=settings.audit_days, rows=settings.audit_rows, tallies=figures.tallies
    )
    stack.push_async_callback(audit.close)
    secrets = known_secrets(settings, credentials)
    tracing, spans = telemetry.traces(settings, (store, clock), Masker.of(secrets), figures, stack)
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
        images=launched.images,
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
    logs = await telemetry.kept_logs(settings, data_dir, log_bells, stack)
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
    pools = PoolWatch(store, launched.pools, look_again, clock.wall_ms)
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
    exporter = await telemetry.exporter(settings, store, logs, figures, stack)
    disk = Cleaning(data_dir, store, sweeper, storage.staging, clock.wall_ms).ports()
    world, bells = (
        Ports(store, engine, gateway, clock, _new_id, runner, sights=pools.sight, cards=launched.cards.fresh),
        Bells(),
    )
    plane = ControlPlane(
        world,
        publisher,
        token_ttl_ms=settings.token_ttl_s * 1000,
        sweeper=sweeper,
        chores=(storage.staging.sweep, audit.trim, retention.sweep),
        beside={
            **telemetry.collectors(engine, gateway, (logs, Owners(store, secrets)), clock.wall_ms, figures),
            **telemetry.watching(data_dir, figures, engine, disk.measured),
            "look at pools": pools.run,
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
        volume_dirs=launched.options.volume_dirs,
        mountable=launched.options.isolation.views,
        unmountable=launched.options.isolation.reasons.get("view", ""),
        occupied=launched.occupied,
        ours=launched.ours,
        instance_user=launched.options.isolation.shared_user,
        capacity=machine.capacity(),
        cards=_card_ports(launched.cards, Granting(store, engine, launched.cards.fresh)),
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
        images=bool(settings.container_engine),
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
        pools=PoolPorts(pools.sight, pools.look),
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
                {**engine.enforced(), "ports": ports.describe(launched.options.isolation)},
                engine.disk(),
                telemetry.exports(settings, exporter, spans),
            ),
        )
    )
    return Parts(near, world, plane, engine, gateway, app, proxies, (bells, log_bells), secrets)


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


async def _opened(settings: Settings, figures: Figures, stack: AsyncExitStack) -> Store:
    store = database.store_of(settings, figures.transaction)
    await store.open()
    stack.push_async_callback(store.close)
    database.remember(settings, store)
    return store


async def _endpoints(store: Store) -> Mapping[str, Endpoint]:
    """Which buckets have an endpoint of their own."""
    try:
        async with store.read() as reading:
            return await reading.endpoints()
    except StoreUnavailableError as error:
        raise ObjectStoreUnavailableError(f"nobody can tell where buckets are: {error}") from error


def _card_ports(cards: Accelerators, granting: Granting) -> CardPorts:
    return CardPorts(lambda: cards.inventory, cards.readings, granting.all)


def reserve(settings: Settings) -> Reserve:
    """The disk's reserve of a data directory."""
    return Reserve(settings.data_dir.absolute() / "reserve", settings.disk_reserve_mib * MIB)


def relieve(settings: Settings) -> None:
    """On a full disk: make room, before anything is written."""
    data_dir = settings.data_dir.absolute()
    rescue(data_dir, data_dir / INSTANCES, WORK, settings.instance_disk_mib * MIB, reserve(settings))


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
