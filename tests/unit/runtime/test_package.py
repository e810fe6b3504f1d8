"""Which files of a directory are the package, and what its config.json declares."""

import json
from pathlib import Path

import pytest

from modelyard_runtime.errors import LoadError
from modelyard_runtime.package import open_package


def write(directory: Path, config: object, *files: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    for name in files:
        (directory / name).touch()
    return directory


@pytest.mark.parametrize(
    ("config", "files", "weights"),
    [
        pytest.param({"model_type": "Scikit_Learn"}, ["iris.joblib"], "iris.joblib", id="the only one"),
        pytest.param({"model_type": "Scikit_Learn"}, ["a.pkl", "model.pkl"], "model.pkl", id="named model wins"),
        pytest.param({"model_type": "Scikit_Learn"}, ["a.pkl", "b.m"], "b.m", id="order of suffixes"),
        pytest.param({"model_type": "PyTorch"}, ["label.json", "net.pth"], "net.pth", id="pytorch"),
        pytest.param({"model_type": "XGBoost"}, ["xgb.json"], "xgb.json", id="config.json is not a model"),
        pytest.param({"model_file": "x.bin"}, ["model.pkl"], "x.bin", id="said by config.json"),
        pytest.param({}, ["readme.txt"], None, id="nothing"),
    ],
)
def test_weights(tmp_path: Path, config: dict[str, str], files: list[str], weights: str | None) -> None:
    found = open_package(write(tmp_path, config, *files)).weights
    assert (found.name if found else None) == weights


def test_the_directory_above_is_accepted(tmp_path: Path) -> None:
    write(tmp_path / "model", {})
    assert open_package(tmp_path).directory == tmp_path / "model"


@pytest.mark.parametrize(
    ("config", "cause"),
    [
        pytest.param("{", "not valid JSON", id="cut off"),
        pytest.param("[]", "must hold a JSON object", id="a list"),
        pytest.param(b"\xff".decode("latin-1"), "not valid JSON", id="not text"),
    ],
)
def test_bad_config(tmp_path: Path, config: str, cause: str) -> None:
    with pytest.raises(LoadError, match=cause):
        open_package(write(tmp_path, config))


def test_missing_things_are_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"config\.json is missing"):
        open_package(tmp_path)
    with pytest.raises(LoadError, match="does not exist"):
        open_package(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("apis", "routes"),
    [
        pytest.param(None, {"/": {"POST"}}, id="none declared"),
        pytest.param([{"url": "/", "method": "get"}], {"/": {"GET", "POST"}}, id="POST is always there"),
        pytest.param([{"url": "/x", "method": "put"}], {"/": {"POST"}, "/x": {"PUT"}}, id="other path"),
        pytest.param('[{"method": "post"}]', {"/": {"POST"}}, id="as a JSON string"),
        pytest.param("nonsense", {"/": {"POST"}}, id="unreadable"),
    ],
)
def test_routes(tmp_path: Path, apis: object, routes: dict[str, set[str]]) -> None:
    assert open_package(write(tmp_path, {"apis": apis})).routes == routes


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"type": "object"}, id="object"),
        pytest.param('{"type": "object"}', id="text"),
    ],
)
def test_schema(tmp_path: Path, data: object) -> None:
    package = open_package(write(tmp_path, {"apis": [{"request": {"data": data}}]}))
    assert package.schema("request") == {"type": "object"}
    assert package.schema("response") == {}
