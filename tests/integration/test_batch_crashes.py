"""Whatever dies, and whenever: each row of a batch task has one outcome. 200 seeds; more with BATCH_CRASH_RUNS."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds.batch_crashes import Plan, Tamper, crash_world

from modelyard.batch.planning import plan
from modelyard.core.batch.splitting import Sizes
from modelyard.domain.batch import Format

pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)
"""A worker that dies between accepting a connection and meeting it leaves that one to the collector."""

RUNS = int(os.environ.get("BATCH_CRASH_RUNS", "180"))
"""Those of `tests/e2e/test_batch_crashes.py` come on top."""
TOGETHER = 10


@pytest.fixture(autouse=True)
def _many_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a small input."""
    monkeypatch.setitem(plan.__kwdefaults__, "sizes", Sizes(rows=6, first_rows=2))


@pytest.mark.parametrize("first", range(0, RUNS, TOGETHER))
async def test_whatever_dies_each_row_has_one_outcome(tmp_path: Path, first: int) -> None:
    for seed in range(first, min(first + TOGETHER, RUNS)):
        async with crash_world(tmp_path / str(seed), seed) as world:
            try:
                await world.to_the_end()
                await world.check()
            except BaseException as error:
                error.add_note(f"seed {seed}: {world.plan}")
                raise


def calm(made: Plan) -> Plan:
    """Nothing goes wrong but what is seeded."""
    files = {"0.csv": list(range(12)), "1.csv": list(range(12, 24))}
    return replace(
        made,
        format=Format.CSV,
        files=files,
        fails_at=frozenset(),
        poison={},
        lives=[None],
        outages=0,
        retried=False,
    )


@pytest.mark.parametrize("tamper", list(Tamper), ids=lambda tamper: tamper.name.lower())
async def test_the_suite_sees_what_is_spoiled(tmp_path: Path, tamper: Tamper) -> None:
    async with crash_world(tmp_path, 1, tamper, calm) as world:
        await world.to_the_end()
        if tamper is Tamper.NOTHING:
            await world.check()
        else:
            with pytest.raises(AssertionError):
                await world.check()
