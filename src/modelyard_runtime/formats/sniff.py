"""What a model file is, by its first bytes and the members of its archive; its suffix only breaks ties.

pickle          0x80 and a protocol number, or compressed by joblib
skops           a zip with schema.json          torchscript   a zip with …/constants.pkl
torch-export    a zip with …/archive_format     torch-pickle  a zip with …/data.pkl and no code
xgboost         `{"learner"` or `{L`            lightgbm      `tree`
onnx            by its suffix: a protobuf has no beginning of its own
"""

import zipfile
from pathlib import Path

RUNS_CODE = {
    "pickle": "a pickle",
    "torch-pickle": "a pickle of torch",
    # torch.export.load unpickles, without limits, what the archive says is pickled (as of torch 2.13).
    "torch-export": "a torch.export file, which can hold a pickle",
}

_COMPRESSED = (b"\x78", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"]\x00\x00", b"\x04\x22\x4d\x18", b"ZF")
_PICKLED = {".m", ".joblib", ".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt"}

_SUFFIXES = {".m": "pickle", ".joblib": "pickle", ".pkl": "pickle", ".pickle": "pickle", ".pt2": "torch-export"}


def kind(path: Path) -> str:
    """By its content; for any other, a suffix that says pickle is believed (an old pickle begins like a text)."""
    return kind_of(path) or _SUFFIXES.get(path.suffix, "")


def kind_of(path: Path) -> str:
    """One of the words above, "" when it is none of them. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(64)
    if head[:2] == b"PK":
        return _archive(path)
    if head[:1] == b"\x80" and len(head) > 1 and head[1] <= 5:
        return "torch-pickle" if path.suffix in (".pt", ".pth") else "pickle"
    if path.suffix == ".onnx":
        return "onnx"
    if head.lstrip()[:1] == b"{" and (b"learner" in head or b"version" in head):
        return "xgboost"
    if head.startswith((b"tree\n", b"tree\r\n")):
        return "lightgbm"
    if path.suffix in _PICKLED and head.startswith(_COMPRESSED):
        return "pickle"
    return ""


def _archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return ""
    if "schema.json" in names:
        return "skops"
    endings = {name.partition("/")[2] for name in names}
    if "archive_format" in endings or path.suffix == ".pt2":
        return "torch-export"
    if "constants.pkl" in endings:
        return "torchscript"
    return "torch-pickle" if "data.pkl" in endings else ""
