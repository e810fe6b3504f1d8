import pytest

from modelyard.core.backoff import delay_ms, next_try_ms


@pytest.mark.parametrize(
    ("failures", "delay"), [(0, 0), (1, 0), (2, 1_000), (3, 2_000), (4, 4_000), (8, 60_000), (1_000, 60_000)]
)
def test_delay_doubles_up_to_a_minute(failures: int, delay: int) -> None:
    assert delay_ms(failures) == delay


@pytest.mark.parametrize(
    ("failed_at", "due"),
    [
        pytest.param([], 0, id="nothing failed"),
        pytest.param([500], 500, id="the first is tried again at once"),
        pytest.param([500, 900, 700], 2_900, id="counted from the last, in any order"),
    ],
)
def test_next_try(failed_at: list[int], due: int) -> None:
    assert next_try_ms(failed_at) == due
