"""Scripts that answer several requests in one call: which they are, and what each request gets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_service.model_service import SingleNodeService
from modelyard_runtime.errors import LoadError
from modelyard_runtime.execution.job import Asked
from modelyard_runtime.execution.sharing import alone
from modelyard_runtime.loading.package import Package
from modelyard_runtime.loading.script_batch import script_joint
from modelyard_runtime.model import Limits, Model
from modelyard_runtime.protocols.modelarts import ModelArts
from modelyard_runtime.protocols.plane import Plane
from modelyard_runtime.protocols.v2 import OpenInference


class Plain(SingleNodeService):
    def _preprocess(self, data: Any) -> Any:
        return [float(x) for x in data["x"]]

    def _inference(self, data: Any) -> Any:
        self.calls = [*getattr(self, "calls", []), data]
        return [x * 2 for x in data]

    def _postprocess(self, data: Any) -> Any:
        return {"sum": sum(data)}


class Arrays(Plain):
    def _preprocess(self, data: Any) -> Any:
        return np.array(data["x"], dtype=np.float32).reshape(-1, 1)

    def _inference(self, data: Any) -> Any:
        self.calls = [*getattr(self, "calls", []), data.shape]
        return data[:, 0] * 2


class Listed(Plain):
    def _inference_batch(self, inputs: list[Any]) -> list[Any]:
        self.calls = [*getattr(self, "calls", []), len(inputs)]
        return [ValueError("mine") if each == [7.0] else [x * 3 for x in each] for each in inputs]


class Short(Plain):
    def _inference_batch(self, inputs: list[Any]) -> list[Any]:
        return inputs[1:]


class Whole(Plain):
    def inference(self, data: Any) -> Any:
        return data


def joint(service: Any, **config: Any) -> Any:
    return script_joint(Package(Path(), config), service)


@pytest.mark.parametrize(
    ("service", "config", "batches"),
    [
        pytest.param(Plain(), {}, False, id="scripts do not join unless they say so"),
        pytest.param(Plain(), {"batching": False}, False, id="off"),
        pytest.param(Plain(), {"batching": True}, True, id="on"),
        pytest.param(Plain(), {"batching": {"max_batch_size": 4}}, True, id="limits turn it on"),
        pytest.param(Listed(), {}, True, id="the method says so"),
        pytest.param(Listed(), {"batching": False}, False, id="off although there is the method"),
    ],
)
def test_who_joins(service: Any, config: dict[str, Any], batches: bool) -> None:
    assert (joint(service, **config) is not None) is batches


def test_rows_are_put_end_to_end_and_cut_apart() -> None:
    for service in (Plain(), Arrays()):
        found = joint(service, batching=True).predict([{"x": [1, 2]}, {"x": [3]}])
        assert found == [{"sum": 6.0}, {"sum": 6.0}]
        assert len(service.calls) == 1


def test_lists_get_one_entry_a_request() -> None:
    service = Listed()
    assert joint(service).predict([{"x": [1, 2]}, {"x": [3]}]) == [{"sum": 9.0}, {"sum": 9.0}]
    assert service.calls == [2]


def test_steps_that_raise_and_results_that_are_exceptions_are_of_one_request() -> None:
    service = Listed()
    good, no_number, no_x, own = joint(service).predict([{"x": [1]}, {"x": ["a"]}, {}, {"x": [7]}])
    assert good == {"sum": 3.0}
    assert isinstance(no_number, ValueError)
    assert isinstance(no_x, KeyError)
    assert str(own) == "mine"
    assert service.calls == [2]


def test_nothing_is_called_when_nobody_is_left() -> None:
    service = Listed()
    (failed,) = joint(service).predict([{}])
    assert isinstance(failed, KeyError)
    assert not hasattr(service, "calls")


def test_a_wrong_number_of_results_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 results for 2 requests"):
        joint(Short()).predict([{"x": [1]}, {"x": [2]}])


def test_one_request_without_a_queue() -> None:
    predict = alone(joint(Listed(), batching={"max_batch_size": 2}))
    assert predict({"x": [1]}) == {"sum": 3.0}
    with pytest.raises(KeyError):
        predict({})


@pytest.mark.parametrize(
    ("service", "batching", "cause"),
    [
        pytest.param(Whole(), True, "replaces inference", id="no steps"),
        pytest.param(Plain(), {"mode": "tensors"}, 'must be "list" or "rows"', id="unknown mode"),
    ],
)
def test_refused(service: Any, batching: Any, cause: str) -> None:
    with pytest.raises(LoadError, match=cause):
        joint(service, batching=batching)


def test_limits_of_the_package() -> None:
    assert joint(Listed(), batching={"max_batch_size": 2}).limits == Limits(max_size=2, stated=True)


def test_requests_of_both_protocols_share_a_call() -> None:
    service = Listed()
    batched = joint(service)
    model = Model({}, predict=alone(batched), joint=batched)
    plain = Plane(ModelArts(model, "m")).decode(b'{"x": [1]}', lambda _: "")
    tensor = b'{"inputs": [{"name": "x", "datatype": "INT64", "shape": [1], "data": [2]}]}'
    named = Plane(OpenInference(model, "m", "")).decode(tensor, lambda _: "")
    assert isinstance(plain, Asked)
    assert isinstance(named, Asked)
    assert plain.call == named.call
    assert plain.call.many is not None
    assert plain.call.many([plain.item, named.item]) == [{"sum": 3.0}, {"sum": 6.0}]
    assert service.calls == [2]
