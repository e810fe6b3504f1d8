"""Who may have a port that is kept: real keepers, real sockets, ports that the kernel chose."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.squatter import got

from modelyard.processes import keeper, ports
from modelyard.processes.isolation import Isolation, Users
from modelyard.processes.ports import PortHeldError, PortKeeper

ROOT = pytest.mark.skipif(
    os.geteuid() != 0, reason="PORTS AGAINST OTHERS NOT TESTED: only root may be another user"
)
STRANGER = 1_900_000_000


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Callable[[str], PortKeeper]]:
    keepers: list[PortKeeper] = []

    def make(name: str = "a") -> PortKeeper:
        keepers.append(PortKeeper(tmp_path / name))
        return keepers[-1]

    yield make
    for one in keepers:
        await one.end()


def pid(one: PortKeeper) -> int:
    assert one._run is not None
    found = one._run.sight().pid
    assert found is not None
    return found


def listener(port: int, *, share: bool, address: str = "127.0.0.1") -> socket.socket:
    found = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if share:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    found.bind((address, port))
    found.listen()
    return found


def as_stranger(port: int) -> set[str]:
    """What another user gets of the port, by whatever means."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(STRANGER, STRANGER, STRANGER)
            os.setresuid(STRANGER, STRANGER, STRANGER)
            os.write(writer, " ".join(got(port)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return set(text.split())


@ROOT
async def test_nobody_else_gets_a_kept_port_at_any_address(made: Callable[[str], PortKeeper]) -> None:
    (port,) = await made("a").hold(0)
    assert as_stranger(port) == set()
    server = listener(port, share=True)
    assert as_stranger(port) == set()
    with socket.create_connection(("127.0.0.1", port)) as client:
        connection, _ = server.accept()
        server.close()
        connection.close()
        assert client.recv(1) == b""
    assert as_stranger(port) == set()


@ROOT
def test_a_port_that_is_only_listened_on_is_not_safe() -> None:
    """What the keeper is for; and that the squatter of these tests is good at it."""
    port, held = ports.claim(0)
    for one in held:
        one.close()
    with listener(port, share=True):
        assert any("::1" in address for address in as_stranger(port))


async def test_the_keeper_takes_no_connection(made: Callable[[str], PortKeeper]) -> None:
    (port,) = await made("a").hold(0)
    for address in ("127.0.0.1", "127.0.0.2"):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, port))


async def test_a_second_server_of_the_same_user_is_refused(made: Callable[[str], PortKeeper]) -> None:
    (port,) = await made("a").hold(0)
    with pytest.raises(PortHeldError, match=str(port)):
        await made("b").hold(port)
    assert not list((made("b")._home).glob("*"))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.0.0.3"])
@pytest.mark.parametrize("share", [True, False])
async def test_a_port_with_a_listener_is_refused_and_the_holder_named(
    made: Callable[[str], PortKeeper], address: str, share: bool
) -> None:
    try:
        server = listener(0, share=share, address=address)
    except OSError as error:
        pytest.skip(f"NOT TESTED: {address}: {error}")
    with server, pytest.raises(PortHeldError, match=f"user {os.geteuid()} holds .*{address}"):
        await made("a").hold(server.getsockname()[1])


async def test_the_next_control_plane_finds_it_and_other_ports_replace_it(
    made: Callable[[str], PortKeeper],
) -> None:
    first = made("a")
    one, two = await first.hold(0, 0)
    before = pid(first)
    await first.close()
    second = made("a")
    assert await second.hold(one, two) == (one, two)
    assert pid(second) == before
    await second.close()
    third = made("a")
    (_, three) = await third.hold(one, 0)
    assert pid(third) != before
    assert len(list(third._home.glob("keeper-*"))) == 1
    with pytest.raises(PortHeldError):
        ports.claim(one)
    for one in ports.claim(two)[1]:
        one.close()
    await third.end()
    for one in ports.claim(three)[1]:
        one.close()


async def test_a_killed_one_is_started_again(made: Callable[[str], PortKeeper]) -> None:
    found = made("a")
    (port,) = await found.hold(0)
    before = pid(found)
    os.kill(before, signal.SIGKILL)
    async with asyncio.timeout(20):
        while found._run is None or found._run.sight().pid in {None, before}:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    await found._asked(found._run)
    with pytest.raises(PortHeldError):
        ports.claim(port)


async def test_beside_a_gateway_that_does_not_share_it_catches_up(made: Callable[[str], PortKeeper]) -> None:
    """That of an earlier release, which is adopted."""
    found = made("a")
    with listener(0, share=False) as server:
        port = server.getsockname()[1]
        await found.hold(port, ours={port})
        assert list(found.missing) == [f"0.0.0.0:{port}"]
        assert f"0.0.0.0:{port}" in found.describe(Isolation(Users(1, 2)))
    async with asyncio.timeout(20):
        while found.missing:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    with pytest.raises(PortHeldError):
        ports.claim(port)


def test_what_is_said_of_it(tmp_path: Path) -> None:
    found = PortKeeper(tmp_path)
    assert found.describe(Isolation()).startswith("not enforced: instances run as the user of the control plane")
    assert found.describe(Isolation(Users(1, 2))).startswith("enforced (held")
    assert found.describe(Isolation(Users(1, 2), network=True)) == "enforced (instances have no network)"


def test_a_claim_that_fails_leaves_nothing_behind() -> None:
    with listener(0, share=False, address="::1") as server:
        port = server.getsockname()[1]
        for _ in range(2):
            with pytest.raises(PortHeldError):
                ports.claim(port)
        keeper.bound(socket.AF_INET, port, alone=True).close()
