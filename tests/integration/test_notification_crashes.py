"""Whatever dies, and whenever: every status that somebody asked to be told of arrives, in order. 200 seeds; more
with NOTIFICATION_CRASH_RUNS."""

import os
from pathlib import Path

import pytest
from tests.worlds.notification_crashes import Tamper, crash_world

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""What a dead control plane had open is left to the collector."""

RUNS = int(os.environ.get("NOTIFICATION_CRASH_RUNS", "200"))
TOGETHER = 10
ENOUGH = 40
"""Seeds in which what is spoiled must show."""


async def run(directory: Path, seed: int, tamper: Tamper = Tamper.NOTHING) -> None:
    async with crash_world(directory / str(seed), seed, tamper) as world:
        try:
            await world.to_the_end()
            await world.check()
        except BaseException as error:
            error.add_note(f"seed {seed}: {world.done}")
            raise


@pytest.mark.parametrize("first", range(0, RUNS, TOGETHER))
async def test_whatever_dies_every_status_arrives_in_order(tmp_path: Path, first: int) -> None:
    for seed in range(first, min(first + TOGETHER, RUNS)):
        await run(tmp_path, seed)


@pytest.mark.parametrize("tamper", [t for t in Tamper if t], ids=lambda tamper: tamper.name.lower())
async def test_the_suite_sees_what_is_spoiled(tmp_path: Path, tamper: Tamper) -> None:
    for seed in range(ENOUGH):
        try:
            await run(tmp_path, seed, tamper)
        except AssertionError as error:
            assert "was told" in str(error)
            return
    raise AssertionError(f"{ENOUGH} runs did not see that {tamper}")
