"""One list of model types, wherever one is said; and what is told of a library that is missing can be done."""

import re
from pathlib import Path

import pytest

from modelyard.api.convert.catalog import runtimes
from modelyard.api.schemas.models import ModelCreate
from modelyard.core.admission import fields
from modelyard.core.packages import contents
from modelyard.core.packages.requirements import requirements
from modelyard_runtime import errors
from modelyard_runtime.loading.kinds import KINDS, TYPES

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("model_type", [*TYPES, "Image", "auto"])
def test_every_type_is_admitted(model_type: str) -> None:
    assert list(fields.model_type(model_type)) == []


@pytest.mark.parametrize("model_type", [None, "", "image", "Keras", "onnx"])
def test_no_other_is(model_type: str | None) -> None:
    assert [v.field for v in fields.model_type(model_type)] == ["model_type"]


def test_the_list_is_the_same_everywhere() -> None:
    assert frozenset(TYPES) == fields.MODEL_TYPES
    assert [each.ai_engine for each in runtimes(0, 100).engine_runtimes] == sorted(TYPES)
    text = str(ModelCreate.model_fields["model_type"].description)
    assert text.split(";", maxsplit=1)[0].split(", ") == list(TYPES)
    page = (DOCS / "howto/write-a-model-package.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) >= set(TYPES)


@pytest.mark.parametrize("model_type", [t for t, kind in KINDS.items() if kind.bare])
def test_a_bare_file_of_every_type_that_the_loader_serves_is_a_package(model_type: str) -> None:
    for suffix in KINDS[model_type].bare:
        assert contents.layout({"config.json", f"m{suffix}"}, model_type) == ()


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("onnxruntime", "onnxruntime"),
        ("lightgbm", "lightgbm"),
        ("sklearn.svm", "scikit-learn"),
        ("xgboost", "xgboost-cpu"),
        ("PIL", "pillow"),
        ("skops.io", "skops"),
        ("torch", "torch"),
    ],
)
def test_the_hint_can_be_followed(module: str, package: str) -> None:
    """What it says goes into config.json as it is, and asks for the package that has the module."""
    told = errors.needs("m.onnx", module)
    config, violations = contents.config(b"{" + told.partition("config.json: ")[2].encode() + b"}", {}, None)
    assert violations == ()
    assert requirements(config) == (package,)
