"""Volumes under every engine: what is mounted is what was allowed, as it was allowed, and outlives instances.

Where it runs as a process, an instance has its own view of the files here, which only root can make.
"""

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract.test_rights import AUTO, PYTHON, mountable
from tests.worlds.engines import (
    STUB,
    CommandEngineWorld,
    ContainerEngineWorld,
    FakeEngineWorld,
    ProcessEngineWorld,
    all_in,
    spec,
)

from modelyard.domain.process import ProcessState
from modelyard.domain.program import Program
from modelyard.domain.revision import Volume
from modelyard.domain.secrets import SecretFile, SecretValue
from modelyard.engines.base import InstanceSpec, StartRefusedError, WaitingError
from modelyard.engines.containers.secrets import PLACES
from modelyard.engines.launch import LaunchOptions
from modelyard.processes.isolation import Isolation

READY, EXITED = ProcessState.READY, ProcessState.EXITED
OWNER = 54_321
"""Whose volumes are: nobody else here."""


class Confined(CommandEngineWorld):
    """A command with a view of its own."""

    def made(self, spec: InstanceSpec) -> InstanceSpec:
        return replace(spec, program=Program(command=(PYTHON, "-I", "-S", str(self.package / STUB.name))))


World = ProcessEngineWorld


@pytest.fixture
def place() -> Iterator[Path]:
    """Where everybody may go."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        path = Path(name).resolve()
        path.chmod(0o755)
        (path / "volumes").mkdir()
        yield path


@pytest.fixture(params=["process", "command", "container"])
async def world(request: pytest.FixtureRequest, place: Path) -> AsyncIterator[World]:
    allowed = (str(place / "volumes"),)
    if request.param == "container":
        made: World = ContainerEngineWorld(place / "data", request.getfixturevalue("docker"))
        made.options = replace(made.options, volume_dirs=allowed)
        made.engine = made._engine()
    else:
        if os.geteuid() or AUTO.shared or not Path(PYTHON).exists():
            pytest.skip("VOLUMES NOT TESTED: only root can make views")
        mountable()
        kind = Confined if request.param == "command" else ProcessEngineWorld
        script = place / "data" / "package" / STUB.name
        options = LaunchOptions(
            python=PYTHON,
            command=None if request.param == "command" else lambda _: (PYTHON, "-I", "-S", str(script)),
            isolation=Isolation(AUTO, views=True, ipc=True),
            shown=(Path(sys.prefix),),
            volume_dirs=allowed,
        )
        made = kind(place / "data", options)
        shutil.copy(STUB, script)
        for path in (made.package, script):
            path.chmod(0o755)
    await made.open()
    yield made
    await made.close()


def volume(place: Path, name: str, owner: int = OWNER, mode: int = 0o700) -> Path:
    path = place / "volumes" / name
    path.mkdir()
    os.chown(path, owner, owner)
    path.chmod(mode)
    return path


def looking(number: int, places: Sequence[str], *volumes: Volume) -> InstanceSpec:
    envs = (("STUB", "look"), ("LOOK", ":".join(places)), ("NAME", f"of-{number}"))
    return replace(spec(number), envs=envs, volumes=volumes)


async def found(world: World, number: int, places: Sequence[str], *volumes: Volume) -> list[object]:
    """What an instance finds in these places; it has ended by then."""
    await world.start(looking(number, places, *volumes))
    await world.until(lambda seen: any(o.process.state in {READY, EXITED} for o in seen))
    await world.engine.stop(f"i-{number}", 10)
    await world.until(all_in(EXITED))
    tail = await world.engine.log_tail(f"i-{number}", 30)
    assert "found " in tail, tail
    await world.engine.remove(f"i-{number}")
    return [json.loads(line.partition(" ")[2]) for line in tail.splitlines() if line.startswith("found ")]


def root_in_container(world: World) -> bool:
    return isinstance(world, ContainerEngineWorld)


async def test_what_one_writes_is_there_for_the_next(world: World, place: Path) -> None:
    data = volume(place, "data")
    (data / "given").write_text("by the host")
    os.chown(data / "given", OWNER, OWNER)
    there = Volume(str(data), "/data")
    assert await found(world, 1, ["/data"], there) == [[{"given": "by the host"}, "written"]]
    assert await found(world, 2, ["/data"], there) == [[{"given": "by the host", "of-1": "written"}, "written"]]
    owners = {path.stat().st_uid for path in data.iterdir()}
    assert owners == ({OWNER, 0} if root_in_container(world) else {OWNER})


async def test_what_is_read_only_cannot_be_written(world: World, place: Path) -> None:
    data = volume(place, "data")
    (data / "given").write_text("x")
    os.chown(data / "given", OWNER, OWNER)
    assert await found(world, 1, ["/data"], Volume(str(data), "/data", read_only=True)) == [
        [{"given": "x"}, "EROFS"]
    ]
    assert [path.name for path in data.iterdir()] == ["given"]


async def test_an_instance_sees_the_volumes_that_it_was_given_and_no_others(world: World, place: Path) -> None:
    one, other = volume(place, "one"), volume(place, "other")
    assert await found(world, 1, ["/data", str(other)], Volume(str(one), "/data")) == [[{}, "written"], ["ENOENT"]]
    assert await found(world, 2, ["/data", str(one)], Volume(str(other), "/data")) == [[{}, "written"], ["ENOENT"]]


async def test_what_was_replaced_by_a_link_is_not_mounted(world: World, place: Path) -> None:
    data, within = volume(place, "data"), place / "volumes" / "data" / "within"
    within.symlink_to("/etc")
    with pytest.raises(StartRefusedError, match="symbolic link"):
        await world.start(looking(1, ["/data"], Volume(str(within), "/data")))
    with pytest.raises(StartRefusedError, match="symbolic link"):
        await world.start(looking(1, ["/data"], Volume(str(within / "ssh"), "/data")))
    with pytest.raises(StartRefusedError, match="not below a directory that the administrator allows"):
        await world.start(looking(1, ["/data"], Volume("/etc", "/data")))
    assert (await world.engine.list()).instances == ()
    assert [path.name for path in data.iterdir()] == ["within"]


async def test_what_is_away_is_waited_for(world: World, place: Path) -> None:
    there = Volume(str(place / "volumes" / "data"), "/data")
    with pytest.raises(WaitingError, match=r"cannot be mounted: .*No such file or directory"):
        await world.start(looking(1, ["/data"], there))
    volume(place, "data")
    assert await found(world, 1, ["/data"], there) == [[{}, "written"]]


async def test_it_lies_where_nothing_was_before(world: World, place: Path) -> None:
    """Deep below a directory that a view has nothing of, and beside what it has."""
    data = volume(place, "data")
    there = [Volume(str(data), path) for path in ("/var/log/model", "/home/model/.cache")]
    assert await found(world, 1, ["/var/log/model", "/home/model/.cache"], *there) == [
        [{}, "written"],
        [{"of-1": "written"}, "written"],
    ]


async def test_what_is_swapped_between_the_look_and_the_mount_is_not_mounted(
    world: World, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(world, ContainerEngineWorld):
        pytest.skip("the container engine opens it, by its name")
    data = volume(place, "data")
    there = Volume(str(data), "/data")
    monkeypatch.setattr(
        "modelyard.engines.volumes.check", lambda *_: data.rename(place / "was") and data.symlink_to("/etc")
    )
    await world.start(looking(1, ["/data"], there))
    (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit == "exited with status 127"
    why = f"{data}: Not a directory, or a symbolic link leads there: 'volume /data'"
    assert why in await world.engine.log_tail("i-1", 9)


async def test_in_a_directory_of_roots_the_modes_decide(world: World, place: Path) -> None:
    if isinstance(world, ContainerEngineWorld):
        pytest.skip("the image's own user is root")
    shared, closed = volume(place, "shared", 0, 0o1777), volume(place, "closed", 0, 0o755)
    assert await found(world, 1, ["/data"], Volume(str(shared), "/data")) == [[{}, "written"]]
    assert (shared / "of-1").stat().st_uid >= AUTO.first
    assert await found(world, 2, ["/data"], Volume(str(closed), "/data", read_only=True)) == [[{}, "EROFS"]]
    await world.start(looking(3, ["/data"], Volume(str(closed), "/data")))
    await world.until(all_in(EXITED))
    assert "belongs to root, and nobody else may write there" in await world.engine.log_tail("i-3", 9)


async def test_no_program_of_a_log_volume_is_run(world: World, place: Path) -> None:
    if isinstance(world, ContainerEngineWorld):
        pytest.skip("the Docker Engine API knows no such mount")
    data = volume(place, "data")
    await world.start(looking(1, ["/logs"], Volume(str(data), "/logs", log=True)))
    await world.until(all_in(READY))
    mounts = Path(f"/proc/{await world.pid()}/mountinfo").read_text().splitlines()
    (flags,) = (line.split()[5] for line in mounts if line.split()[4] == "/logs")
    assert {"rw", "nosuid", "nodev", "noexec"} <= set(flags.split(","))


SECRET = "s3cret-Value/+" + "x" * 5000 + "\nof two lines\n"


def keeping(number: int, *paths: str) -> InstanceSpec:
    secrets = tuple(SecretFile(f"s{i}", 1, path, SecretValue(SECRET)) for i, path in enumerate(paths))
    return replace(looking(number, paths), secrets=secrets)


async def test_secrets_are_files_for_the_instance_alone(world: World) -> None:
    paths = ("/run/secrets/key", "/home/model/.netrc")
    await world.start(keeping(1, *paths))
    await world.until(all_in(READY))
    shown = Path(f"/proc/{await world.pid()}/root{paths[0]}")
    if not isinstance(world, ContainerEngineWorld):
        with pytest.raises(OSError, match="Read-only file system"):
            shown.write_text("other")
    nowhere(world)
    await world.engine.stop("i-1", 10)
    await world.until(all_in(EXITED))
    tail = await world.engine.log_tail("i-1", 30)
    found = [json.loads(line.partition(" ")[2]) for line in tail.splitlines() if line.startswith("found ")]
    mode = "0o444" if isinstance(world, ContainerEngineWorld) else "0o400"
    assert found == [[SECRET, mode, True]] * 2
    await world.engine.remove("i-1")
    await gone(world)


def nowhere(world: World) -> None:
    """Neither in a file of the data directory, nor in what anybody may ask of a process."""
    value = SECRET.splitlines()[0][:14].encode()
    for path in world.data_dir.rglob("*"):
        if path.is_file():
            assert value not in path.read_bytes() or path.name == "log", path
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                assert int(process.name) == os.getpid() or value not in (process / name).read_bytes()


def left(world: World) -> list[str]:
    """What is in memory of secrets of containers."""
    if not isinstance(world, ContainerEngineWorld):
        return []
    roots = [place / f"modelyard-{world.how.installation[:12]}" for place in PLACES]
    (root,) = (root for root in roots if root.is_dir())
    assert root.stat().st_mode & 0o777 == 0o700
    return [path.name for path in root.iterdir()]


async def gone(world: World) -> None:
    async with asyncio.timeout(20):
        while left(world):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    for where in PLACES if isinstance(world, ContainerEngineWorld) else ():
        with contextlib.suppress(FileNotFoundError):
            (where / f"modelyard-{world.how.installation[:12]}").rmdir()


async def test_secrets_of_an_adopted_instance_stay(world: World) -> None:
    await world.start(keeping(1, "/run/secrets/key"))
    await world.until(all_in(READY))
    await world.successor()
    await world.until(all_in(READY))
    if isinstance(world, ContainerEngineWorld):
        assert left(world) == ["i-1"]
        await world.kill("i-1")
        await world.until(all_in(EXITED))
        await gone(world)
    else:
        key = Path(f"/proc/{await world.pid()}/root/run/secrets/key")
        assert key.read_text() == SECRET


async def test_a_secret_lies_in_nothing_else_that_is_mounted(world: World, place: Path) -> None:
    if isinstance(world, ContainerEngineWorld):
        pytest.skip("the container engine makes the file's place in the volume")
    data = volume(place, "data")
    there = replace(keeping(1, "/data/key"), volumes=(Volume(str(data), "/data"),))
    await world.start(there)
    await world.until(all_in(EXITED))
    assert "something else is mounted there" in await world.engine.log_tail("i-1", 9)
    assert list(data.iterdir()) == []


async def test_a_fake_is_told_of_them() -> None:
    world = FakeEngineWorld()
    asked = Volume("/srv/a", "/data", read_only=True)
    await world.start(replace(spec(), volumes=(asked,)))
    await world.until(all_in(READY))
    assert world.engine.started[0].volumes == (asked,)
