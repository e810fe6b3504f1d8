"""The model types, and how the file of each is told among the files of its package. The one list: admission, the
command line, the documentation, the judgement of a package and the loader all read it. Pure.

What a package holds besides its model never counts as the model (`unseen`): hidden files (`._m.joblib`,
`.DS_Store`), `__MACOSX`, `__pycache__`, `Thumbs.db`, `desktop.ini`, copies that editors keep (`m.joblib~`).

Of the files right in the package's directory whose suffix is one of the type's, one named `model` is the model;
else the only one. Two are an error that names both: `"model_file"` in config.json says which. (What is in a
`.txt`, `.json` or `.bin` is looked at before it counts as a second one: `Package.candidates`.)
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

CONFIG = "config.json"
SCRIPT = "customize_service.py"


@dataclass(frozen=True, slots=True)
class Kind:
    """`bare`: suffixes of files that are served without a script (none: the type needs one). `scripted`: further
    ones that a script of the type loads. `takes_file`: what `model_path` is to a script whose base class does not
    decide it: the model file, else the directory."""

    bare: tuple[str, ...] = ()
    scripted: tuple[str, ...] = ()
    takes_file: bool = False

    @property
    def suffixes(self) -> tuple[str, ...]:
        return (*self.bare, *self.scripted)


KINDS: Mapping[str, Kind] = {
    "Caffe": Kind(),
    "Custom": Kind(),
    "LightGBM": Kind((".txt", ".lgb", ".model", ".m", ".pkl", ".joblib")),
    "MXNet": Kind(),
    "MindSpore": Kind((), (".om", ".mindir", ".ckpt")),
    "ONNX": Kind((".onnx",)),
    "PyTorch": Kind((".pt", ".pth", ".pt2", ".ts"), (".pkl", ".bin", ".ckpt"), takes_file=True),
    "Scikit_Learn": Kind((".m", ".joblib", ".pkl", ".pickle", ".skops"), takes_file=True),
    "Spark_MLlib": Kind(),
    "TensorFlow": Kind(),
    "XGBoost": Kind((".m", ".ubj", ".json", ".model", ".bin", ".pkl", ".joblib"), takes_file=True),
}
TYPES = tuple(KINDS)
ANY = (
    *(".m", ".joblib", ".pkl", ".pickle", ".skops", ".pt", ".pth", ".pt2", ".ts", ".ubj", ".onnx"),
    *(".lgb", ".om", ".mindir", ".ckpt"),
)
"""Suffixes that say that a file is a model, whatever its type."""
SAYS_LITTLE = frozenset({".txt", ".json", ".bin"})
"""Suffixes of models that are more common on other files."""

_NOBODYS = frozenset({"__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini"})
_COPIES = ("~", ".swp", ".bak", ".orig")


def unseen(name: str) -> bool:
    """Whether a file (its path below the package's directory) is nothing that its author meant to put there."""
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part in _NOBODYS for part in parts) or name.endswith(_COPIES)


def suffixes(model_type: str, *, script: bool) -> tuple[str, ...]:
    """How the model file of a package ends."""
    kind = KINDS.get(model_type)
    if kind is None or not kind.suffixes:
        return ANY
    return kind.suffixes if script else kind.bare or kind.suffixes


def candidates(names: Iterable[str], model_type: str, *, script: bool) -> tuple[str, ...]:
    """The files that may be the model, sorted: one is what it should be. `names` are relative, with `/`.

    Of a type that has no suffixes of its own, a file named `model` may have one that says little (.json, .txt).
    """
    wanted = suffixes(model_type, script=script)
    seen = sorted(n for n in names if "/" not in n and n != CONFIG and not unseen(n))
    models = tuple(n for n in seen if PurePosixPath(n).suffix in wanted)
    if not models and wanted is ANY:
        models = tuple(n for n in seen if n in ("model.json", "model.txt"))
    return models


def named(names: Collection[str]) -> tuple[str, ...]:
    """Of several candidates the one whose name is `model`; else all of them."""
    models = tuple(n for n in names if PurePosixPath(n).stem == "model")
    return models if len(models) == 1 else tuple(names)


def first(names: Collection[str], model_type: str) -> str:
    """The one that a script of the type gets where its package does not say which: by suffix, then by name."""
    order = suffixes(model_type, script=True)

    def rank(name: str) -> tuple[int, bool, str]:
        suffix = PurePosixPath(name).suffix
        return order.index(suffix) if suffix in order else len(order), PurePosixPath(name).stem != "model", name

    return min(names, key=rank)


def ambiguous(names: Collection[str]) -> str:
    """What to say when there are several candidates."""
    listed = ", ".join(sorted(names))
    return f'several files may be the model ({listed}): name yours in config.json with "model_file"'
