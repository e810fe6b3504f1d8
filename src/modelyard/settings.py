"""One frozen value with everything that an administrator sets; read once, at start.

Command-line options win over environment variables (`MODELYARD_` and the field's name in capitals).
"""

import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from modelyard.domain.endpoints import Endpoint, EndpointError, endpoint
from modelyard.iam import addresses
from modelyard.otlp import base as otlp
from modelyard.processes import accelerators, isolation

LOG_DAYS = 14

if TYPE_CHECKING:
    from modelyard.notify.parts import Options


class SettingsError(Exception):
    """A setting has no usable value; the message names it, the value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes in bytes, times in seconds. A port of 0 takes a free one.

    `envoy_workers` 0: one per core. `token_ttl_s`: how long a token is good. `enforce_limits`: bound instances
    by the limits of their flavor through control groups where those are writable. `instance_user`: who instances
    run as (`processes.isolation.users`): auto, off, UID, UID:GID or FIRST-LAST; only root may choose.
    `instance_network`: `shared`, instances use this machine's network; `none`, they have no network at all and are
    reached as always, through their Unix sockets; only root may choose it.
    `instance_disk_mib`: how much an instance may have on disk before it is ended, 0 as much as it likes;
    `disk_reserve_mib`: how much is kept to work with when the disk is full.
    `instance_output_mib`: how much of an instance's output waits on disk for its collector, which is behind or,
    with the control plane, away; of more the oldest is dropped, and the log says how much.
    `dependency_builds`: dependencies of models may be built from source, which runs their code with our rights;
    `dependency_timeout_s`: how long installing them may take. `safe_formats_only`: refuse models whose weights run
    code when they are loaded (pickles); scripts are code by nature and not meant. `package_cache_bytes`: how much
    of what no model uses any more stays on disk.
    `audit_days`, `audit_rows`: how long rows of the audit are kept, and how many at most of what a project's users
    changed, of what they were refused, of their logins, and of callers whom nobody knows: each counted by itself.
    `public_url`: where callers reach the API by way of a proxy, https://models.example.com; answers, the catalog
    and notifications name it instead of `host` and `port`. `public_gateway_url`: the same of services, where that
    is not also `public_url`.
    `trusted_proxies`: addresses and networks (`10.0.0.7, 192.168.0.0/16`) whose X-Forwarded-For tells who calls
    the API; of everybody else that header is ignored. `volume_dirs`: directories of this machine, with `:` between
    them, whose contents services may ask to mount.
    `log_bytes_per_service`, `log_days`: how much of what instances wrote is kept of each service, on disk, and
    for how long; the oldest goes first. 0: without that bound.
    `database_url`: the PostgreSQL database that holds what is stored, instead of the file in `data_dir`. It may
    hold a password, so it is no option of the command line and in no repr.
    `s3_endpoint`, `s3_access_key`, `s3_secret_key`, `s3_region`: the S3 service that has every bucket without an
    endpoint of its own, instead of the directory `objects` in `data_dir`; no options of the command line either.
    `otlp_endpoint`: where every line of every service is exported to by OTLP ("": nowhere), with `otlp_headers`
    (`NAME=VALUE,NAME=VALUE`, percent-encoded; they may hold a token, so they are in no repr) by `otlp_protocol`:
    grpc or http/protobuf.
    `otlp_traces_endpoint`: where traces go ("": there are none), with `otlp_traces_headers` by
    `otlp_traces_protocol`. Of the latter two "" means what logs have (headers: if that is the same receiver).
    `trace_requests`: the share of the requests through the gateway (0 to 1) that are traced where their callers do
    not say; 0: none, and the gateway does not know of tracing.
    `container_engine`: the socket of a container engine that speaks the Docker API (`unix:///var/run/docker.sock`;
    "": none), in which models run that are images; `container_user`: who they run as (UID or UID:GID; "": as the
    image says); `registry_credentials`: a file as `docker login` writes it, with what registries are told.
    `gpus`, `npus`: the accelerators of this machine by number (`0,1`), `none`, or "": the drivers' tools say.
    `notify_…`, `smtp_…`, `smn_…`: see `notification_settings`.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8470
    gateway_port: int = 8471
    region: str = "local"
    domain_name: str = "modelyard"
    project_name: str = "local"
    user_name: str = "admin"
    token_ttl_s: int = 24 * 3600
    envoy_workers: int = 0
    enforce_limits: bool = True
    instance_user: str = isolation.AUTO
    instance_network: str = isolation.SHARED
    instance_disk_mib: int = 10 * 1024
    disk_reserve_mib: int = 64
    instance_output_mib: int = 64
    log_level: str = "INFO"
    volume_dirs: str = ""
    public_url: str = ""
    public_gateway_url: str = ""
    trusted_proxies: str = ""
    dependency_builds: bool = False
    dependency_timeout_s: int = 1800
    safe_formats_only: bool = False
    package_cache_bytes: int = 0
    log_bytes_per_service: int = 256 * 1024 * 1024
    log_days: int = LOG_DAYS
    otlp_endpoint: str = ""
    otlp_protocol: str = "grpc"
    otlp_headers: str = field(default="", repr=False)
    otlp_traces_endpoint: str = ""
    otlp_traces_protocol: str = ""
    otlp_traces_headers: str = field(default="", repr=False)
    trace_requests: float = 0.0
    audit_days: int = 180
    audit_rows: int = 200_000
    database_url: str = field(default="", repr=False)
    s3_endpoint: str = ""
    s3_access_key: str = ""
    s3_secret_key: str = field(default="", repr=False)
    s3_region: str = ""
    container_engine: str = ""
    container_user: str = ""
    registry_credentials: str = ""
    gpus: str = ""
    npus: str = ""
    notify_url: str = ""
    notify_allow: str = ""
    smtp_host: str = ""
    smtp_port: int = 0
    smtp_user: str = ""
    smtp_password: str = field(default="", repr=False)
    smtp_from: str = ""
    smtp_tls: str = "starttls"
    smtp_ca_file: str = ""
    smn_endpoint: str = ""
    smn_access_key: str = ""
    smn_secret_key: str = field(default="", repr=False)
    smn_project_id: str = ""
    smn_region: str = ""

    def notifications(self, api_url: str) -> "Options":
        """How notifications go out. Raises SettingsError."""
        try:
            from modelyard import notification_settings  # with it comes what talks to others

            return notification_settings.options(self, api_url)
        except ValueError as error:
            raise SettingsError(str(error)) from None

    def headers_of_traces(self) -> str:
        """Their own; those of logs only where the receiver is the same, since there may be a token in them."""
        same = self.otlp_endpoint and otlp.address(self.otlp_endpoint) == otlp.address(self.otlp_traces_endpoint)
        return self.otlp_traces_headers or (self.otlp_headers if same else "")

    def objects(self) -> Endpoint | None:
        """Where buckets are; None: on this machine. Raises SettingsError."""
        given = (self.s3_access_key, self.s3_secret_key, self.s3_region)
        if not self.s3_endpoint:
            if any(given):
                raise SettingsError("MODELYARD_S3_ENDPOINT is not set, but another MODELYARD_S3_ variable is")
            return None
        try:
            return endpoint(self.s3_endpoint, *given)
        except EndpointError as error:
            name, _, text = str(error).partition(": ")
            raise SettingsError(f"MODELYARD_S3_{name.upper()}: {text}") from None


def secret_names() -> tuple[str, ...]:
    """The settings that hold secrets: those in no repr."""
    return tuple(each.name for each in fields(Settings) if not each.repr)


def without_secrets(environ: MutableMapping[str, str]) -> None:
    """Take them out of an environment, so that whatever is started inherits nothing of them."""
    for name in secret_names():
        environ.pop(f"MODELYARD_{name.upper()}", None)


LEAST = {
    **dict.fromkeys(("instance_disk_mib", "disk_reserve_mib", "log_bytes_per_service", "log_days"), 0),
    **dict.fromkeys(("audit_days", "audit_rows"), 1),
}


def settings(given: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from options (None: not given), then the environment, then the defaults. Raises SettingsError."""
    environ = os.environ if environ is None else environ
    values: dict[str, object] = {}
    for each in fields(Settings):
        name = f"MODELYARD_{each.name.upper()}"
        if given.get(each.name) is not None:
            values[each.name] = given[each.name]
        elif name in environ:
            values[each.name] = _parsed(name, environ[name], each.type)
    if "data_dir" not in values:
        raise SettingsError("data_dir is not set: give --data-dir or MODELYARD_DATA_DIR")
    found = Settings(**values)  # type: ignore[arg-type]  # each value was made for its field
    try:
        isolation.users(found.instance_user, root=False, uid_map="")
    except ValueError as error:
        raise SettingsError(f"instance_user: {error}") from None
    for name in ("trusted_proxies", "notify_allow"):
        try:
            addresses.networks(getattr(found, name))
        except ValueError as error:
            raise SettingsError(f"{name}: {error}") from None
    for name, least in LEAST.items():
        if getattr(found, name) < least:
            raise SettingsError(f"{name}: {getattr(found, name)} is below {least}")
    if not 8 <= found.instance_output_mib <= 65536:
        raise SettingsError(f"instance_output_mib: {found.instance_output_mib} is none of 8 to 65536")
    if found.database_url and not found.database_url.startswith(("postgresql://", "postgres://")):
        raise SettingsError("MODELYARD_DATABASE_URL: it is none of PostgreSQL, postgresql://USER@HOST/DATABASE")
    found.objects()
    found.notifications("")
    _check_containers(found)
    _check_cards(found)
    _check_export(found)
    _check_public(found)
    if found.instance_network not in isolation.NETWORKS:
        raise SettingsError(
            f"instance_network: {found.instance_network!r} is none of {', '.join(isolation.NETWORKS)}"
        )
    return found


def _check_public(found: Settings) -> None:
    for name in ("public_url", "public_gateway_url"):
        text = getattr(found, name)
        if fault := _url_fault(text):
            shown = "what it is set to" if "@" in text else repr(text)  # there may be a password in it
            raise SettingsError(f"MODELYARD_{name.upper()}: {shown} {fault}")


def _url_fault(text: str) -> str:
    """What keeps it from being where a server is reached; "" if nothing does, or there is none."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        return f"cannot be read ({error})"
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return "is no https://HOST or https://HOST:PORT"
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username or not text.isprintable():
        return "has more than https://HOST:PORT: a path, say, under which nothing would be found"
    return ""


def _check_containers(found: Settings) -> None:
    engine, user, known = found.container_engine, found.container_user, found.registry_credentials
    if engine and not engine.startswith("unix:///"):
        raise SettingsError(f"container_engine: {engine!r} is no unix:///PATH of a socket")
    if user and not re.fullmatch(r"\d{1,10}(:\d{1,10})?", user):
        raise SettingsError(f"container_user: {user!r} is neither UID nor UID:GID")
    if known and not known.startswith("/"):
        raise SettingsError(f"registry_credentials: {known!r} is no absolute path")


def _check_cards(found: Settings) -> None:
    for name in ("gpus", "npus"):
        try:
            accelerators.numbers(getattr(found, name))
        except ValueError as error:
            raise SettingsError(f"{name}: {error}") from None


def _check_export(found: Settings) -> None:
    _check_receiver(found, "")
    _check_receiver(found, "traces_")
    if not 0 <= found.trace_requests <= 1:
        raise SettingsError(f"MODELYARD_TRACE_REQUESTS is {found.trace_requests:g}, which is not from 0 to 1")
    if found.trace_requests and not found.otlp_traces_endpoint:
        raise SettingsError("MODELYARD_TRACE_REQUESTS is set, but MODELYARD_OTLP_TRACES_ENDPOINT is not")


def _check_receiver(found: Settings, signal: str) -> None:
    """`signal`: "" is that of logs, whose protocol, which is never "", may be that of traces alone."""
    prefix = f"MODELYARD_OTLP_{signal.upper()}"
    endpoint, protocol, headers = (
        str(getattr(found, f"otlp_{signal}{name}")) for name in ("endpoint", "protocol", "headers")
    )
    if protocol and protocol not in otlp.PROTOCOLS:
        raise SettingsError(f"{prefix}PROTOCOL is {protocol!r}; use {' or '.join(otlp.PROTOCOLS)}")
    if not endpoint:
        for name, value in (("HEADERS", headers), ("PROTOCOL", protocol if signal else "")):
            if value:
                raise SettingsError(f"{prefix}{name} is set, but {prefix}ENDPOINT is not")
        return
    for name, value, check in (("ENDPOINT", endpoint, otlp.address), ("HEADERS", headers, otlp.headers)):
        try:
            check(value)
        except ValueError as error:
            text = str(error).replace("the headers say", f"{prefix}HEADERS says")
            raise SettingsError(f"{prefix}{name}: {text}") from None


def _parsed(name: str, text: str, kind: object) -> object:
    if kind in (Path, "Path"):
        return Path(text)
    if kind in (bool, "bool"):
        words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        if text.lower() not in words:
            raise SettingsError(f"{name} is {text!r}; use true or false")
        return words[text.lower()]
    if kind in (float, "float"):
        try:
            return float(text)
        except ValueError:
            raise SettingsError(f"{name} is {text!r}; use a number") from None
    if kind in (int, "int"):
        try:
            return int(text)
        except ValueError:
            raise SettingsError(f"{name} is {text!r}; use a whole number") from None
    return text
