"""Quantiles of what instances report."""

import pytest

from modelyard.core import quantiles

LINES = [
    'modelyard_request_seconds_bucket{instance="a",le="0.1"} 50',
    'modelyard_request_seconds_bucket{instance="a",le="0.2"} 100',
    'modelyard_request_seconds_bucket{instance="a",le="+Inf"} 100',
    'modelyard_in_flight{instance="a"} 3',
    "modelyard_in_flight 2",
    "modelyard_batch_rows_sum 7",
]


def test_buckets_of_several_instances_are_added() -> None:
    assert quantiles.buckets([*LINES, *LINES]) == {0.1: 100, 0.2: 200, float("inf"): 200}
    assert quantiles.in_flight(LINES) == 5


@pytest.mark.parametrize(("share", "seconds"), [(0.5, 0.1), (0.75, 0.15), (0.99, 0.198), (1.0, 0.2)])
def test_a_quantile_is_between_the_bounds_of_its_bucket(share: float, seconds: float) -> None:
    assert quantiles.quantile(quantiles.buckets(LINES), share) == pytest.approx(seconds)


def test_without_requests_nobody_knows_and_what_took_longer_is_the_last_bound() -> None:
    assert quantiles.quantile({}, 0.5) is None
    assert quantiles.quantile({0.1: 0, float("inf"): 0}, 0.5) is None
    assert quantiles.quantile({0.1: 1, float("inf"): 10}, 0.99) == 0.1
