"""Which files of a directory are the package, and what its config.json declares."""

import json
import re
from pathlib import Path

import pytest

from modelyard_runtime.errors import LoadError
from modelyard_runtime.loading.kinds import KINDS, Kind
from modelyard_runtime.loading.package import MAX_CONFIG_BYTES, open_package, read_config


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
        pytest.param({"model_type": "Scikit_Learn"}, ["._m.joblib", "m.joblib"], "m.joblib", id="hidden"),
        pytest.param({"model_type": "ONNX"}, [".a.onnx", "a.onnx~", "b.onnx"], "b.onnx", id="copies"),
        pytest.param(
            {"model_type": "Scikit_Learn"}, ["customize_service.py", "a.pkl", "b.m"], "b.m", id="script: in order"
        ),
        pytest.param({"model_type": "PyTorch"}, ["label.json", "net.pth"], "net.pth", id="pytorch"),
        pytest.param({"model_type": "XGBoost"}, ["xgb.json"], "xgb.json", id="config.json is not a model"),
        pytest.param({"model_file": "x.bin"}, ["model.pkl"], "x.bin", id="said by config.json"),
        pytest.param({}, ["readme.txt"], None, id="nothing"),
    ],
)
def test_weights(tmp_path: Path, config: dict[str, str], files: list[str], weights: str | None) -> None:
    found = open_package(write(tmp_path, config, *files)).weights
    assert (found.name if found else None) == weights


HEADS = {".txt": b"tree\n", ".json": b'{"learner":', ".bin": b"\x80\x04"}


@pytest.mark.parametrize(("model_type", "kind"), [(t, k) for t, k in KINDS.items() if k.bare])
def test_two_candidates_are_an_error_that_names_both(tmp_path: Path, model_type: str, kind: Kind) -> None:
    for one in kind.bare:
        for other in kind.bare:
            directory = tmp_path / f"{one}{other}"
            names = (f"a{one}", f"b{other}", f".c{one}")
            package = open_package(
                write(directory, {"model_type": model_type}, *names, "readme.txt", "label.json")
            )
            for name in names:
                (directory / name).write_bytes(HEADS.get(Path(name).suffix, b""))
            with pytest.raises(LoadError, match=rf"\(a{re.escape(one)}, b{re.escape(other)}\).*model_file"):
                assert package.weights
            (directory / f"b{other}").rename(directory / f"model{other}")
            assert package.weights == directory / f"model{other}"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        pytest.param("\ufeff{}", None, id="byte order mark"),
        pytest.param('{"a": 1 // one\n}', "comments are not part of it (line 1, column 9)", id="comment"),
        pytest.param("# x\n{}", "comments are not part of it", id="comment first"),
        pytest.param('{"a": NaN}', "NaN is not a number", id="nan"),
        pytest.param('{"a": "\\ud800"}', "half of a surrogate pair", id="surrogate"),
        pytest.param('{"a": ' + "[" * 500 + "]" * 500 + "}", "nested too deeply", id="deep"),
        pytest.param('{"a": ' + "1" * 5000 + "}", "is not JSON", id="number of 5000 digits"),
        pytest.param(" " * (MAX_CONFIG_BYTES + 1), "at most", id="huge"),
    ],
)
def test_config_is_json_as_its_rfc_says(text: str, cause: str | None) -> None:
    if cause is None:
        assert read_config(text.encode()) == {}
        return
    for given in (text, text.encode()):
        with pytest.raises(ValueError, match=re.escape(cause)):
            read_config(given)


def test_the_directory_above_is_accepted(tmp_path: Path) -> None:
    write(tmp_path / "model", {})
    assert open_package(tmp_path).directory == tmp_path / "model"


@pytest.mark.parametrize(
    ("config", "cause"),
    [
        pytest.param("{", "is not JSON", id="cut off"),
        pytest.param("[]", "must be a JSON object", id="a list"),
        pytest.param(b"\xff".decode("latin-1"), "is not JSON", id="not text"),
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
