"""What a machine has, read from trees that look like its kernel's."""

from pathlib import Path

import pytest

from modelyard.domain.resources import Capacity
from modelyard.processes.machine import capacity

MEMINFO = "MemTotal:       8388608 kB\nMemFree: 1 kB\n"
FREE = Capacity(8.0, 8192)
TREES: dict[str, tuple[dict[str, str], Capacity]] = {
    "nothing to read": ({"proc/x": ""}, Capacity(8.0)),
    "unbounded": ({"proc/meminfo": MEMINFO, "proc/self/cgroup": "0::/\n"}, FREE),
    "a container": (
        {
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "0::/\n",
            "groups/memory.max": "1073741824\n",
            "groups/cpu.max": "150000 100000\n",
        },
        Capacity(1.5, 1024),
    ),
    "a unit inside of another": (
        {
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "0::/a/b\n",
            "groups/a/memory.max": "2147483648\n",
            "groups/a/b/memory.max": "max\n",
            "groups/a/b/cpu.max": "max 100000\n",
        },
        Capacity(8.0, 2048),
    ),
    "control groups v1": (
        {
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "3:memory:/a\n2:cpu,cpuacct:/b\n1:name=systemd:/c\n",
            "groups/memory/a/memory.limit_in_bytes": "536870912\n",
            "groups/cpu/b/cpu.cfs_quota_us": "50000\n",
            "groups/cpu/b/cpu.cfs_period_us": "100000\n",
        },
        Capacity(0.5, 512),
    ),
    "v1 without a bound": (
        {
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "3:memory:/\n2:cpu:/\n",
            "groups/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "groups/cpu/cpu.cfs_quota_us": "-1\n",
        },
        FREE,
    ),
}


@pytest.mark.parametrize(("files", "expected"), TREES.values(), ids=TREES.keys())
def test_what_there_is(tmp_path: Path, files: dict[str, str], expected: Capacity) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = capacity(proc=tmp_path / "proc", groups=tmp_path / "groups", cores=8)
    assert found == expected


def test_this_machine_has_something() -> None:
    here = capacity()
    assert (here.cpu or 0) > 0
    assert (here.memory_mib or 0) > 0
