"""The short way of rows of numbers gives the outcomes of the long one."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.runtime.saved_models import COLUMNS, FORMATS, package

from modelyard_runtime.batch import wire
from modelyard_runtime.batch.answered import Predictor
from modelyard_runtime.batch.grid import _Grid
from modelyard_runtime.batch.predictors import InProcess, Requests, _Rows
from modelyard_runtime.loading.loader import load
from modelyard_runtime.model import Model
from modelyard_runtime.settings import settings as read_settings

FORMAT_NAMES = ("sklearn-joblib", "xgboost-json", "xgboost-booster", "lightgbm", "onnx")
CELLS = st.one_of(
    st.floats(-1e6, 1e6).map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.sampled_from(
        ["", "x", "1_0", "1e5", " 3", "+4", "1e39", "16777217", "٣", "9" * 400, "-0", "5e-324", "0x1"]
    ),
)
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=6), min_size=1, max_size=12)
PLAIN = st.lists(st.lists(st.floats(-100, 100).map(repr), min_size=4, max_size=4), min_size=1, max_size=12)


def node(kind: str = "number", order: tuple[int, ...] = (0, 1, 2, 3)) -> dict[str, Any]:
    leaves = {name: {"leaf": kind, "index": n} for name, n in zip(COLUMNS, order, strict=True)}
    return {"fields": {"data": {"fields": {"req_data": {"items": [{"fields": leaves}]}}}}}


INSTANCES = {"fields": {"instances": {"items": [{"items": [{"leaf": "number", "index": n} for n in range(4)]}]}}}
BARE = {"fields": {"req_data": node()["fields"]["data"]["fields"]["req_data"]}}


def split(mapping: dict[str, Any] | None, **more: Any) -> wire.Split:
    job = wire.Job("csv", mapping=mapping, csv=wire.Csv(header="header" in more))
    return wire.Split(job, 0, 0, 0, 0, 0, **more)


@pytest.fixture(scope="module", params=FORMAT_NAMES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    saved = FORMATS[request.param]
    pytest.importorskip(saved.needs)
    directory = tmp_path_factory.mktemp("model")
    package(directory, saved)
    return load(read_settings({"MODELYARD_MODEL_DIR": str(directory), "PORT": "0"}))


@pytest.fixture(scope="module")
def logistic(tmp_path_factory: pytest.TempPathFactory) -> Model:
    directory = tmp_path_factory.mktemp("model")
    package(directory, FORMATS["sklearn-joblib"])
    return load(read_settings({"MODELYARD_MODEL_DIR": str(directory), "PORT": "0"}))


def both(model: Model, asked: wire.Split) -> tuple[Predictor, Predictor]:
    inside = InProcess(model, "m")
    return inside.predictor(asked), _Rows(inside, Requests(inside.protocol, asked).ask)


def outcomes(predictor: Predictor, rows: list[Any], *, plain: bool) -> tuple[list[Any], list[tuple[int, str]]]:
    answered = predictor.answer(rows, range(100, 100 + len(rows)), plain=plain)
    lines = b"".join(answered.lines).splitlines()
    assert len(lines) == len(rows)
    return [json.loads(line) for line in lines], answered.failures


def is_plain(rows: list[list[str]]) -> bool:
    text = "".join(cell for row in rows for cell in row)
    return text.isascii() and "_" not in text


SHUFFLED = node(order=(2, 0, 3, 1))


@pytest.mark.parametrize(
    "mapping",
    [
        pytest.param(node(), id="documented"),
        pytest.param(node("integer"), id="integers"),
        pytest.param(BARE, id="bare"),
        pytest.param(INSTANCES, id="instances"),
        pytest.param(SHUFFLED, id="another order"),
    ],
)
@given(rows=st.one_of(ROWS, PLAIN))
@settings(max_examples=20, deadline=None)
def test_both_ways(model: Model, mapping: dict[str, Any], rows: list[list[str]]) -> None:
    short, long = both(model, split(mapping))
    assert isinstance(short, _Grid)
    plain = is_plain(rows)
    assert outcomes(short, rows, plain=plain) == outcomes(long, rows, plain=plain)


@given(rows=ROWS)
@settings(max_examples=20, deadline=None)
def test_both_ways_with_a_header(logistic: Model, rows: list[list[str]]) -> None:
    short, long = both(logistic, split(node(), header=("a", "b", "c", "d")))
    assert isinstance(short, _Grid)
    assert outcomes(short, rows, plain=is_plain(rows)) == outcomes(long, rows, plain=False)


def test_the_short_way_is_taken(logistic: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    short, _ = both(logistic, split(node()))
    monkeypatch.setattr(_Rows, "answer", None)
    row = ["5.1", "3.5", "1.4", "0.2"]
    assert outcomes(short, [row, row], plain=True) == ([{"data": {"resp_data": [{"predictresult": 0}]}}] * 2, [])
    assert outcomes(short, [row, row], plain=False) == ([{"data": {"resp_data": [{"predictresult": 0}]}}] * 2, [])


def test_a_row_that_is_unusual_does_not_slow_the_others(logistic: Model) -> None:
    asked: list[int] = []
    short, long = both(logistic, split(node()))
    assert isinstance(short, _Grid)
    before = long.answer

    def watched(items: Any, numbers: Any, *, plain: bool = False) -> Any:
        asked.extend(numbers)
        return before(items, numbers, plain=plain)

    short._long_way.answer = watched  # type: ignore[method-assign]
    row = ["5.1", "3.5", "1.4", "0.2"]
    _, failures = outcomes(short, [row, ["5.1", "x", "1.4", "0.2"], row], plain=True)
    assert failures == [(1, 'row 101, column 1: "x" is not of type number')]
    assert asked == [101]


@pytest.mark.parametrize(
    "mapping",
    [
        pytest.param(None, id="no rule"),
        pytest.param(node("string"), id="texts"),
        pytest.param(node(order=(0, 1, 2, 2)), id="a cell twice"),
        pytest.param({"fields": {**node()["fields"], "meta": {"fields": {}}}}, id="meta"),
        pytest.param({"fields": {"x": {"leaf": "number", "index": 0}}}, id="not what the model takes"),
        pytest.param(
            {"fields": {**node()["fields"], "more": {"leaf": "number", "index": 5}}}, id="checked and not used"
        ),
        pytest.param(
            {"fields": {"req_data": {"items": BARE["fields"]["req_data"]["items"] * 2}}}, id="two rows in one"
        ),
    ],
)
def test_what_has_no_short_way(logistic: Model, mapping: Any) -> None:
    inside = InProcess(logistic, "m")
    assert isinstance(inside.predictor(split(mapping)), _Rows)


def test_an_empty_header_has_no_short_way(logistic: Model) -> None:
    inside = InProcess(logistic, "m")
    assert isinstance(inside.predictor(split(node(), header=())), _Rows)


def test_names_of_classes(tmp_path: Path) -> None:
    import joblib
    from sklearn.tree import DecisionTreeClassifier

    (tmp_path / "config.json").write_text('{"apis": []}')
    names = ['a "quoted", one', "b\nc"]
    joblib.dump(DecisionTreeClassifier().fit([[0.0], [1.0]], names), tmp_path / "model.joblib")
    model = load(read_settings({"MODELYARD_MODEL_DIR": str(tmp_path), "PORT": "0"}))
    mapping = {"fields": {"req_data": {"items": [{"fields": {"x": {"leaf": "number", "index": 0}}}]}}}
    short, long = both(model, split(mapping))
    assert isinstance(short, _Grid)
    rows = [["0"], ["1"], ["0"]]
    assert outcomes(short, rows, plain=True) == outcomes(long, rows, plain=True)
