"""How many small splits a worker is given at once, and what it may see of them."""

import pytest

from modelyard.batch.bundles import MOST_SPLITS, BundleBytes, Portions
from modelyard.batch.frames import Wanted
from modelyard.core.batch.outcomes import NonsenseError


def test_portions_grow_while_a_worker_is_quick() -> None:
    portions = Portions()
    seen = []
    for took_ms in (100, 100, 100, 700, 1_200, 100):
        portions.took(portions.most, took_ms)
        seen.append(portions.most)
    assert seen == [2, 4, 8, 8, 4, 8]
    portions.took(1, 10)
    assert portions.most == 8, "that there were no more says nothing"
    for _ in range(20):
        portions.took(portions.most, 1)
    assert portions.most == MOST_SPLITS


async def test_a_bundle_is_one_file() -> None:
    held = BundleBytes([b"abc", b"de"])
    assert await held.read(Wanted(0, 0, 100)) == b"abcde"
    assert await held.read(Wanted(0, 2, 2)) == b"cd"
    assert await held.read(Wanted(0, 9, 2)) == b""
    with pytest.raises(NonsenseError):
        await held.read(Wanted(1, 0, 1))
    with pytest.raises(NonsenseError):
        for _ in range(10):
            await held.read(Wanted(0, 0, 5))
