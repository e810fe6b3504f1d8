"""Ports of commands: who may have one, and who is believed to listen there."""

import os
import socket
from contextlib import closing

import pytest
from tests.worlds.doors import eventually, free_port

from modelyard_runtime.door.ports import TakenError, guarded, own_ports, reserve


def test_a_port_is_reserved_once_and_free_again_with_its_holder() -> None:
    port = free_port()
    with closing(reserve(port)), pytest.raises(TakenError, match=f"another instance has port {port}"):
        reserve(port)
    reserve(port).close()


def test_its_program_may_bind_it_whether_it_shares_or_not() -> None:
    port = free_port()
    with closing(reserve(port)), closing(socket.socket()) as plain:
        plain.bind(("0.0.0.0", port))
        plain.listen()


def test_a_port_that_somebody_listens_on_is_taken() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        with pytest.raises(TakenError, match=f"another program listens on port {port}"):
            reserve(port)
    reserve(port).close()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])
def test_the_program_is_found_wherever_it_listens(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    port = free_port()
    reach = guarded(port, os.geteuid())
    with pytest.raises(ConnectionRefusedError):
        reach()
    with closing(socket.create_server((host, port), family=family)), closing(reach()) as made:
        eventually(lambda: made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0 and made.getpeername())


def test_another_users_program_is_not_believed() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other, pytest.raises(ConnectionRefusedError):
        guarded(other.getsockname()[1], os.geteuid() + 1)()


def test_a_users_ports_are_known() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as one:
        port = one.getsockname()[1]
        assert port in own_ports(os.geteuid())
        assert port not in own_ports(os.geteuid() + 1)
    assert port not in own_ports(os.geteuid())
