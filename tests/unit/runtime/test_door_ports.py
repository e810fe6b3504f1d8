"""Ports of commands: who may have one, and who is believed to listen there."""

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.worlds.doors import eventually, free_port, unix_listener

from modelyard_runtime.door import ports
from modelyard_runtime.door.hint import Hint
from modelyard_runtime.door.ports import TakenError, _host, guarded, own_ports, reserve


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


OTHER = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"


def test_our_ports_are_known_and_no_other_program_of_the_user_is_ours() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as one:
        port = one.getsockname()[1]
        assert port in own_ports()
    assert port not in own_ports()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", OTHER], process_group=0, **pipes) as child:  # type: ignore[call-overload]
        assert int(child.stdout.readline()) in own_ports(), "whoever descends from us is ours in any group"
        child.communicate("\n")
    asks = "from modelyard_runtime.door.ports import own_ports; print(own_ports())"
    with closing(socket.create_server(("127.0.0.1", 0))):
        done = subprocess.run(
            [sys.executable, "-c", asks], process_group=0, capture_output=True, text=True, check=True
        )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("family", "address", "host"),
    [
        ("AF_INET", "0.0.0.0", "127.0.0.1"),
        ("AF_INET", "127.0.0.2", "127.0.0.2"),
        ("AF_INET", "192.0.2.7", ""),
        ("AF_INET6", "::", "::1"),
        ("AF_INET6", "::1", "::1"),
        ("AF_INET6", "2001:db8::1", ""),
        ("AF_INET6", "::ffff:127.0.0.1", "127.0.0.1"),
        ("AF_INET6", "::ffff:192.0.2.7", ""),
    ],
)
def test_only_this_machines_own_addresses_are_connected_to(family: str, address: str, host: str) -> None:
    kind = getattr(socket, family)
    assert _host(kind, socket.inet_pton(kind, address)) == host


def test_a_program_on_another_loopback_address_is_found_there() -> None:
    with (
        closing(socket.create_server(("127.0.0.2", 0))) as one,
        closing(guarded(one.getsockname()[1], os.geteuid())()) as made,
    ):
        eventually(lambda: made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0)
        assert made.getpeername()[0] == "127.0.0.2"


def test_a_program_that_opens_another_server_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "LOOK_S", 0.0)
    with closing(socket.create_server(("127.0.0.1", 0))) as one:
        port = one.getsockname()[1]
        reach = guarded(port, os.geteuid())
        reach().close()
    with pytest.raises(ConnectionRefusedError):
        reach()
    with (
        closing(socket.create_server(("::1", port), family=socket.AF_INET6)),
        closing(reach()) as made,
    ):
        eventually(lambda: made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0 and made.getpeername())


def test_a_command_that_listens_is_told_nothing_though_nobody_calls(tmp_path: Path) -> None:
    said: list[str] = []
    hint = Hint(free_port(), str(tmp_path / "program.sock"), said.append)
    for pause_s in (10, 20, 40):
        assert hint.pause_s == pause_s
        hint.look()
    assert len(said) == 3
    assert f"does not listen on the port that it was handed: {hint._port} (PORT)" in said[0]
    with closing(socket.create_server(("127.0.0.1", hint._port))):
        hint.look()
    assert (len(said), hint.pause_s) == (3, None)


def test_a_command_that_listens_on_its_socket_is_told_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    hint = Hint(free_port(), str(tmp_path / "program.sock"), said.append)
    with closing(unix_listener(tmp_path / "program.sock")):
        hint.look()
    assert (said, hint.pause_s) == ([], None)
