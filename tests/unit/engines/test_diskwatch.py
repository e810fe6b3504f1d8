"""Who must end for what it wrote, and when the next look comes."""

import logging
import os
from pathlib import Path

import pytest

from modelyard.engines import diskwatch
from modelyard.engines.diskwatch import CAUSE, DiskWatch, Written, condemned, explain, explained, pause_s
from modelyard.processes.directory import ProcessDir
from modelyard.processes.disk import MIB, Reserve, Space

GIB = 1024 * MIB


@pytest.mark.parametrize(
    ("written", "bound", "low", "ends"),
    [
        ({}, GIB, True, []),
        ({"a": GIB}, GIB, False, []),
        ({"a": GIB + 1, "b": 5}, GIB, False, ["a"]),
        ({"a": 2 * GIB, "b": 3 * GIB}, GIB, True, ["a", "b"]),
        ({"a": 99 * GIB}, 0, False, []),
        ({"a": 99 * MIB, "b": 98 * MIB}, GIB, True, ["a"]),
        ({"a": 99 * MIB, "b": 98 * MIB}, 0, True, ["a"]),
        ({"a": MIB, "b": 5}, GIB, True, []),
    ],
    ids=["nobody", "at", "over", "both", "no bound", "full", "full, no bound", "full, but not of this"],
)
def test_who_must_end(written: dict[str, int], bound: int, low: bool, ends: list[str]) -> None:
    assert sorted(condemned(written, bound, low=low)) == ends


def test_the_cause_names_both_sizes() -> None:
    assert condemned({"a": 3 * GIB}, 2 * GIB, low=False)["a"] == (
        "wrote 3.0 GiB to disk, more than the 2.0 GiB that an instance may"
    )


@pytest.mark.parametrize(
    ("written", "bound", "free", "pause"),
    [
        ([], 0, 100 * GIB, diskwatch.LONGEST_S),
        ([0], 2 * GIB, 100 * GIB, 1.0),
        ([0, 2 * GIB], 4 * GIB, 100 * GIB, 1.0),
        ([0], 0, 4 * GIB, 2.0),
        ([3 * GIB], 2 * GIB, 100 * GIB, diskwatch.SHORTEST_S),
    ],
)
def test_the_nearer_a_bound_the_sooner_the_next_look(
    written: list[int], bound: int, free: int, pause: float
) -> None:
    assert pause_s(written, bound, free) == pause


async def test_a_look_ends_each_once_and_gives_up_the_reserve_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    free = 100 * MIB
    monkeypatch.setattr(diskwatch, "space", lambda _path: Space(free=free, size=GIB))
    monkeypatch.setattr(diskwatch, "used", lambda work, _pids, _enough: {"a": 40 * MIB, "b": 30 * MIB}[work.name])
    everybody = [Written(i, f"s-{i}", "m 1", tmp_path / i, tuple) for i in ("a", "b")]
    ended: list[tuple[str, str]] = []
    reserve = Reserve(tmp_path / "reserve", 8 * MIB)
    watch = DiskWatch(tmp_path, 0, reserve, lambda: everybody, lambda one, why: ended.append((one, why)))
    await watch.look()
    assert reserve.kept()
    assert not watch.status.low
    free = MIB
    with caplog.at_level(logging.ERROR):
        await watch.look()
    assert not reserve.kept()
    assert [one for one, _ in ended] == ["a"]
    assert "service s-a" in caplog.text
    assert "disk is full" in ended[0][1]
    assert (watch.status.low, watch.status.service_id, watch.status.written) == (True, "s-a", 40 * MIB)
    everybody = everybody[1:]
    free = 100 * MIB
    await watch.look()
    assert [one for one, _ in ended] == ["a"]
    assert reserve.kept()
    assert not watch.status.low


def test_why_an_instance_ended_is_read_back(tmp_path: Path) -> None:
    directory = ProcessDir(tmp_path)
    assert explained(directory) == ""
    explain(directory, "it wrote too much")
    assert explained(directory) == "it wrote too much"


def test_a_pipe_in_place_of_the_reason_stops_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / CAUSE)
    assert explained(ProcessDir(tmp_path)) == ""
    explain(ProcessDir(tmp_path), "why")
    assert explained(ProcessDir(tmp_path)) == "why"
