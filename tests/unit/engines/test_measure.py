"""What a process uses: real ones from /proc, groups from files, rates from numbers."""

import os
from pathlib import Path

from modelyard.engines import measure
from modelyard.engines.base import Usage
from modelyard.engines.measure import Sample
from modelyard.processes.limits import Group, Plan


def test_this_process() -> None:
    found = measure.read(Plan(), os.getpid())
    assert found is not None
    cpu_s, memory = found
    assert cpu_s > 0
    assert memory > 1024**2


def test_a_process_that_is_gone() -> None:
    assert measure.read(Plan(), 2**22 + 1) is None
    assert measure.read(Plan(), None) is None


def test_groups_count_what_ended_too(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    found = measure.read(Plan((Group(str(tmp_path)),)), None)
    assert found is not None
    assert found[0] == 2.5
    (tmp_path / "cpuacct.usage").write_text("3000000000\n")
    found = measure.read(Plan((Group(str(tmp_path)),)), None)
    assert found is not None
    assert found[0] == 3.0


def test_rates() -> None:
    first = measure.sampled(None, 2.0, now_ms=10_000, started_ms=0)
    assert first == Sample(10_000, 2.0, 0.2)
    assert measure.sampled(first, 9.0, now_ms=10_100, started_ms=0) == first
    second = measure.sampled(first, 2.5, now_ms=11_000, started_ms=0)
    assert second == Sample(11_000, 2.5, 0.5)
    assert measure.sampled(second, 0.0, now_ms=12_000, started_ms=0).cores == 0.0
    assert measure.usage(second, 3 * 1024**2) == Usage(0.5, 3.0)
