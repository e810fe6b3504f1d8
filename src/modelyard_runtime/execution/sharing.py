"""One call for several requests: what they bring is put end to end, and what comes back is cut apart again.

Promises: each request gets its own share; when a common call fails, each is tried alone, and only those fail that
cannot be answered.
"""

from collections.abc import Callable, Sequence
from typing import Any

from modelyard_runtime.model import Joint, Limits, Question, Rows


def results_of(many: Callable[[list[Any]], Sequence[Any]], items: list[Any]) -> Sequence[Any]:
    """One result or exception for each item."""
    try:
        results = many(items)
        if len(results) != len(items):
            raise ValueError(f"the model answered {len(results)} results for {len(items)} requests")
        return results
    except BaseException as error:  # noqa: BLE001 - it becomes the answer of the request
        if len(items) == 1:
            return [error]
        return [results_of(many, [item])[0] for item in items]


def alone(joint: Joint) -> Callable[[Any], Any]:
    """The call of one item. Raises what is the answer to it."""

    def one(item: Any) -> Any:
        result = joint.predict([item])[0]
        if isinstance(result, BaseException):
            raise result
        return result

    return one


def shares(results: Sequence[Any], counts: Sequence[int]) -> list[Any]:
    """Consecutive parts of `results`, of as many rows as each counts. Raises ValueError unless that is all."""
    if len(results) != sum(counts):
        raise ValueError(f"the model answered {len(results)} predictions for {sum(counts)} rows")
    cut, start = [], 0
    for count in counts:
        cut.append(results[start : start + count])
        start += count
    return cut


def end_to_end(
    run: Callable[[Any], Any],
    inputs: Sequence[Any],
    join: Callable[[Sequence[Any]], Any],
    count: Callable[[Any], int] = len,
    cut: Callable[[Any, Sequence[int]], list[Any]] = shares,
) -> list[Any]:
    """`run` once, over all inputs; the share of each. Raises what `run` raises."""
    if len(inputs) == 1:
        return [run(inputs[0])]
    return cut(run(join(inputs)), [count(each) for each in inputs])


def chained(inputs: Sequence[Sequence[Any]]) -> list[Any]:
    return [row for rows in inputs for row in rows]


def rows_joint(rows: Rows, bounds: Limits) -> Joint:
    """For a model of rows: the rows of all requests are one call, and each gets its share of the predictions."""

    def predict(asked: list[Question]) -> list[Any]:
        return end_to_end(rows.run, [each.rows for each in asked], chained)

    return Joint(
        predict=predict,
        prepare=rows.read,
        finish=lambda asked, share: asked.answer(share),
        rows=lambda asked: len(asked.rows),
        limits=bounds,
    )
