"""Where control groups go and what is written into them, on trees made of plain files."""

import os
from pathlib import Path

import pytest

from modelyard.processes.limits import (
    Enforcement,
    Group,
    Limits,
    Plan,
    detect,
    members,
    remove,
    remove_strays,
    switched_off,
    weigh,
)

V1 = Enforcement(1, "modelyard-x", {name: f"/cg/{name}" for name in ("cpu", "memory", "pids")})
V2 = Enforcement(2, "modelyard-x", dict.fromkeys(("cpu", "memory", "pids"), "/cg/own"))


@pytest.mark.parametrize(
    ("enforcement", "limits", "groups"),
    [
        pytest.param(
            V1,
            Limits(cpu=2, memory_mib=512, pids=100),
            {
                "/cg/cpu/modelyard-x.i": {
                    "cpu.shares": "256",
                    "cpu.cfs_period_us": "100000",
                    "cpu.cfs_quota_us": "200000",
                },
                "/cg/memory/modelyard-x.i": {"memory.limit_in_bytes": "536870912"},
                "/cg/pids/modelyard-x.i": {"pids.max": "100"},
            },
            id="v1: a group in each hierarchy",
        ),
        pytest.param(
            V2,
            Limits(cpu=0.5, memory_mib=1, pids=7),
            {
                "/cg/own/modelyard-x.i": {
                    "cpu.weight": "25",
                    "cpu.max": "50000 100000",
                    "memory.max": "1048576",
                    "pids.max": "7",
                }
            },
            id="v2: one group",
        ),
        pytest.param(
            V1,
            Limits(),
            {"/cg/cpu/modelyard-x.i": {"cpu.shares": "256"}, "/cg/pids/modelyard-x.i": {}},
            id="no limits: still a weight, and a group to find what it left",
        ),
        pytest.param(switched_off(), Limits(cpu=2, memory_mib=512), {}, id="switched off"),
    ],
)
def test_plan(enforcement: Enforcement, limits: Limits, groups: dict[str, dict[str, str]]) -> None:
    plan = enforcement.plan("i", limits, weight=0.25)
    assert {group.path: dict(group.files) for group in plan.groups} == groups


def test_without_quota_no_cap() -> None:
    files = [name for group in V1.plan("i", Limits(cpu=2), quota=False).groups for name, _ in group.files]
    assert files == ["cpu.shares"]


def test_swap_is_bounded_where_it_is_counted(tmp_path: Path) -> None:
    (tmp_path / "memory.memsw.limit_in_bytes").touch()
    plan = Enforcement(1, "m", {"memory": str(tmp_path)}).plan("i", Limits(memory_mib=1))
    assert dict(plan.groups[0].files) == {
        "memory.limit_in_bytes": "1048576",
        "memory.memsw.limit_in_bytes": "1048576",
    }


def test_weigh_members_and_remove(tmp_path: Path) -> None:
    (tmp_path / "cpu.shares").write_text("256")
    (tmp_path / "cgroup.procs").write_text("4\n5\n")
    gone = str(tmp_path / "gone")
    plan = Plan((Group(str(tmp_path)), Group(gone)), weight=str(tmp_path / "cpu.shares"))
    weigh(plan, 1.0)
    assert (tmp_path / "cpu.shares").read_text() == "1024"
    assert members(plan) == {4, 5}
    remove(plan)  # neither the busy nor the absent is an error
    assert tmp_path.exists()


def test_strays_of_this_data_directory_go(tmp_path: Path) -> None:
    for name in ("m.known", "m.stray", "m.busy/procs", "m.control", "other.stray"):
        (tmp_path / name).mkdir(parents=True)
    remove_strays(Enforcement(2, "m", {"cpu": str(tmp_path), "pids": str(tmp_path)}), {"known"})
    assert {path.name for path in tmp_path.iterdir()} == {"m.known", "m.busy", "m.control", "other.stray"}


def machine(tmp_path: Path, mounts: dict[str, str], cgroup: str) -> Path:
    """A /proc/self: mount point (below tmp_path) → "fstype options" or "root fstype options"."""
    proc = tmp_path / "proc"
    proc.mkdir()
    lines = []
    for number, (point, what) in enumerate(mounts.items()):
        root, kind, options = (["/", *what.split()])[-3:]
        (tmp_path / point).mkdir(parents=True, exist_ok=True)
        lines.append(f"{number} 1 0:{number} {root} {tmp_path / point} rw - {kind} cgroup rw,{options}")
    (proc / "mountinfo").write_text("\n".join(lines) + "\n")
    (proc / "cgroup").write_text(cgroup)
    return proc


def test_v1_groups_go_below_our_own(tmp_path: Path) -> None:
    (tmp_path / "memory" / "jobs" / "7").mkdir(parents=True)
    mounts = {"memory": "cgroup memory", "cpu": "cgroup cpu,cpuacct", "unified": "cgroup2 x"}
    proc = machine(tmp_path, mounts, "4:memory:/jobs/7\n2:cpu,cpuacct:/hidden\n0::/\n")
    found = detect(tmp_path, proc=proc)
    assert found.version == 1
    assert found.bases == {"memory": str(tmp_path / "memory/jobs/7"), "cpu": str(tmp_path / "cpu")}
    assert found.describe() == {
        "cpu": "enforced (cgroup v1)",
        "memory": "enforced (cgroup v1)",
        "pids": "not enforced: no control group of this kind is mounted",
        "open_files": "enforced (rlimit)",
    }


def test_a_container_sees_its_own_group_as_the_mount(tmp_path: Path) -> None:
    proc = machine(tmp_path, {"memory": "/docker/1 cgroup memory"}, "4:memory:/docker/1\n")
    assert detect(tmp_path, proc=proc).bases == {"memory": str(tmp_path / "memory")}


def test_v2_delegated(tmp_path: Path) -> None:
    own = tmp_path / "cg" / "app.service"
    own.mkdir(parents=True)
    (own / "cgroup.controllers").write_text("cpu memory\n")
    (own / "cgroup.subtree_control").write_text("cpu\n")
    (own / "cgroup.procs").write_text(f"{os.getpid()}\n")
    proc = machine(tmp_path, {"cg": "cgroup2 x"}, "0::/app.service\n")
    found = detect(tmp_path, proc=proc)
    assert found.version == 2
    assert found.bases == {"cpu": str(own), "memory": str(own)}
    assert "not delegated" in found.reasons["pids"]
    assert (own / "cgroup.subtree_control").read_text() == "+memory"
    assert (own / f"{found.prefix}.control" / "cgroup.procs").read_text() == "0"  # we made room for it


def test_v2_seen_again_from_the_leaf_we_moved_to(tmp_path: Path) -> None:
    own = tmp_path / "cg" / "app.service"
    (own / "modelyard-x.control").mkdir(parents=True)
    (own / "cgroup.controllers").write_text("pids\n")
    (own / "cgroup.subtree_control").write_text("pids\n")
    proc = machine(tmp_path, {"cg": "cgroup2 x"}, "0::/app.service/modelyard-x.control\n")
    assert detect(tmp_path, proc=proc).bases == {"pids": str(own)}


def test_no_proc_is_a_reason(tmp_path: Path) -> None:
    assert all("not enforced" in text for text in list(detect(tmp_path, proc=tmp_path).describe().values())[:3])


def test_two_data_directories_never_share_a_group(tmp_path: Path) -> None:
    proc = machine(tmp_path, {"pids": "cgroup pids"}, "8:pids:/\n")
    assert detect(tmp_path / "a", proc=proc).prefix != detect(tmp_path / "b", proc=proc).prefix
