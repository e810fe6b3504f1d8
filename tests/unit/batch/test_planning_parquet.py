"""Parquet is planned from its footer alone."""

import io
import struct
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.worlds.planning import JOB, PlanningWorld, planning_world

from modelyard.batch import cutting
from modelyard.domain.batch import Format

PARQUET = replace(JOB, format=Format.PARQUET)


@pytest.fixture
async def world() -> AsyncIterator[PlanningWorld]:
    async with planning_world() as made:
        yield made


def parquet(rows: int, group: int) -> bytes:
    """A file of so many rows, in groups."""
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow (pip install 'modelyard[parquet]')")
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(pyarrow.table({"x": list(range(rows))}), file, row_group_size=group)
    return file.getvalue()


async def test_splits_end_at_row_groups(world: PlanningWorld) -> None:
    await world.put({"in/a.parquet": parquet(1000, 100), "in/b.parquet": parquet(0, 10), "in/c.txt": "no"})
    found = await world.plan(PARQUET)
    assert (found.names, found.errors) == (["in/a.parquet", "in/b.parquet"], ["", ""])
    assert found.rows == [1000, 0]
    assert len(found.splits) == 10
    assert all(split.start == split.first_row and split.end == split.start + split.rows for split in found.splits)
    assert all(split.start % 100 == 0 for split in found.splits)


async def test_only_the_footer_is_read(world: PlanningWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    data = parquet(200_000, 50_000)
    await world.put({"in/a.parquet": data})
    taken = 0
    read = cutting._read

    async def counted(*arguments: object) -> bytes:
        nonlocal taken
        piece = await read(*arguments)  # type: ignore[arg-type]
        taken += len(piece)
        return piece

    monkeypatch.setattr(cutting, "_read", counted)
    found = await world.plan(PARQUET)
    assert found.rows == [200_000]
    assert taken < len(data) / 20


async def test_what_is_no_parquet_is_said(world: PlanningWorld) -> None:
    good = parquet(10, 10)
    bad = {
        "a short": b"PAR1",
        "b other": b"x" * 100,
        "c footer longer than the file": b"x" * 50 + struct.pack("<I", 10_000) + b"PAR1",
        "d damaged footer": good[:-40] + b"\xff" * 32 + good[-8:],
        "e encrypted": good[:-4] + b"PARE",
    }
    await world.put({f"in/{name}.parquet": data for name, data in bad.items()} | {"in/z.parquet": good})
    found = await world.plan(PARQUET)
    assert all("is no Parquet file" in error for error in found.errors[:-1]), found.errors
    assert (found.errors[-1], found.rows[-1]) == ("", 10)


async def test_a_huge_footer_is_not_read(world: PlanningWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "MOST_FOOTER_BYTES", 10)
    await world.put({"in/a.parquet": parquet(10, 10)})
    found = await world.plan(PARQUET)
    assert "10 are allowed" in found.errors[0]


async def test_without_pyarrow_the_file_says_so(world: PlanningWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    await world.put({"in/a.parquet": b"x" * 50 + struct.pack("<I", 10) + b"PAR1"})
    found = await world.plan(PARQUET)
    assert "pip install 'modelyard[parquet]'" in found.errors[0]
