"""Scripts that answer several requests in one call (docs/howto/batch-requests.md).

    def _inference_batch(self, inputs)   a list in, a list of the same length out: nothing else to say
    "batching": {"mode": "list", …}      the same for `_inference` itself
    "batching": true, {"mode": "rows"}   `_inference` takes rows, and answers one for each: what `_preprocess`
                                         returned for several requests is put end to end, and cut apart again

`_preprocess` and `_postprocess` always see one request, and what they raise is that request's alone.
"""

from collections.abc import Callable, Sequence
from typing import Any

from model_service.model_service import SingleNodeService
from modelyard_runtime.errors import LoadError
from modelyard_runtime.execution.sharing import chained, end_to_end
from modelyard_runtime.loading.declared import limits
from modelyard_runtime.loading.package import Package
from modelyard_runtime.model import Joint

Step = Callable[[Any], Any]
Steps = tuple[Step | None, Callable[[list[Any]], Sequence[Any]], Step | None]


def script_joint(package: Package, service: Any) -> Joint | None:
    """None when each request is a call of its own. Raises LoadError."""
    value = package.config.get("batching")
    bounds = limits(value)
    own = getattr(service, "_inference_batch", None)
    if bounds is None or (own is None and value is None):
        return None
    cls = type(service)
    if cls.inference is not SingleNodeService.inference:
        raise LoadError(
            f"{cls.__name__} replaces inference(): batching needs its steps, _preprocess to _postprocess"
        )
    mode = value.get("mode", "list" if own else "rows") if isinstance(value, dict) else "list" if own else "rows"
    if mode not in ("list", "rows"):
        raise LoadError(f'config.json: batching.mode must be "list" or "rows", not {mode!r}')
    inference = own or service._inference
    if mode == "rows":
        inference = _by_rows(inference)
    steps = (_own(service, "_preprocess"), inference, _own(service, "_postprocess"))
    return Joint(predict=lambda items: _together(steps, items), limits=bounds)


def _own(service: Any, name: str) -> Step | None:
    own = getattr(type(service), name) is not getattr(SingleNodeService, name)
    return getattr(service, name) if own else None


def _together(steps: Steps, items: list[Any]) -> list[Any]:
    """One result or exception for each item. Raises what the common step raises."""
    before, inference, after = steps
    results = items if before is None else [_tried(before, item) for item in items]
    present = [n for n, result in enumerate(results) if not isinstance(result, Exception)]
    if not present:
        return results
    answers = inference([results[n] for n in present])
    if len(answers) != len(present):
        raise ValueError(f"the batched step returned {len(answers)} results for {len(present)} requests")
    results = list(results)
    for n, answer in zip(present, answers, strict=True):
        failed = after is None or isinstance(answer, Exception)
        results[n] = answer if failed else _tried(after, answer)  # type: ignore[arg-type]
    return results


def _tried(step: Step, value: Any) -> Any:
    try:
        return step(value)
    except Exception as error:  # noqa: BLE001 - it is the answer to this request
        return error


def _by_rows(inference: Step) -> Callable[[list[Any]], list[Any]]:
    return lambda inputs: end_to_end(inference, inputs, _joined)


def _joined(inputs: Sequence[Any]) -> Any:
    """Lists, numpy arrays, torch tensors, data frames, each joined by its own means."""
    first = inputs[0]
    if isinstance(first, list):
        return chained(inputs)
    libraries = {each.__module__.partition(".")[0] for each in type(first).__mro__}
    if "torch" in libraries:
        import torch  # type: ignore[import-not-found,unused-ignore]

        return torch.cat(inputs)
    if "pandas" in libraries:
        import pandas as pd  # type: ignore[import-untyped,import-not-found,unused-ignore]

        return pd.concat(inputs)
    import numpy as np

    return np.concatenate(inputs)
