"""`modelyard check`, `modelyard run` and publishing judge a package alike, in the same words, and always end."""

import asyncio
import json
import os
import pickle
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.worlds.api import ApiWorld, api_world
from tests.worlds.publishing import new_publisher
from typer.testing import CliRunner

from modelyard import trees
from modelyard.artifacts.environments import Environments
from modelyard.artifacts.uv import IndexAwayError
from modelyard.cli.app import app
from modelyard.control import publishing
from modelyard.control.publishing import Publisher
from modelyard.objects.base import (
    ObjectInfo,
    ObjectNotFoundError,
    ObjectRefusedError,
    ObjectStoreUnavailableError,
)
from modelyard.objects.local import LocalObjects
from modelyard.objects.paths import ObjectPath
from modelyard.workshop import serving

SCRIPT = "from model_service.model_service import SingleNodeService\nclass Model(SingleNodeService): pass\n"
SKLEARN = {"model_type": "Scikit_Learn"}
PICKLED = pickle.dumps([1])


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """`run` goes as far as becoming the model server."""
    monkeypatch.setattr(serving, "run", lambda _package, listener, _packages: listener.close())
    monkeypatch.setattr(serving, "listening", lambda _: socket.create_server(("127.0.0.1", 0)))
    return CliRunner()


@pytest.fixture(autouse=True)
def removed(tmp_path: Path) -> Iterator[None]:
    """What is too deep for pytest to remove."""
    yield
    for name in ("objects", "packages"):
        assert trees.remove(tmp_path / name) == ""


def written(directory: Path, files: dict[str, Any]) -> Path:
    home = directory / "model"
    home.mkdir(parents=True)
    for name, content in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            path.symlink_to(content)
        elif callable(content):
            content(path)
        else:
            text = json.dumps(content) if isinstance(content, dict) else content
            path.write_bytes(text.encode() if isinstance(text, str) else text)
    return directory


def bind(path: Path) -> None:
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(path.name)


def sparse(size: int) -> Callable[[Path], None]:
    """A file of so many bytes that takes no room."""

    def make(path: Path) -> None:
        path.touch()
        os.truncate(path, size)

    return make


SOUND: dict[str, dict[str, Any]] = {
    "script": {"customize_service.py": SCRIPT, "config.json": {}},
    "script with a byte order mark": {"customize_service.py": "\ufeff" + SCRIPT, "config.json": {}},
    "config with a byte order mark": {"customize_service.py": SCRIPT, "config.json": "\ufeff{}"},
    "unused helper of Python 2": {"customize_service.py": SCRIPT, "old.py": "print 'x'", "config.json": {}},
    "hidden files": {"config.json": SKLEARN, "m.joblib": PICKLED, "._m.joblib": b"\0", ".DS_Store": b"\0"},
    "what archives leave": {"config.json": SKLEARN, "m.joblib": PICKLED, "__MACOSX/m.joblib": b"x"},
    "copies": {"config.json": SKLEARN, "m.joblib": PICKLED, "m.joblib~": PICKLED, "Thumbs.db": b"x"},
    "one of two is named": {"config.json": {**SKLEARN, "model_file": "b.m"}, "a.m": PICKLED, "b.m": PICKLED},
    "names equal but for case": {"customize_service.py": SCRIPT, "A": "", "a": "", "config.json": {}},
    "deep": {"customize_service.py": SCRIPT, "config.json": {}, "d/" * 500 + "f": "x"},
    "a link inside": {"customize_service.py": SCRIPT, "config.json": {}, "w": Path("config.json")},
    "an empty directory for config": {"customize_service.py": SCRIPT, "config.json": os.mkdir},
    "onnx": {"config.json": {"model_type": "ONNX"}, "m.onnx": b"\x08"},
    "lightgbm": {"config.json": {"model_type": "LightGBM"}, "m.txt": b"tree\n", "readme.txt": "x"},
}
UNSOUND: dict[str, tuple[dict[str, Any], str]] = {
    "a huge file": ({"customize_service.py": SCRIPT, "w.bin": sparse(21 * 1024**3)}, "the package has 22548"),
    "a huge script": (
        {"customize_service.py": sparse(8 * 1024**3), "config.json": {}},
        "has 8589934592 bytes",
    ),
    "nothing": ({}, "model: there is no directory model/"),
    "only hidden files": ({".DS_Store": b"x"}, "model: there is no directory model/"),
    "a comment": ({"customize_service.py": SCRIPT, "config.json": "{} // x"}, "comments are not part of it"),
    "config is a directory": ({"customize_service.py": SCRIPT, "config.json/x": "x"}, "is a directory"),
    "huge config": ({"customize_service.py": SCRIPT, "config.json": "[" * 5_000_000}, "config.json: has "),
    "two models": ({"config.json": SKLEARN, "a.joblib": PICKLED, "b.pkl": PICKLED}, "(a.joblib, b.pkl)"),
    "model in a folder": ({"config.json": SKLEARN, "sub/a.joblib": PICKLED}, "neither model/customize_service.py"),
    "hidden model": ({"config.json": SKLEARN, "._m.joblib": PICKLED}, "neither model/customize_service.py"),
    "no type": ({"config.json": {}, "a.joblib": PICKLED}, "model_type: is missing"),
    "unknown type": ({"config.json": {"model_type": "Keras"}, "a.h5": "x"}, "model_type: is 'Keras', must be one"),
    "a syntax error": ({"customize_service.py": "def x(:", "config.json": {}}, "syntax error in line 1"),
    "an imported helper of Python 2": (
        {"customize_service.py": SCRIPT + "import old", "old.py": "print 'x'", "config.json": {}},
        "old.py: syntax error in line 1",
    ),
    "no service": ({"customize_service.py": "x = 1", "config.json": {}}, "defines no class"),
    "two services": (
        {"customize_service.py": SCRIPT + "class B(SingleNodeService): pass", "config.json": {}},
        "several services (B, Model)",
    ),
    "pytorch without weights": (
        {"customize_service.py": SCRIPT, "config.json": {"model_type": "PyTorch"}},
        "model_file: there is no model file (.pt",
    ),
    "pytorch without anything": ({"config.json": {"model_type": "PyTorch"}}, "neither model/customize_service.py"),
    "weights of pytorch alone": (
        {"config.json": {"model_type": "PyTorch"}, "net.pth": PICKLED},
        "net.pth: holds weights, not the code",
    ),
    "model_file is not there": ({"config.json": {**SKLEARN, "model_file": "x.m"}, "a.m": PICKLED}, "no such file"),
    "model_file leads out": (
        {"config.json": {**SKLEARN, "model_file": "../x.m"}, "a.m": PICKLED},
        "model_file: is '../x.m': there is no such file",
    ),
    "restraint is an object": (
        {
            "customize_service.py": SCRIPT,
            "config.json": {"dependencies": [{"packages": [{"package_name": "a", "restraint": {"a": 1}}]}]},
        },
        'dependencies[0].packages[0].restraint: is {"a": 1}, must be EXACT, ATLEAST or ATMOST',
    ),
    "restraint is nothing": (
        {
            "customize_service.py": SCRIPT,
            "config.json": {"dependencies": [{"packages": [{"package_name": "a", "restraint": {}}]}]},
        },
        "dependencies[0].packages[0].restraint: is {}, must be EXACT, ATLEAST or ATMOST",
    ),
    "too deep": ({"customize_service.py": SCRIPT, "config.json": {}, "d" + "/d" * 600: os.mkdir}, "lies too deep"),
    "restraint is a list": (
        {
            "customize_service.py": SCRIPT,
            "config.json": {"dependencies": [{"packages": [{"package_name": "a", "restraint": [1]}]}]},
        },
        "dependencies[0].packages[0].restraint: is [1], must be EXACT",
    ),
    "threads": ({"customize_service.py": SCRIPT, "config.json": {"threads": 0}}, "threads: must be an integer"),
    "batching": (
        {"customize_service.py": SCRIPT, "config.json": {"batching": 3}},
        "batching: must be true",
    ),
    "a new line in a name": ({"customize_service.py": SCRIPT, "a\nb": ""}, "has a control character"),
    "a link to itself": ({"customize_service.py": SCRIPT, "loop": Path()}, "is a symbolic link that leads in"),
    "a link to above": (
        {"customize_service.py": SCRIPT, "sub/up": Path("..")},
        "leads in a circle",
    ),
    "a link to nowhere": (
        {"customize_service.py": SCRIPT, "x": Path("gone")},
        "is a symbolic link that leads",
    ),
    "two links in a circle": (
        {"customize_service.py": SCRIPT, "x": Path("y"), "y": Path("x")},
        "is a symbolic link that leads in a circle",
    ),
    "a link out": ({"customize_service.py": SCRIPT, "x": Path("/etc/passwd")}, "leads out of "),
    "a pipe": ({"customize_service.py": SCRIPT, "p": os.mkfifo}, "is a named pipe"),
    "a socket": ({"customize_service.py": SCRIPT, "s": bind}, "is a socket"),
}


async def published(world: ApiWorld, publisher: Publisher, source: str = "/models/m") -> dict[str, Any]:
    body = {"model_name": "m", "model_version": "1.0.0", "model_type": "auto", "source_location": source}
    model_id = (await world.call("POST", "/v1/p1/models", body)).json()["model_id"]
    assert await publisher.publish(model_id) is None
    return dict((await world.call("GET", f"/v1/p1/models/{model_id}")).json())


@pytest.mark.parametrize("case", [*SOUND, *UNSOUND])
async def test_one_judgement(
    world: ApiWorld, runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(tmp_path)
    files, cause = (SOUND[case], None) if case in SOUND else UNSOUND[case]
    directory = written(tmp_path / "objects/models/m", files)
    publisher = new_publisher(world.store, world.clock, tmp_path)
    model = await published(world, publisher)
    checked = await asyncio.to_thread(runner.invoke, app, ["check", str(directory), "--json"])
    run = await asyncio.to_thread(runner.invoke, app, ["run", str(directory)])
    if cause is None:
        assert (model["model_status"], checked.exit_code, run.exit_code) == ("published", 0, 0), model
        return
    assert (model["model_status"], checked.exit_code, run.exit_code) == ("failed", 1, 1), model
    errors = [f for f in json.loads(checked.stdout)["findings"] if f["level"] == "error"]
    assert cause in "; ".join(f"{f['where']}: {f['text']}" for f in errors)
    for error in errors:
        words = error["text"].split(" out of ")[0]
        assert repr(error["where"])[1:-1] in model["error_msg"]
        assert words in model["error_msg"]
        assert "".join(words.split()) in "".join(run.output.split())


class Vanishing(LocalObjects):
    """The file is gone between the listing and the reading of it."""

    async def read(
        self, path: ObjectPath, *, offset: int = 0, length: int | None = None, version: str = ""
    ) -> AsyncIterator[bytes]:
        raise ObjectNotFoundError(f"{path} does not exist")
        yield b""


class Forbidden(LocalObjects):
    async def read(
        self, path: ObjectPath, *, offset: int = 0, length: int | None = None, version: str = ""
    ) -> AsyncIterator[bytes]:
        raise ObjectRefusedError(f"{path} cannot be read: permission denied")
        yield b""


@pytest.mark.parametrize("objects", [Vanishing, Forbidden])
async def test_a_file_that_cannot_be_had_is_named(
    world: ApiWorld, tmp_path: Path, objects: type[LocalObjects]
) -> None:
    written(tmp_path / "objects/models/m", {"customize_service.py": SCRIPT})
    model = await published(
        world, new_publisher(world.store, world.clock, tmp_path, objects(tmp_path / "objects"))
    )
    assert (model["model_status"], "model/customize_service.py" in model["error_msg"]) == ("failed", True)


@pytest.mark.parametrize("name", [b"caf\xe9.txt"])
async def test_a_name_that_is_not_text(world: ApiWorld, runner: CliRunner, tmp_path: Path, name: bytes) -> None:
    directory = written(tmp_path / "objects/models/m", {"customize_service.py": SCRIPT, "config.json": {}})
    Path(os.fsdecode(os.fsencode(directory / "model") + b"/" + name)).write_text("")
    publisher = new_publisher(world.store, world.clock, tmp_path)
    model = await published(world, publisher)
    assert model["model_status"] == "failed"
    assert r"caf\\xe9.txt' has a name that is not UTF-8 text" in model["error_msg"]
    checked = runner.invoke(app, ["check", str(directory)])
    assert (checked.exit_code, "has a name that is not UTF-8 text" in checked.output) == (1, True)


WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.lists(
        st.one_of(st.integers(), st.text(max_size=3), st.dictionaries(st.text(max_size=3), st.none())), max_size=3
    ),
    st.dictionaries(st.text(max_size=3), st.one_of(st.integers(), st.lists(st.none(), max_size=2)), max_size=3),
)


def fields(*names: str) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, WRONG))


API = fields("url", "method", "request", "response", "protocol") | WRONG
PACKAGE = fields("package_name", "package_version", "restraint") | WRONG
CONFIG = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            ("model_algorithm", "runtime", "metrics", "model_file", "threads", "example", "swr_location"), WRONG
        ),
        "model_type": WRONG | st.sampled_from(["Custom", "PyTorch", "ONNX", "Image"]),
        "apis": WRONG | st.lists(API, max_size=2),
        "dependencies": WRONG
        | st.lists(
            WRONG
            | st.fixed_dictionaries(
                {"packages": WRONG | st.lists(PACKAGE, max_size=2)}, optional={"installer": WRONG}
            ),
            max_size=2,
        ),
        "health": WRONG | fields("check_method", "url", "protocol", "command", "period_seconds"),
        "readiness_health": WRONG | fields("check_method", "command", "timeout_seconds"),
        "startup_health": WRONG | fields("url", "initial_delay_seconds"),
        "batching": WRONG | fields("max_batch_size", "max_delay_ms", "max_wait_s", "mode"),
        "inputs": WRONG | st.lists(fields("name", "datatype", "shape"), max_size=2),
        "outputs": WRONG | st.lists(fields("name", "datatype", "shape"), max_size=2),
        "specification": WRONG | fields("min_cpu", "min_gpu", "min_memory"),
    },
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=CONFIG)
async def test_whatever_a_config_says_publishing_ends(
    config: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("any")
    directory = written(root / "objects/models/m", {"customize_service.py": SCRIPT, "config.json": config})
    async with api_world() as world:
        resolver = Nothing()
        environments = Environments(root / "environments", resolver)
        objects = LocalObjects(root / "objects")
        publisher = new_publisher(world.store, world.clock, root, objects, environments=environments)
        model = await published(world, publisher)
        listed = await world.call("GET", "/v1/p1/models")
    assert listed.status_code == 200
    assert model["model_status"] in ("published", "failed")
    assert not model.get("error_msg", "").startswith("publishing failed")
    checked = CliRunner().invoke(app, ["check", str(directory)])
    sound = model["model_status"] == "published" or "needs a container engine" in model.get("error_msg", "")
    assert checked.exit_code == (0 if sound else 1), (checked.output, model)


class Nothing:
    """A resolver for whom everything is installed already."""

    async def missing(self, wanted: Any) -> tuple[str, ...]:
        return ()

    async def install(self, exact: Any, target: Path, say: Any) -> None:
        raise AssertionError


class Away(LocalObjects):
    async def list(self, path: ObjectPath, *, after: str = "") -> AsyncIterator[ObjectInfo]:
        raise ObjectStoreUnavailableError("no answer")
        yield ObjectInfo("", 0)


class NoIndex(Nothing):
    async def missing(self, wanted: Any) -> tuple[str, ...]:
        raise IndexAwayError("error sending request for url")


class Surprise(LocalObjects):
    async def list(self, path: ObjectPath, *, after: str = "") -> AsyncIterator[ObjectInfo]:
        raise TypeError("unhashable type")
        yield ObjectInfo("", 0)


def away(root: Path, world: ApiWorld) -> Publisher:
    return new_publisher(world.store, world.clock, root, Away(root / "objects"))


def no_index(root: Path, world: ApiWorld) -> Publisher:
    environments = Environments(root / "environments", NoIndex())
    return new_publisher(world.store, world.clock, root, environments=environments)


def surprise(root: Path, world: ApiWorld) -> Publisher:
    return new_publisher(world.store, world.clock, root, Surprise(root / "objects"))


@pytest.mark.parametrize(
    ("make", "cause", "at_most"),
    [
        pytest.param(away, "waiting for the object store: no answer", 80, id="object store"),
        pytest.param(no_index, "waiting for the index of packages: error sending request", 80, id="index"),
        pytest.param(surprise, "publishing failed: TypeError: unhashable type", 3, id="unforeseen"),
    ],
)
async def test_what_may_pass_is_tried_for_an_hour_and_told(
    world: ApiWorld, tmp_path: Path, make: Callable[[Path, ApiWorld], Publisher], cause: str, at_most: int
) -> None:
    dependencies = {"dependencies": [{"packages": [{"package_name": "a"}]}]}
    written(tmp_path / "objects/models/m", {"customize_service.py": SCRIPT, "config.json": dependencies})
    publisher = make(tmp_path, world)
    body = {"model_name": "m", "model_version": "1.0.0", "model_type": "auto", "source_location": "/models/m"}
    model_id = (await world.call("POST", "/v1/p1/models", body)).json()["model_id"]
    began = world.now
    tries = 0
    while (again_ms := await publisher.publish(model_id)) is not None:
        tries += 1
        shown = (await world.call("GET", f"/v1/p1/models/{model_id}")).json()
        assert (shown["model_status"], shown["notice"].startswith(cause)) == ("publishing", True), shown
        assert f"tried {tries} times" in shown["notice"]
        assert again_ms > world.now - 10
        world.now = max(again_ms, world.now)
    assert tries < at_most
    assert world.now - began <= publishing.RETRY_FOR_MS + 61_000
    shown = (await world.call("GET", f"/v1/p1/models/{model_id}")).json()
    assert (shown["model_status"], shown["error_msg"].startswith(cause)) == ("failed", True)
    assert await publisher.publish(model_id) is None
