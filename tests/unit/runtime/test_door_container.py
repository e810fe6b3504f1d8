"""The door of a container, without one: what it is told, how it reaches a port, and what signals mean."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.worlds.engine_api import answer, written_engine

from modelyard_runtime.door.container import (
    Door,
    NotStartedError,
    Orders,
    Running,
    grace_s,
    handles,
    orders,
    signal_number,
)


def door(path: str, port: int = 8080) -> Door:
    from modelyard_runtime.door.docker import Docker

    return Door(Orders(path, "name", {}, port), Docker(path))


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def reached(way: socket.socket, server: socket.socket) -> bool:
    connection, _ = server.accept()
    with way, connection:
        connection.sendall(b"x")
        way.setblocking(True)
        return way.recv(1) == b"x"


def test_a_published_port_is_the_way_where_the_network_cannot_be_joined(
    tmp_path: Path, server: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    port = server.getsockname()[1]
    way = door(str(tmp_path / "none"))._reached(Running("c", "SIGTERM", host_port=port, address="192.0.2.1"))
    assert reached(way(), server)
    assert f"reached at 127.0.0.1:{port}" in capfd.readouterr().err


def test_its_address_is_the_way_where_no_port_is_published(tmp_path: Path, server: socket.socket) -> None:
    way = door(str(tmp_path / "none"), server.getsockname()[1])._reached(
        Running("c", "SIGTERM", address="127.0.0.1")
    )
    assert reached(way(), server)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root joins networks")
def test_a_network_that_can_be_joined_comes_first(tmp_path: Path, server: socket.socket) -> None:
    ours = os.open("/proc/self/ns/net", os.O_RDONLY)
    way = door(str(tmp_path / "none"), server.getsockname()[1])._reached(
        Running("c", "SIGTERM", network=ours, host_port=1)
    )
    connection, _ = server.accept()  # it was tried
    connection.close()
    assert reached(way(), server)


@pytest.mark.parametrize("runs", [True, False])
def test_no_way_at_all(tmp_path: Path, runs: bool) -> None:
    with written_engine(tmp_path) as engine:
        engine.answers["GET /containers/c/json"] = [answer(json.dumps({"State": {"Running": runs}}).encode())]
        engine.answers["DELETE /containers/c"] = [answer(b"")]
        one = door(engine.path)
        if runs:
            with pytest.raises(NotStartedError, match="cannot be joined"):
                one._reached(Running("c", "SIGTERM"))
            assert any(line.startswith("DELETE") for line in engine.asked)
        else:
            with pytest.raises(ConnectionRefusedError):
                one._reached(Running("c", "SIGTERM"))()


def test_a_pid_counts_only_where_its_control_group_is_the_containers() -> None:
    assert handles(os.getpid(), "0123456789abcdef" * 4) == (-1, -1)
    assert handles(2**22 - 1, "x") == (-1, -1)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("SIGTERM", 15),
        ("term", 15),
        ("9", 9),
        ("SIGRTMIN+3", signal.SIGRTMIN + 3),
        ("SIGNOTHING", 0),
    ],
)
def test_signals_as_images_name_them(name: str, number: int) -> None:
    assert signal_number(name) == number


@pytest.mark.parametrize(
    ("text", "seconds"), [('{"grace_s": 2.5}', 2.5), ("{}", 1e7), ("[]", 1e7), ('{"grace_s": -1}', 1e7), ("", 1e7)]
)
def test_the_grace_that_was_written_down(tmp_path: Path, text: str, seconds: float) -> None:
    (tmp_path / "stop.json").write_text(text)
    assert grace_s(str(tmp_path / "stop.json")) == seconds
    assert grace_s(str(tmp_path / "none")) == 1e7


def test_orders_lie_in_the_label_of_the_instance(tmp_path: Path) -> None:
    told = {"engine": "/d.sock", "name": "n", "create": {"Image": "i"}, "port": 9000, "published": True}
    (tmp_path / "spec.json").write_text(json.dumps({"format": 1, "label": {"container": told}}))
    assert orders(str(tmp_path / "spec.json")) == Orders("/d.sock", "n", {"Image": "i"}, 9000, published=True)
