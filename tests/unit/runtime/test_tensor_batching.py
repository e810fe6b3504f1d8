"""Which models without a script share a call by themselves, and which when asked to."""

from pathlib import Path
from typing import Any

import pytest

from modelyard_runtime.errors import LoadError
from modelyard_runtime.loading.loader import _joined
from modelyard_runtime.loading.package import Package
from modelyard_runtime.model import Model, Question, Rows, Tensor, Tensors

ROWS = Rows(lambda data: Question(data, list), lambda rows: rows)


def model(first_in: int | None, first_out: int | None, rows: Rows | None = ROWS) -> Model:
    def tensor(first: int | None) -> tuple[Tensor, ...]:
        return (Tensor("x", "FP32", () if first is None else (first, 4)),)

    return Model(
        routes={},
        predict=lambda data: data,
        rows=rows,
        tensors=Tensors("p", tensor(first_in), tensor(first_out), lambda given, _: given),
    )


@pytest.mark.parametrize(
    ("first_in", "first_out", "batching", "joins"),
    [
        pytest.param(-1, -1, None, True, id="rows in, rows out"),
        pytest.param(-1, -1, "auto", True, id="auto"),
        pytest.param(-1, -1, False, False, id="off"),
        pytest.param(None, None, None, False, id="a file that tells no shapes"),
        pytest.param(None, None, True, True, id="that, when asked to"),
        pytest.param(-1, None, None, False, id="one answer for all rows, perhaps"),
        pytest.param(1, 1, None, False, id="exported for one row"),
    ],
)
def test_who_joins(first_in: int | None, first_out: int | None, batching: Any, joins: bool) -> None:
    config = {} if batching is None else {"batching": batching}
    assert (_joined(Package(Path(), config), model(first_in, first_out)).joint is not None) is joins


def test_a_fixed_size_cannot_be_asked_to() -> None:
    with pytest.raises(LoadError, match="first dimension is free"):
        _joined(Package(Path(), {"batching": True}), model(1, 1))


def test_a_model_without_rows_stays_as_it_is() -> None:
    alone = model(-1, -1, rows=None)
    assert _joined(Package(Path(), {"batching": True}), alone) is alone
