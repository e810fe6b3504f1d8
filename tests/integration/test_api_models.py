"""Models over HTTP, and publishing them from a directory of objects."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.worlds.api import SECOND, ApiWorld, api_world
from tests.worlds.publishing import new_publisher

from modelyard.control.publishing import Publisher
from modelyard.objects.base import ObjectStoreUnavailableError
from modelyard.objects.local import LocalObjects
from modelyard.objects.paths import ObjectPath

CODE = "model/customize_service.py"
SCRIPT = "from model_service.model_service import SingleNodeService as Base\nclass Model(Base): pass\n"
CONFIG: dict[str, Any] = {
    "model_algorithm": "digits",
    "model_type": "Scikit_Learn",
    "runtime": "python3.11",
    "apis": [{"url": "/", "method": "post", "request": {"Content-type": "application/json"}}],
}


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def publisher(world: ApiWorld, tmp_path: Path, root: Path) -> Publisher:
    return new_publisher(world.store, world.clock, tmp_path)


def package(root: Path, files: dict[str, str | bytes], at: str = "models/digits") -> None:
    for name, content in files.items():
        path = root / at / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def request(**more: Any) -> dict[str, Any]:
    return {
        "model_name": "digits",
        "model_version": "1.0.0",
        "model_type": "Scikit_Learn",
        "source_location": "obs://models/digits",
        **more,
    }


async def published(world: ApiWorld, publisher: Publisher, **more: Any) -> dict[str, Any]:
    answer = await world.call("POST", "/v1/p1/models", request(**more))
    assert answer.status_code == 200, answer.text
    model_id = answer.json()["model_id"]
    assert (await world.call("GET", f"/v1/p1/models/{model_id}")).json()["model_status"] == "publishing"
    assert world.nudges.pop() == ("model", model_id)
    assert await publisher.pending() == [model_id]
    await publisher.publish(model_id)
    return dict((await world.call("GET", f"/v1/p1/models/{model_id}")).json())


async def test_publishing_takes_a_snapshot(
    world: ApiWorld, publisher: Publisher, root: Path, tmp_path: Path
) -> None:
    package(root, {"model/config.json": json.dumps(CONFIG), CODE: SCRIPT, "model/sub/w.bin": b"\0\1"})
    initial = json.dumps({"runtime": "python3.12"})
    model = await published(world, publisher, initial_config=initial, description="d", install_type="real-time")
    assert (model["model_status"], model["install_type"], model["description"]) == (
        "published",
        ["real-time"],
        "d",
    )
    assert json.loads(model["config"])["runtime"] == "python3.12"
    assert json.loads(model["apis"]) == CONFIG["apis"]
    (snapshot,) = (tmp_path / "packages").iterdir()
    assert {p.relative_to(snapshot).as_posix() for p in snapshot.rglob("*") if p.is_file()} == {
        "model/config.json",
        "model/customize_service.py",
        "model/sub/w.bin",
        "manifest.json",
    }
    assert json.loads((snapshot / "model/config.json").read_text())["runtime"] == "python3.12"
    assert model["model_size"] == sum(p.stat().st_size for p in (snapshot / "model").rglob("*") if p.is_file())
    package(root, {CODE: SCRIPT + "x = 2"})
    assert (snapshot / CODE).read_text() == SCRIPT


async def test_equal_packages_share_a_snapshot(
    world: ApiWorld, publisher: Publisher, root: Path, tmp_path: Path
) -> None:
    package(root, {CODE: SCRIPT})
    await published(world, publisher)
    await published(world, publisher, model_version="1.0.1")
    package(root, {CODE: SCRIPT + "x = 2"})
    await published(world, publisher, model_version="1.0.2")
    assert len(list((tmp_path / "packages").iterdir())) == 2


async def test_a_bare_model_file_is_enough_for_scikit_learn(
    world: ApiWorld, publisher: Publisher, root: Path
) -> None:
    package(root, {"model/digits.pkl": b"pickle"})
    assert (await published(world, publisher))["model_status"] == "published"


@pytest.mark.parametrize(
    ("files", "more", "cause"),
    [
        pytest.param({}, {}, "there is no directory model/", id="nothing"),
        pytest.param({"model/readme": "x"}, {}, "neither model/customize_service.py nor", id="no-model"),
        pytest.param({"model/w.x": "x"}, {"model_type": "TensorFlow"}, "TensorFlow models need it", id="no-code"),
        pytest.param({CODE: SCRIPT, "model/config.json": "{"}, {}, "model/config.json: is not JSON", id="no-json"),
        pytest.param({CODE: SCRIPT, "model/config.json": "[]"}, {}, "must be a JSON object", id="no-object"),
        pytest.param(
            {
                CODE: SCRIPT,
                "model/config.json": '{"apis": [{"url": "x"}], "dependencies": [{"installer": "conda"}]}',
            },
            {},
            "apis[0].url: is 'x', must be a path that begins with / (ModelArts.3016); dependencies[0].installer",
            id="all-errors-at-once",
        ),
        pytest.param(
            {CODE: SCRIPT, "model/config.json": '{"runtime": "\\ud800"}'},
            {},
            "model/config.json.runtime: contains the character NUL or half a surrogate pair",
            id="half-a-pair",
        ),
    ],
)
async def test_a_package_that_does_not_conform(
    world: ApiWorld,
    publisher: Publisher,
    root: Path,
    tmp_path: Path,
    files: dict[str, str],
    more: dict[str, str],
    cause: str,
) -> None:
    package(root, {**files})
    model = await published(world, publisher, **more)
    assert model["model_status"] == "failed"
    assert cause in model["error_msg"]
    assert list((tmp_path / "packages").glob("*")) == []


async def test_a_link_out_of_the_bucket_is_refused(
    world: ApiWorld, publisher: Publisher, root: Path, tmp_path: Path
) -> None:
    package(root, {CODE: SCRIPT})
    (tmp_path / "secret").write_text("secret")
    (root / "models/digits/model/link").symlink_to(tmp_path / "secret")
    model = await published(world, publisher)
    assert (model["model_status"], "symbolic link" in model["error_msg"]) == ("failed", True)


async def test_a_crash_while_publishing_is_taken_up_again(
    world: ApiWorld, publisher: Publisher, root: Path, tmp_path: Path
) -> None:
    package(root, {CODE: SCRIPT})
    left = tmp_path / "packages/.partial-old/model/x"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    model = await published(world, publisher)
    assert model["model_status"] == "published"
    assert not left.exists()
    await publisher.publish(model["model_id"])
    await publisher.publish("unknown")


async def test_a_full_disk_is_told_and_tried_again_without_copying(
    world: ApiWorld, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = Breaks(root)
    objects.offsets = []
    publisher = new_publisher(world.store, world.clock, tmp_path, objects)
    package(root, {CODE: SCRIPT})
    await world.call("POST", "/v1/p1/models", request())
    (model_id,) = await publisher.pending()
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2))
        for tries in (1, 2):
            again_ms = await publisher.publish(model_id)
            assert again_ms is not None
            shown = (await world.call("GET", f"/v1/p1/models/{model_id}")).json()
            size = len(SCRIPT)
            assert shown["model_status"] == "publishing"
            told = (
                f"waiting for disk space: the package has {size} bytes, the server has 2 left (tried {tries} times"
            )
            assert shown["notice"].startswith(told)
    assert objects.offsets == []
    assert await publisher.pending() == [model_id]
    objects.whole = True
    assert await publisher.publish(model_id) is None
    shown = (await world.call("GET", f"/v1/p1/models/{model_id}")).json()
    assert (shown["model_status"], shown.get("error_msg")) == ("published", None)


class Breaks(LocalObjects):
    """Gives three bytes of a file at a time and then breaks off."""

    offsets: list[int]
    whole = False

    async def read(
        self, path: ObjectPath, *, offset: int = 0, length: int | None = None, version: str = ""
    ) -> AsyncIterator[bytes]:
        self.offsets.append(offset)
        content = b"".join([piece async for piece in super().read(path, offset=offset)])
        yield content if self.whole else content[:3]
        if len(content) > 3 and not self.whole:
            raise ObjectStoreUnavailableError("gone")


@pytest.mark.parametrize(("content", "published"), [(b"abcdefgh", True), (b"abcdefghijklm", False)])
async def test_a_download_that_breaks_off_goes_on_from_there(
    world: ApiWorld, root: Path, tmp_path: Path, content: bytes, published: bool
) -> None:
    objects = Breaks(root)
    objects.offsets = []
    publisher = new_publisher(world.store, world.clock, tmp_path, objects)
    package(root, {"model/m.pkl": content})
    await world.call("POST", "/v1/p1/models", request())
    (model_id,) = await publisher.pending()
    if not published:
        assert await publisher.publish(model_id) is not None
        return
    assert await publisher.publish(model_id) is None
    assert objects.offsets == [0, 3, 6]
    (snapshot,) = (tmp_path / "packages").iterdir()
    assert (snapshot / "model/m.pkl").read_bytes() == content


async def test_bad_fields_are_named_together(world: ApiWorld) -> None:
    body = request(
        model_name="a b", model_version="1.0", model_type="Image", source_location="http://x", cmd=[7], apis="{}"
    )
    answer = await world.call("POST", "/v1/p1/models", body)
    assert answer.status_code == 400
    assert {detail["field"] for detail in answer.json()["details"]} == {
        "model_name",
        "model_version",
        "model_type",
        "source_location",
        "cmd",
        "apis",
    }
    missing = (await world.call("POST", "/v1/p1/models", {})).json()
    assert len(missing["details"]) == 4
    assert world.nudges == []


async def test_a_taken_version_is_409(world: ApiWorld) -> None:
    await world.model()
    answer = await world.call("POST", "/v1/p1/models", request())
    assert (answer.status_code, answer.json()["error_code"]) == (409, "ModelArts.3002")


async def test_list_and_isolation(world: ApiWorld) -> None:
    for version in ("1.0.0", "2.0.0"):
        await world.model(version)
    await world.model(name="other", project="p2")
    answer = (await world.call("GET", "/v1/p1/models?model_name=digi&limit=1")).json()
    assert (answer["total_count"], answer["count"], answer["models"][0]["model_version"]) == (2, 1, "2.0.0")
    theirs = (await world.call("GET", "/v1/p2/models", user="other", project=SECOND)).json()
    assert [model["model_name"] for model in theirs["models"]] == ["other"]
    answer = await world.call("GET", "/v1/p2/models/m-digits-1.0.0", user="other", project=SECOND)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "ModelArts.3001")


async def test_a_model_in_use_stays(world: ApiWorld) -> None:
    await world.service()
    free = await world.model("2.0.0", "digits-service")
    answer = (await world.call("DELETE", "/v1/p1/models/m-digits-service-1.0.0?cascade=true")).json()
    assert answer["delete_success_list"] == [free]
    (refused,) = answer["delete_failed_list"]
    assert (refused["model_id"], refused["error_code"]) == ("m-digits-service-1.0.0", "ModelArts.3009")
    assert (await world.call("GET", f"/v1/p1/models/{free}")).status_code == 404
    assert (await world.call("DELETE", f"/v1/p1/models/{free}")).status_code == 404


async def test_a_download_goes_on_after_a_restart(world: ApiWorld, root: Path, tmp_path: Path) -> None:
    """And what nobody goes on with is removed: of a model that was deleted, that failed, that is published."""
    objects = Breaks(root)
    objects.offsets = []
    content = b"abcdefghijklmnop"
    package(root, {"model/m.pkl": content})
    await world.call("POST", "/v1/p1/models", request())
    publisher = new_publisher(world.store, world.clock, tmp_path, objects)
    (model_id,) = await publisher.pending()
    assert await publisher.publish(model_id) is not None
    assert (tmp_path / f"packages/.partial-{model_id}/model/m.pkl").read_bytes() == content[:9]
    stranger = tmp_path / "packages/.partial-of-a-model-that-went"
    stranger.mkdir()
    publisher = new_publisher(world.store, world.clock, tmp_path, objects)
    assert await publisher.pending() == [model_id]
    assert not stranger.exists()
    objects.whole = True
    assert await publisher.publish(model_id) is None
    assert objects.offsets == [0, 3, 6, 9]
    (snapshot,) = (tmp_path / "packages").iterdir()
    assert (snapshot / "model/m.pkl").read_bytes() == content
    assert sorted(path.name for path in snapshot.iterdir()) == ["manifest.json", "model"]


@pytest.mark.parametrize("end", ["deleted", "refused", "given up"])
async def test_what_was_copied_goes_with_its_model(world: ApiWorld, root: Path, tmp_path: Path, end: str) -> None:
    objects = Breaks(root)
    objects.offsets = []
    now_ms = [world.clock()]
    publisher = new_publisher(world.store, lambda: now_ms[0], tmp_path, objects)
    package(root, {"model/m.pkl": b"abcdefghijklmnopqrstuvwxyz"})
    await world.call("POST", "/v1/p1/models", request())
    (model_id,) = await publisher.pending()
    assert await publisher.publish(model_id) is not None
    assert [path.name for path in (tmp_path / "packages").iterdir()] == [f".partial-{model_id}"]
    match end:
        case "deleted":
            assert (await world.call("DELETE", f"/v1/p1/models/{model_id}")).status_code == 200
        case "refused":
            shutil.rmtree(root / "models")
        case _:
            now_ms[0] += 3_600_000
    assert await publisher.publish(model_id) is None
    assert list((tmp_path / "packages").iterdir()) == []
