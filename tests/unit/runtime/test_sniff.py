"""What a model file is, by its content; what may run code; what an administrator's rule lets in."""

import bz2
import gzip
import lzma
import pickle
import zipfile
import zlib
from pathlib import Path

import pytest

from modelyard_runtime.errors import LoadError
from modelyard_runtime.formats import model_of, refuse_code
from modelyard_runtime.formats.sniff import kind_of
from modelyard_runtime.loading.package import open_package
from modelyard_runtime.stopwatch import Stopwatch

PICKLED = pickle.dumps({"a": 1})


def archive(path: Path, *members: str) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for member in members:
            file.writestr(member, b"")


KINDS = {
    "model.pkl": (PICKLED, "pickle"),
    "old.m": (pickle.dumps([1], protocol=2), "pickle"),
    "zlib.joblib": (zlib.compress(PICKLED), "pickle"),
    "gzip.joblib": (gzip.compress(PICKLED), "pickle"),
    "bz2.joblib": (bz2.compress(PICKLED), "pickle"),
    "xz.joblib": (lzma.compress(PICKLED), "pickle"),
    "hidden.txt": (PICKLED, "pickle"),
    "legacy.pth": (PICKLED, "torch-pickle"),
    "xgb.json": (b'{"learner":{"attributes"', "xgboost"),
    "xgb.ubj": (b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner{", "xgboost"),
    "label.json": (b'{"0": "cat"}', ""),
    "lgb.txt": (b"tree\nversion=v4\n", "lightgbm"),
    "readme.txt": (b"trees are nice", ""),
    "net.onnx": (b"\x08\x08\x12\x00", "onnx"),
    "image.jpg": (b"\xff\xd8\xff", ""),
    "photo.gz": (gzip.compress(b"x"), ""),
    "protocol_0.pkl": (pickle.dumps({"a": 1}, protocol=0), ""),
    "empty.pkl": (b"", ""),
}
ARCHIVES = {
    "model.skops": (("schema.json", "1.npy"), "skops"),
    "script.pt": (("net/data.pkl", "net/code/x.py", "net/constants.pkl"), "torchscript"),
    "state.pt": (("net/data.pkl", "net/data/0"), "torch-pickle"),
    "program.pt2": (("net/archive_format", "net/models/model.json"), "torch-export"),
    "docs.zip": (("readme.txt",), ""),
}


@pytest.mark.parametrize("name", [*KINDS, *ARCHIVES])
def test_kind(tmp_path: Path, name: str) -> None:
    if name in KINDS:
        content, kind = KINDS[name]
        (tmp_path / name).write_bytes(content)
    else:
        members, kind = ARCHIVES[name]
        archive(tmp_path / name, *members)
    assert kind_of(tmp_path / name) == kind


@pytest.mark.parametrize("name", [*KINDS, *ARCHIVES])
def test_only_what_runs_code_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "deep").mkdir()
    kind = (KINDS.get(name) or ARCHIVES[name])[1]
    if name in KINDS:
        (tmp_path / "deep" / name).write_bytes(KINDS[name][0])
    else:
        archive(tmp_path / "deep" / name, *ARCHIVES[name][0])
    package = open_package(tmp_path)
    if "pickle" in kind or kind == "torch-export" or name.endswith(".pkl"):
        with pytest.raises(LoadError, match=rf"deep/{name} is a .*pickle.*MODELYARD_SAFE_FORMATS_ONLY"):
            refuse_code(package)
    else:
        refuse_code(package)


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        pytest.param("model.json", b'{"learner":1', "model.json is not an XGBoost model", id="xgboost"),
        pytest.param("model.onnx", b"\x08nonsense", "model.onnx is not an ONNX model", id="onnx"),
        pytest.param("model.pkl", b"", "model.pkl cannot be unpickled", id="empty pickle"),
        pytest.param("model.pth", PICKLED, "holds weights, not the code of their network", id="weights only"),
        pytest.param("label.json", b"{}", "cannot be served without a customize_service.py", id="no model"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, content: bytes, cause: str) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LoadError, match=cause):
        model_of(open_package(tmp_path), tmp_path / name, 1, Stopwatch(), safe_only=False)


def test_skops_with_types_of_the_package_itself_is_not_safe(tmp_path: Path) -> None:
    import skops.io
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    (tmp_path / "config.json").write_text("{}")
    skops.io.dump(make_pipeline(FunctionTransformer(zlib.crc32)), tmp_path / "model.skops")
    with pytest.raises(LoadError, match=r"holds types that are not known to be safe: .*crc32"):
        model_of(open_package(tmp_path), tmp_path / "model.skops", 1, Stopwatch(), safe_only=True)
