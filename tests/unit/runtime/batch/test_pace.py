"""How many rows a call takes."""

from collections.abc import Callable

import pytest

from modelyard_runtime.batch.pace import CALM, LONG_S, MUCH_LONGER_S, Pace
from modelyard_runtime.batch.worker import rows_of_call


def after(cost_s: Callable[[int], float], most: int = 8192, calls: int = 400) -> Pace:
    pace = Pace(most)
    for _ in range(calls):
        pace.record(pace.size, cost_s(pace.size))
    return pace


@pytest.mark.parametrize(
    ("cost_s", "least", "most"),
    [
        pytest.param(lambda n: 0.005 + n * 1e-6, 2048, 8192, id="an overhead for each call"),
        pytest.param(lambda n: 0.001 * n, 1, 16, id="nothing gained"),
        pytest.param(lambda n: 0.1 * n, 1, 4, id="long rows"),
        pytest.param(lambda n: 3.0 * n, 1, 1, id="very long rows"),
        pytest.param(lambda n: 0.02 + n * 0.01, 16, 48, id="half a second is enough"),
        pytest.param(lambda n: 1e-4 + n * 1e-5 + n * n * 1e-6, 4, 64, id="too large is slow"),
    ],
)
def test_it_settles(cost_s: Callable[[int], float], least: int, most: int) -> None:
    assert least <= after(cost_s).size <= most


def test_never_more_than_the_model_takes() -> None:
    pace = Pace(48)
    sizes = set()
    for _ in range(100):
        sizes.add(pace.size)
        pace.record(pace.size, 0.001)
    assert max(sizes) == pace.size == 48


def test_never_fewer_than_are_predicted_beside_each_other() -> None:
    pace = Pace(8192, 32)
    for _ in range(10):
        pace.record(pace.size, 3.0)
        assert pace.size == 32


def test_one_long_call_may_be_the_machines_doing() -> None:
    pace = after(lambda _n: 0.001)
    size = pace.size
    for _ in range(50):
        pace.record(size, 1.1 * LONG_S)
        pace.record(size, 0.001)
    assert pace.size == size


@pytest.mark.parametrize("took_s", [(1.1 * LONG_S, 1.1 * LONG_S), (2 * MUCH_LONGER_S,)])
def test_calls_that_are_long_are_halved(took_s: tuple[float, ...]) -> None:
    pace = after(lambda _n: 0.001)
    size = pace.size
    for each in took_s:
        pace.record(size, each)
    assert pace.size == size // 2


def test_and_grow_again_when_all_is_calm() -> None:
    pace = after(lambda _n: 0.001)
    size = pace.size
    pace.record(size, 2 * MUCH_LONGER_S)
    for _ in range(CALM + 10):
        pace.record(pace.size, 0.001)
    assert pace.size == size


def test_a_call_that_failed_for_its_size_halves_them_for_good() -> None:
    pace = after(lambda _n: 0.001)
    size = pace.size
    pace.shrink(size)
    assert pace.size == size // 2
    for _ in range(3 * CALM):
        pace.record(pace.size, 0.001)
    assert pace.size == size // 2


def test_the_rest_of_a_chunk_says_nothing() -> None:
    pace = after(lambda n: 0.005 + n * 1e-6)
    size = pace.size
    for _ in range(100):
        pace.record(3, 1e-9)
    assert pace.size == size


def test_the_first_calls_leap_as_long_as_they_are_much_faster() -> None:
    pace = Pace(16384)
    sizes = []
    while not pace.settled:
        sizes.append(pace.size)
        pace.record(pace.size, 0.016 + pace.size * 7e-6)
    assert sizes[:5] == [1, 8, 64, 512, 4096]
    assert len(sizes) < 12
    assert pace.size == 16384


def test_a_leap_that_led_too_far_is_made_good() -> None:
    pace = after(lambda n: 0.003 + n * 1e-5 + max(n - 1500, 0) * 1e-4)
    assert pace.size in (1024, 2048)


@pytest.mark.parametrize(
    ("left", "size", "exact", "rows"),
    [
        pytest.param(314, 256, True, 256, id="while a size is tried out, it is what is called with"),
        pytest.param(58, 256, True, 58, id="as far as there are rows"),
        pytest.param(314, 256, False, 157, id="later the last ones are shared"),
        pytest.param(157, 256, False, 157, id="and taken"),
        pytest.param(1000, 256, False, 256, id="the last two of them"),
    ],
)
def test_how_many_rows_the_next_call_takes(left: int, size: int, exact: bool, rows: int) -> None:
    assert rows_of_call(left, size, exact=exact) == rows


def test_chunks_a_little_larger_than_a_call_do_not_keep_it_from_growing() -> None:
    pace = Pace(4096)
    for _ in range(200):
        left = max(314, int(pace.size * 0.95))
        while left:
            rows = rows_of_call(left, pace.size, exact=not pace.settled)
            pace.record(rows, 0.016 + rows * 1e-6)
            left -= rows
    assert pace.size == 4096


def test_noise_that_chose_too_large_a_size_is_made_good() -> None:
    pace = Pace(4096)
    for call in range(6 * CALM):
        took_s = 1e-4 + pace.size * 1e-5 + max(pace.size - 64, 0) * 1e-5
        pace.record(pace.size, took_s * (0.3 if call < 20 and pace.size > 64 else 1))
    assert pace.size <= 128


def test_a_size_is_as_small_as_it_may_be() -> None:
    assert after(lambda n: 0.001 + n * 1e-3).size <= 64


def test_what_others_did_to_the_first_calls_is_forgotten() -> None:
    pace = Pace(4096)
    for call in range(400):
        pace.record(pace.size, (0.015 + pace.size * 1e-6) * (8 if 9 <= call < 15 else 1))
    assert pace.size == 4096
