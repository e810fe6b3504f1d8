"""What a container is made of: from the spec of an instance to the words of the Docker Engine API. Pure but for
looking who may open the files of cards.

A container has no more rights than an ordinary server needs: never privileged, no new privileges, of root's
capabilities only those with which images set themselves up and then become somebody else, none of the machine's
devices or directories but what it was granted and the volumes of its spec, never the engine's socket. Memory is
bounded without swap.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from modelyard.engines import devices
from modelyard.engines.base import InstanceSpec
from modelyard.engines.containers.machine import Contained
from modelyard_runtime.door.container import Orders

INSTALLATION, INSTANCE, SERVICE, MODEL = (
    f"modelyard.{w}" for w in ("installation", "instance", "service", "model")
)
"""Labels: what is ours is found by the first, whose it is by the others."""

CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID")
"""What images that begin as root need: to own their files, to become another user, to end their children, to
listen on a low port. An image with a user of its own has none of them."""

MODEL_DIR = "/model"
"""Where a container finds the files of its package, if that has any besides config.json."""
MIB = 1024 * 1024
SHARED_MEMORY_MIB = 1024
"""Of /dev/shm where memory is not bounded; else it may be all of the bound, which it counts towards."""
CONTAINER_LOG = {"max-size": "10m", "max-file": "2"}
"""The engine's own copy of the output: the door reads it as it comes, this survives a restart of the engine."""


@dataclass(frozen=True, slots=True)
class ContainerOptions:
    """How containers are run. `installation` tells ours from those of others. `user`: who they run as ("": as the
    image says). `alone`: they have no network, only their loopback, which the door joins. `joins`: the door can
    join; without that the port is published on 127.0.0.1. `cpu_quota` as in `LaunchOptions`."""

    installation: str
    user: str = ""
    alone: bool = False
    joins: bool = True
    cpu_quota: bool = True

    @property
    def network(self) -> str:
        return f"modelyard-{self.installation[:12]}"


@dataclass(frozen=True, slots=True)
class Places:
    """What a container finds of this machine besides volumes, and cannot write to. `files`: the directory with
    the files of the model's package, at MODEL_DIR ("": it has none); `secrets`: the file of each secret."""

    files: str = ""
    secrets: tuple[str, ...] = ()


def container_name(instance_id: str, options: ContainerOptions) -> str:
    return f"modelyard-{options.installation[:12]}-{instance_id}"


def environment(spec: InstanceSpec, *, files: bool = False) -> Mapping[str, str]:
    """What the image's own environment is overridden by."""
    assert spec.program is not None
    facts = {
        "PORT": str(spec.program.port),
        "MODELYARD_MODEL_NAME": spec.model_name,
        "MODELYARD_MODEL_VERSION": spec.model_version,
        **devices.container_environment(spec.devices),
    }
    if files:
        facts["MODEL_DIR"] = MODEL_DIR
    return devices.polite(spec.devices) | dict(spec.envs) | facts


def orders(
    spec: InstanceSpec, engine: str, options: ContainerOptions, places: Places = Places()
) -> Mapping[str, object]:
    """What the door is told, as it lies in the label of the instance. `engine`: the path of its socket."""
    assert spec.program is not None
    return _orders(spec, engine, options, body(spec, options, places), spec.program.port)


def package_orders(
    spec: InstanceSpec, engine: str, options: ContainerOptions, runs: Contained, places: Places = Places()
) -> Mapping[str, object]:
    """The same for a package. Raises StartRefusedError."""
    return _orders(spec, engine, options, package_body(spec, options, runs, places), runs.port)


def _orders(
    spec: InstanceSpec, engine: str, options: ContainerOptions, create: dict[str, object], port: int
) -> Mapping[str, object]:
    name = container_name(spec.instance_id, options)
    return asdict(Orders(engine=engine, name=name, create=create, port=port, published=not options.joins))


def network(options: ContainerOptions) -> dict[str, object]:
    """One bridge for all of ours, on which none reaches another."""
    return {
        "Name": options.network,
        "CheckDuplicate": True,
        "Driver": "bridge",
        "Labels": {INSTALLATION: options.installation},
        "Options": {"com.docker.network.bridge.enable_icc": "false"},
    }


def body(spec: InstanceSpec, options: ContainerOptions, places: Places = Places()) -> dict[str, object]:
    """Of `POST /containers/create`."""
    program = spec.program
    assert program is not None
    port = f"{program.port}/tcp"
    mounts = _asked(spec, places)
    if places.files:
        mounts.append(_bind(places.files, MODEL_DIR, read_only=True))
    made = {
        **_common(spec, options, port, environment(spec, files=bool(places.files))),
        "Image": program.image,
        "HostConfig": _host_config(spec, options, port, mounts),
    }
    if program.command:
        made["Entrypoint"], made["Cmd"] = list(program.command), []
    if options.user:
        made["User"] = options.user
    return made


def package_body(
    spec: InstanceSpec, options: ContainerOptions, runs: Contained, places: Places = Places()
) -> dict[str, object]:
    """The same for a package: with no capability at all, as a user of its own that can open its cards, and with an
    init of ours. Raises StartRefusedError: nothing lets that user open them."""
    port = f"{runs.port}/tcp"
    mounts = [*_of_machine(runs), *_asked(spec, places)]
    host = _host_config(spec, options, port, mounts) | {"CapAdd": [], "Init": False}
    uid, _, gid = runs.user.partition(":")
    if groups := devices.groups(spec.devices, (int(uid), int(gid))):
        host["GroupAdd"] = [str(group) for group in groups]
    return {
        **_common(spec, options, port, runs.env),
        "Image": runs.image,
        "Entrypoint": list(runs.argv),
        "Cmd": [],
        "WorkingDir": runs.directory,
        "User": runs.user,
        "HostConfig": host,
    }


def _asked(spec: InstanceSpec, places: Places) -> list[dict[str, object]]:
    """What its service asks for: volumes, and secrets as files."""
    found = zip(places.secrets, spec.secrets, strict=True)
    return [
        *(_bind(v.host_path, v.mount_path, read_only=v.read_only) for v in spec.volumes),
        *(_bind(source, secret.path, read_only=True) for source, secret in found),
    ]


def _common(spec: InstanceSpec, options: ContainerOptions, port: str, env: Mapping[str, str]) -> dict[str, object]:
    return {
        "Env": [f"{key}={value}" for key, value in env.items()],
        "Labels": {
            INSTALLATION: options.installation,
            INSTANCE: spec.instance_id,
            SERVICE: spec.service_id,
            MODEL: f"{spec.model_name} {spec.model_version}",
        },
        "Tty": False,
        "OpenStdin": False,
        "ExposedPorts": {port: {}},
    }


def _host_config(
    spec: InstanceSpec, options: ContainerOptions, port: str, mounts: list[dict[str, object]]
) -> dict[str, object]:
    size = spec.resources
    memory = math.ceil(size.memory_mib) * MIB
    host: dict[str, object] = {
        "NetworkMode": "none" if options.alone else options.network,
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": False,
        "Privileged": False,
        "CapDrop": ["ALL"],
        "CapAdd": [] if options.user else list(CAPABILITIES),
        "SecurityOpt": ["no-new-privileges:true"],
        "Init": True,
        "ShmSize": memory or SHARED_MEMORY_MIB * MIB,
        "LogConfig": {"Type": "json-file", "Config": CONTAINER_LOG},
        "Mounts": mounts,
    }
    if memory:
        host |= {"Memory": memory, "MemorySwap": memory}
    if size.cpu and options.cpu_quota:
        host["NanoCpus"] = int(size.cpu * 1_000_000_000)
    if size.pids:
        host["PidsLimit"] = size.pids
    ulimits = [{"Name": "core", "Soft": 0, "Hard": 0}]
    if size.open_files:
        ulimits.append({"Name": "nofile", "Soft": size.open_files, "Hard": size.open_files})
    host["Ulimits"] = ulimits
    host |= devices.container_requests(spec.devices)
    if not options.joins:
        host["PortBindings"] = {port: [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    return host


def _of_machine(runs: Contained) -> list[dict[str, object]]:
    """With what is mounted in them: who has no rights there cannot write to that either."""
    binds = ({"Type": "bind", "Source": path, "Target": path, "ReadOnly": True} for path in runs.shown)
    shown: list[dict[str, object]] = [*binds]
    if not runs.hidden:
        return shown
    cover: dict[str, object] = {
        "Type": "tmpfs",
        "Target": runs.hidden,
        "TmpfsOptions": {"SizeBytes": MIB, "Mode": 0o755},
    }
    return [cover, *shown]


def _bind(source: str, target: str, *, read_only: bool = False) -> dict[str, object]:
    """Without what is mounted in it, which need not be read-only then."""
    made = {"Type": "bind", "Source": source, "Target": target, "ReadOnly": read_only}
    return made | {"BindOptions": {"NonRecursive": True}}
