"""What a container is made of: no more rights than an ordinary server needs, and the limits of its spec."""

import json
from typing import Any

import pytest
from tests.worlds.engines import spec

from modelyard.domain.program import Program
from modelyard.domain.resources import Resources
from modelyard.domain.revision import Volume
from modelyard.domain.secrets import SecretFile, SecretValue
from modelyard.engines.base import InstanceSpec
from modelyard.engines.containers.shape import ContainerOptions, Places, body, network, orders

IMAGE = "registry.example.com/iris@sha256:" + "a" * 64
OURS = ContainerOptions("0123456789abcdef")
NO_CARDS = [
    *("NVIDIA_VISIBLE_DEVICES=void", "ASCEND_VISIBLE_DEVICES="),
    *("CUDA_VISIBLE_DEVICES=", "ASCEND_RT_VISIBLE_DEVICES="),
]
"""Also where its image asks for all of them."""
SIZE = Resources(cpu=0.5, memory_mib=256, pids=100, open_files=1024)


def contained(**changes: Any) -> InstanceSpec:
    return spec(1, program=Program(image=IMAGE), **changes)


def test_all_of_it() -> None:
    assert body(contained(resources=SIZE), OURS) == {
        "Image": IMAGE,
        "Env": [
            "STUB=serve",
            "PORT=8080",
            "MODELYARD_MODEL_NAME=iris",
            "MODELYARD_MODEL_VERSION=1.0.0",
            *NO_CARDS,
        ],
        "Labels": {
            "modelyard.installation": "0123456789abcdef",
            "modelyard.instance": "i-1",
            "modelyard.service": "service-1",
            "modelyard.model": "iris 1.0.0",
        },
        "Tty": False,
        "OpenStdin": False,
        "ExposedPorts": {"8080/tcp": {}},
        "HostConfig": {
            "NetworkMode": "modelyard-0123456789ab",
            "RestartPolicy": {"Name": "no"},
            "AutoRemove": False,
            "Privileged": False,
            "CapDrop": ["ALL"],
            "CapAdd": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"],
            "SecurityOpt": ["no-new-privileges:true"],
            "Init": True,
            "ShmSize": 256 << 20,
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}},
            "Mounts": [],
            "Memory": 256 << 20,
            "MemorySwap": 256 << 20,
            "NanoCpus": 500_000_000,
            "PidsLimit": 100,
            "Ulimits": [
                {"Name": "core", "Soft": 0, "Hard": 0},
                {"Name": "nofile", "Soft": 1024, "Hard": 1024},
            ],
        },
    }


def test_without_limits_there_are_none() -> None:
    host = body(contained(), OURS)["HostConfig"]
    assert isinstance(host, dict)
    assert not {"Memory", "MemorySwap", "NanoCpus", "PidsLimit"} & host.keys()
    assert host["ShmSize"] == 1 << 30


def test_a_command_is_all_that_runs() -> None:
    one = spec(1, program=Program(image=IMAGE, command=("serve", "--fast"), port=9000))
    made = body(one, OURS)
    assert (made["Entrypoint"], made["Cmd"]) == (["serve", "--fast"], [])
    assert made["ExposedPorts"] == {"9000/tcp": {}}
    assert "PORT=9000" in made["Env"]  # type: ignore[operator]
    assert "Entrypoint" not in body(contained(), OURS)


def test_a_user_of_the_administrator_has_no_capability() -> None:
    made = body(contained(), ContainerOptions("x", user="1000:1000"))
    assert made["User"] == "1000:1000"
    assert made["HostConfig"]["CapAdd"] == []  # type: ignore[index]
    assert "User" not in body(contained(), OURS)


@pytest.mark.parametrize(
    ("options", "mode", "published"),
    [
        (OURS, "modelyard-0123456789ab", False),
        (ContainerOptions("x", alone=True), "none", False),
        (ContainerOptions("0123456789abcdef", joins=False), "modelyard-0123456789ab", True),
    ],
    ids=["a bridge", "alone", "the door cannot join"],
)
def test_its_network(options: ContainerOptions, mode: str, published: bool) -> None:
    host = body(contained(), options)["HostConfig"]
    assert isinstance(host, dict)
    assert host["NetworkMode"] == mode
    bound = {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    assert host.get("PortBindings") == (bound if published else None)


def test_nobody_on_the_bridge_reaches_another() -> None:
    assert network(OURS)["Options"] == {"com.docker.network.bridge.enable_icc": "false"}


def test_volumes_are_mounted_where_the_spec_says() -> None:
    volumes = (Volume("/srv/data", "/data"), Volume("/srv/more", "/more", read_only=True))
    host = body(contained(volumes=volumes), OURS)["HostConfig"]
    assert host["Mounts"] == [  # type: ignore[index]
        bind("/srv/data", "/data", read_only=False),
        bind("/srv/more", "/more", read_only=True),
    ]


def bind(source: str, target: str, *, read_only: bool) -> dict[str, object]:
    made = {"Type": "bind", "Source": source, "Target": target, "ReadOnly": read_only}
    return made | {"BindOptions": {"NonRecursive": True}}


def test_files_of_its_package_are_there_to_be_read() -> None:
    made = body(contained(), OURS, Places("/packages/abc/model"))
    assert made["HostConfig"]["Mounts"] == [bind("/packages/abc/model", "/model", read_only=True)]  # type: ignore[index]
    assert "MODEL_DIR=/model" in made["Env"]  # type: ignore[operator]
    assert not any(str(env).startswith("MODEL_DIR") for env in body(contained(), OURS)["Env"])  # type: ignore[union-attr,attr-defined]


def test_the_door_is_told_where_the_engine_is_and_what_to_make() -> None:
    told = orders(contained(), "/run/d.sock", OURS)
    assert (told["engine"], told["name"], told["port"]) == ("/run/d.sock", "modelyard-0123456789ab-i-1", 8080)
    assert told["create"] == body(contained(), OURS)


def test_each_secret_is_a_file_that_only_its_container_has() -> None:
    secrets = (SecretFile("a", 1, "/run/a", SecretValue("s3cret")), SecretFile("b", 2, "/run/b"))
    told = orders(contained(secrets=secrets), "/run/d.sock", OURS, Places(secrets=("/run/x/0", "/run/x/1")))
    assert told["create"]["HostConfig"]["Mounts"] == [  # type: ignore[index]
        bind("/run/x/0", "/run/a", read_only=True),
        bind("/run/x/1", "/run/b", read_only=True),
    ]
    assert "s3cret" not in json.dumps(told)
