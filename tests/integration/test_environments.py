"""Dependencies of models become environments: built from a directory of wheels, without any network."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.wheels import only_here, wheel
from tests.worlds.api import ApiWorld, api_world
from tests.worlds.publishing import new_publisher

from modelyard.artifacts.environments import Environments, Overlays, settle, site
from modelyard.artifacts.uv import Installer
from modelyard.control.publishing import Publisher
from modelyard.engines.base import NoRoomError

SCRIPT = "from model_service.model_service import SingleNodeService as Base\nclass Model(Base): pass\n"


class Counted(Installer):
    """Counts what is installed, in `installs`."""

    async def install(self, exact: Any, target: Path, say: Any) -> None:
        with (target.parents[1] / ".installs").open("a") as file:
            file.write("x")
        await super().install(exact, target, say)


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    links = tmp_path / "links"
    wheel(links, "yardstick", "1.0", "LENGTH = 1\n", ["yardunit>=1", "msgspec"])
    wheel(links, "yardstick", "2.0", "LENGTH = 2\n", ["yardunit>=1"])
    wheel(links, "yardunit", "1.2", "UNIT = 'm'\n")
    for name, value in only_here(links, tmp_path / "cache").items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def environments(tmp_path: Path) -> Environments:
    return Environments(tmp_path / "environments", Counted())


@pytest.fixture
def publisher(world: ApiWorld, tmp_path: Path, environments: Environments) -> Publisher:
    return new_publisher(world.store, world.clock, tmp_path, environments=environments)


def test_what_was_built_is_on_the_disk_and_nobody_else_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = tmp_path / "built"
    (built / "site" / "a").mkdir(parents=True)
    (built / "site" / "a" / "b.py").write_text("")
    (built / "site" / "link").symlink_to("/nowhere")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    monkeypatch.delattr(os, "sync")
    settle(built)
    paths = (built, built / "site", built / "site" / "a", built / "site" / "a" / "b.py")
    assert sorted(synced) == sorted(path.stat().st_ino for path in paths)


def installs(environments: Environments) -> int:
    path = environments.shelf.root / ".installs"
    return len(path.read_text()) if path.exists() else 0


async def stored(world: ApiWorld, tmp_path: Path, version: str, *packages: dict[str, str], **more: Any) -> str:
    directory = tmp_path / "objects/models/m" / version / "model"
    directory.mkdir(parents=True)
    (directory / "customize_service.py").write_text(f"# {version}\n{SCRIPT}")
    config = {"dependencies": [{"installer": "pip", "packages": packages}], **more}
    (directory / "config.json").write_text(json.dumps(config))
    body = {
        "model_name": "m",
        "model_version": version,
        "model_type": "Custom",
        "source_location": f"/models/m/{version}",
    }
    return str((await world.call("POST", "/v1/p1/models", body)).json()["model_id"])


async def shown(world: ApiWorld, model_id: str) -> dict[str, Any]:
    return dict((await world.call("GET", f"/v1/p1/models/{model_id}")).json())


YARDSTICK = {"package_name": "yardstick", "package_version": "1.0", "restraint": "EXACT"}


async def test_models_with_the_same_dependencies_share_an_environment_built_once(
    world: ApiWorld, publisher: Publisher, environments: Environments, tmp_path: Path
) -> None:
    ids = [await stored(world, tmp_path, f"1.0.{n}", YARDSTICK) for n in range(3)]
    await asyncio.gather(*(publisher.publish(each) for each in ids))
    assert [(await shown(world, each))["model_status"] for each in ids] == ["published"] * 3
    assert installs(environments) == 1
    overlays = Overlays(environments)
    (found,) = {overlays.of(p) for p in (tmp_path / "packages").iterdir()}
    assert found is not None
    assert (found / "yardstick/__init__.py").read_text() == "LENGTH = 1\n"
    assert (found / "yardunit").is_dir()
    assert not (found / "msgspec").exists(), "the interpreter has it"
    assert list((found / "yardstick/__pycache__").iterdir()) != []
    assert json.loads((found.parent / "environment.json").read_text())["installed"] == [
        "yardstick==1.0",
        "yardunit==1.2",
    ]


async def test_what_the_interpreter_has_needs_no_overlay(
    world: ApiWorld, publisher: Publisher, environments: Environments, tmp_path: Path
) -> None:
    one = await stored(
        world, tmp_path, "1.0.0", {"package_name": "Msgspec", "package_version": "0.1", "restraint": "ATLEAST"}
    )
    await publisher.publish(one)
    assert (await shown(world, one))["model_status"] == "published"
    (package,) = (tmp_path / "packages").iterdir()
    assert Overlays(environments).of(package) is None
    assert installs(environments) == 0


@pytest.mark.parametrize(
    ("package", "cause"),
    [
        pytest.param(
            {"package_name": "yardstick", "package_version": "3", "restraint": "ATLEAST"},
            "only yardstick<=2.0 is available and you require yardstick>=3",
            id="no-such-version",
        ),
        pytest.param({"package_name": "nowhere-to-be-found"}, "nowhere-to-be-found", id="no-such-package"),
        pytest.param(
            {"package_name": "msgspec", "package_version": "0.1"}, "the model server itself needs", id="ours"
        ),
    ],
)
async def test_dependencies_that_cannot_be_resolved_fail_the_model(
    world: ApiWorld, publisher: Publisher, tmp_path: Path, package: dict[str, str], cause: str
) -> None:
    one = await stored(world, tmp_path, "1.0.0", package)
    await publisher.publish(one)
    model = await shown(world, one)
    assert model["model_status"] == "failed"
    assert model["error_msg"].startswith("dependencies: error: ")
    assert cause in model["error_msg"]
    assert list((tmp_path / "packages").iterdir()) == []
    assert [p.name for p in (tmp_path / "environments").glob("[!.]*")] == []


async def test_an_installation_that_takes_too_long_fails_the_model(world: ApiWorld, tmp_path: Path) -> None:
    environments = Environments(tmp_path / "e", Installer(limit_s=0.0))
    publisher = new_publisher(world.store, world.clock, tmp_path, environments=environments)
    one = await stored(world, tmp_path, "1.0.0", YARDSTICK)
    await publisher.publish(one)
    assert "not installed within 0 s" in (await shown(world, one))["error_msg"]


async def test_an_environment_that_got_lost_is_built_again(
    world: ApiWorld, publisher: Publisher, environments: Environments, tmp_path: Path
) -> None:
    one = await stored(world, tmp_path, "1.0.0", YARDSTICK)
    await publisher.publish(one)
    assert await publisher.pending() == []
    built = environments.find(("yardstick==1.0",))
    assert built is not None
    built.rename(built.with_name(built.name[:-8] + "00000000"))  # built over another interpreter
    assert environments.find(("yardstick==1.0",)) is not None, "meanwhile the one of before"
    assert await publisher.pending() == [one]
    await publisher.publish(one)
    assert environments.find(("yardstick==1.0",)) == built
    assert site(built) == built / "site"
    assert await publisher.pending() == []


async def test_an_instance_waits_for_an_environment_that_is_not_there(tmp_path: Path) -> None:
    package = tmp_path / "digest/model"
    package.mkdir(parents=True)
    (package / "config.json").write_text(json.dumps({"dependencies": [{"packages": [YARDSTICK]}]}))
    with pytest.raises(NoRoomError, match=r"yardstick==1\.0"):
        Overlays(Environments(tmp_path / "none", Installer())).of(package.parent)


async def test_another_interpreter_and_progress_are_told(
    world: ApiWorld, publisher: Publisher, tmp_path: Path
) -> None:
    one = await stored(world, tmp_path, "1.0.0", runtime="python2.7")
    await publisher.publish(one)
    model = await shown(world, one)
    assert model["model_status"] == "published"
    assert "'python2.7' is not there" in model["notice"]
    assert "error_msg" not in model
    variant = {"model_id": one, "specification": "modelarts.vm.cpu.2u", "instance_count": 1, "weight": 100}
    body = {"service_name": "s", "infer_type": "real-time", "config": [variant]}
    service = (await world.call("POST", "/v1/p1/services", body)).json()["service_id"]
    events = (await world.call("GET", f"/v1/p1/services/{service}/events?event_info=python2.7")).json()["events"]
    assert "[m 1.0.0]: runtime 'python2.7' is not there" in events[0]["event_info"]


async def test_only_safe_formats_are_let_in_where_the_administrator_says_so(
    world: ApiWorld, tmp_path: Path
) -> None:
    strict = new_publisher(world.store, world.clock, tmp_path, safe_formats_only=True)
    one = await stored(world, tmp_path, "1.0.0")
    (tmp_path / "objects/models/m/1.0.0/model/weights.bin").write_bytes(b"\x80\x04N.")
    await strict.publish(one)
    said = (await shown(world, one))["error_msg"]
    assert "weights.bin: is a pickle" in said
    assert "MODELYARD_SAFE_FORMATS_ONLY" in said
