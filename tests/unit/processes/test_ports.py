"""Who may have a port that is kept: real keepers, real sockets, ports that the kernel chose."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path

import pytest
from tests.squatter import got

from modelyard.processes import keeper, oom, ports
from modelyard.processes.isolation import Isolation, Users
from modelyard.processes.keepers import living, owner
from modelyard.processes.ports import KEEPERS, PortHeldError, PortKeeper
from modelyard.trees import remove

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


def pids(one: PortKeeper) -> list[int]:
    """Of its keepers, as the kernel tells."""
    return [keeper.pid for keeper in living(one._home)]


async def recorded(one: PortKeeper) -> None:
    """Its keepers may hold their ports and answer before their shims have written down who they are."""
    await until(lambda: all((found / "state.json").exists() for found in one._home.iterdir()))


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
    assert owner(port) == made("a")._home.parent
    assert owner(1) is None
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
    await recorded(first)
    before = pids(first)
    assert len(before) == KEEPERS
    await first.close()
    second = made("a")
    assert await second.hold(one, two) == (one, two)
    assert pids(second) == before
    await second.close()
    third = made("a")
    (_, three) = await third.hold(one, 0)
    assert len(pids(third)) == KEEPERS
    assert not set(before) & set(pids(third))
    assert len(list(third._home.iterdir())) == KEEPERS
    with pytest.raises(PortHeldError):
        ports.claim(one)
    for one in ports.claim(two)[1]:
        one.close()
    await third.end()
    for one in ports.claim(three)[1]:
        one.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - there is no event for what other processes do
            await asyncio.sleep(0.005)


async def test_killed_ones_are_started_again(made: Callable[[str], PortKeeper]) -> None:
    held = made("a")
    (port,) = await held.hold(0)
    before = pids(held)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    await until(lambda: len(set(pids(held)) - set(before)) == KEEPERS)
    with pytest.raises(PortHeldError):
        ports.claim(port)


@ROOT
async def test_the_death_of_one_leaves_nothing_open(made: Callable[[str], PortKeeper]) -> None:
    """While no control plane is there; while one is, not the death of both either."""
    held = made("a")
    (port,) = await held.hold(0)
    for task in held._tasks:  # nothing is started again
        task.cancel()
    for pid in pids(held):
        os.kill(pid, signal.SIGKILL)
    await until(lambda: not pids(held))
    assert as_stranger(port) == set()
    await held.close()
    held = made("b")  # another port: the first one is anybody's by now
    (port,) = await held.hold(0)
    await held.close()
    os.kill(pids(held)[0], signal.SIGKILL)
    await until(lambda: len(pids(held)) == 1)
    assert as_stranger(port) == set()


def may_spare() -> bool:
    child = os.fork()
    if child == 0:
        oom.spare(oom.NEVER)
        os._exit(Path("/proc/self/oom_score_adj").read_text().strip() != str(oom.NEVER))
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not may_spare(), reason="SPARING FROM THE OOM KILLER NOT TESTED: it needs CAP_SYS_RESOURCE")
async def test_what_holds_the_ports_is_spared_when_memory_is_out(made: Callable[[str], PortKeeper]) -> None:
    held = made("a")
    await held.hold(0)
    for one in living(held._home):
        for process in (one.pid, one.shim):
            assert Path(f"/proc/{process}/oom_score_adj").read_text().strip() == str(oom.NEVER)


def as_nothing(path: Path) -> None:
    remove(path)


def as_bytes(content: bytes) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        remove(path)
        path.write_bytes(content)

    return change


def as_directory(path: Path) -> None:
    remove(path)
    path.mkdir()
    (path / "within").touch()


def as_pipe(path: Path) -> None:
    remove(path)
    os.mkfifo(path)


def as_link(path: Path) -> None:
    remove(path)
    path.symlink_to("nowhere")


def as_shut(path: Path) -> None:
    path.chmod(0)


DAMAGES = [as_nothing, as_bytes(b""), as_bytes(b"[]"), as_directory, as_pipe, as_link, as_shut]
DAMAGE_IDS = ["missing", "empty", "a list", "directory", "pipe", "link", "shut"]


@pytest.mark.parametrize("damage", DAMAGES, ids=DAMAGE_IDS)
@pytest.mark.parametrize(
    "names", [("spec.json",), ("state.json",), ("lock",), ("s.sock",), ("lock", "state.json")]
)
@pytest.mark.parametrize("of_both", [True, False], ids=["both", "one"])
async def test_damaged_files_of_living_keepers_cost_nobody_a_port(
    made: Callable[[str], PortKeeper],
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, ...],
    damage: Callable[[Path], None],
    of_both: bool,
) -> None:
    monkeypatch.setattr(ports, "ADOPT_S", 0.05)
    first = made("a")
    held = await first.hold(0, 0)
    await recorded(first)
    await first.close()
    for directory in sorted(first._home.iterdir())[: KEEPERS if of_both else 1]:
        for name in names:
            damage(directory / name)
    second = made("a")
    assert await second.hold(*held) == held
    assert len(pids(second)) == KEEPERS
    assert len(list(second._home.iterdir())) == KEEPERS
    for port in held:
        with pytest.raises(PortHeldError):
            ports.claim(port)
    await second.end()
    assert pids(second) == []
    for port in held:
        for one in ports.claim(port)[1]:
            one.close()


@pytest.mark.parametrize("damage", DAMAGES, ids=DAMAGE_IDS)
@pytest.mark.parametrize("which", ["keeper-1", ""])
async def test_so_do_damaged_directories(
    made: Callable[[str], PortKeeper], monkeypatch: pytest.MonkeyPatch, which: str, damage: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(ports, "ADOPT_S", 0.05)
    first = made("a")
    held = await first.hold(0)
    await recorded(first)
    await first.close()
    damage(first._home / which if which else first._home)
    second = made("a")
    assert await second.hold(*held) == held
    assert len(pids(second)) == KEEPERS
    await second.end()
    assert pids(second) == []


async def test_one_that_is_stopped_is_replaced(
    made: Callable[[str], PortKeeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "ADOPT_S", 0.05)
    first = made("a")
    held = await first.hold(0)
    await first.close()
    for one in living(first._home):
        for process in (one.shim, one.pid):
            os.kill(process, signal.SIGSTOP)
    before = pids(first)
    second = made("a")
    assert await second.hold(*held) == held
    assert not set(before) & set(pids(second))


async def test_our_own_instances_are_ended_and_nobody_else(tmp_path: Path) -> None:
    """At the claim, and where a keeper says that something is missing."""
    with listener(0, share=False, address="127.0.0.2") as taken:
        port = taken.getsockname()[1]
        asked: list[set[int]] = []

        def evict(those: Collection[int]) -> list[str]:
            asked.append(set(those))
            taken.close()
            return ["i"]

        held = PortKeeper(tmp_path / "a", evict)
        assert await held.hold(port) == (port,)
        assert asked == [{port}]
        await held.end()
    with listener(0, share=False, address="127.0.0.2") as taken:
        port = taken.getsockname()[1]
        held = PortKeeper(tmp_path / "b", evict)
        assert await held.hold(port, ours={port}) == (port,)
        assert held.missing == {}
        await held.end()


async def test_what_is_missing_later_is_taken_from_our_own_instances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control plane that runs finds it out by itself."""
    monkeypatch.setattr(ports, "LOOK_AGAIN_S", 0.01)
    asked: list[set[int]] = []
    with listener(0, share=False, address="127.0.0.2") as taken:
        port = taken.getsockname()[1]

        def evict(those: Collection[int]) -> list[str]:
            asked.append(set(those))
            if len(asked) > 2:
                taken.close()
                return ["i"]
            return []

        held = PortKeeper(tmp_path / "a", evict)
        await held.hold(port, ours={port})
        assert list(held.missing) == [f"0.0.0.0:{port}"]
        await until(lambda: not held.missing)
        assert len(asked) >= 3
        assert all(those == {port} for those in asked)
        await held.end()


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
