import pytest

from modelyard.core.rollout import budget
from modelyard.domain.revision import Budget


@pytest.mark.parametrize(
    ("count", "surge", "unavailable", "ceiling", "floor"),
    [
        pytest.param(3, 1, 0, 4, 3, id="the defaults: one more, none less"),
        pytest.param(10, 0.25, 0.25, 13, 8, id="surge rounds up, unavailable rounds down"),
        pytest.param(1, 0.1, 0.9, 2, 1, id="a fraction of one instance"),
        pytest.param(4, 2, 4, 6, 1, id="never below one"),
        pytest.param(100, 0.07, 0.29, 107, 71, id="as decimals, not as floats"),
        pytest.param(2, 5, 1, 7, 1, id="counts"),
        pytest.param(0, 1, 0, 1, 0, id="nothing asked for"),
    ],
)
def test_ceiling_and_floor(count: int, surge: float, unavailable: float, ceiling: int, floor: int) -> None:
    allowed = Budget(surge, unavailable)
    assert (budget.ceiling(count, allowed), budget.floor(count, allowed)) == (ceiling, floor)
