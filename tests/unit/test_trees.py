"""Removal of any tree: of any depth, length and kind, and of nothing else."""

import contextlib
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard import trees

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="NOT PROVEN HERE: needs root")


@pytest.fixture(autouse=True)
def cleared(tmp_path: Path) -> Iterator[None]:
    """What a test that failed leaves here, nobody else can remove."""
    yield
    for path in tmp_path.iterdir():
        trees.remove(path)


def nested(root: Path, depth: int, name: str) -> None:
    """So deep that no path reaches its end, with a file at each level."""
    root.mkdir()
    here = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(os.open("file", os.O_CREAT, dir_fd=below))
        os.close(here)
        here = below
    os.close(here)


@pytest.mark.parametrize(("depth", "name"), [(6500, "d"), (200, "n" * 255)], ids=["6500 levels", "255 bytes each"])
def test_depth_and_length_do_not_matter(tmp_path: Path, depth: int, name: str) -> None:
    nested(tmp_path / "x", depth, name)
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert trees.remove(tmp_path / "x") == ""
    assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) <= before  # less: what earlier tests left was collected


def test_a_wide_and_bushy_tree(tmp_path: Path) -> None:
    for index in range(30):
        for inner in range(30):
            directory = tmp_path / "x" / str(index) / str(inner)
            directory.mkdir(parents=True)
            (directory / "f").touch()
    assert trees.remove(tmp_path / "x") == ""
    assert list(tmp_path.iterdir()) == []


def test_kind_does_not_matter_and_links_lead_nowhere(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    root = tmp_path / "x"
    root.mkdir()
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(root / "socket"))
    (root / os.fsdecode(b"\xff\xfe\n")).mkdir()
    (root / "link").symlink_to(kept)
    (root / "hard").hardlink_to(kept / "file")
    (root / "shut" / "in").mkdir(parents=True)
    (root / "shut" / "in" / "file").touch()
    (root / "shut" / "in").chmod(0)
    (root / "shut").chmod(0)
    mode = (kept / "file").stat().st_mode
    assert trees.remove(root) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (kept / "file").stat().st_mode == mode


@pytest.mark.parametrize("kind", ["file", "link", "absent"])
def test_the_root_may_be_anything(tmp_path: Path, kind: str) -> None:
    (tmp_path / "kept").mkdir()
    if kind == "file":
        (tmp_path / "x").touch()
    if kind == "link":
        (tmp_path / "x").symlink_to(tmp_path / "kept")
    assert trees.remove(tmp_path / "x") == ""
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@ROOT
def test_what_chattr_made_immutable_goes(tmp_path: Path) -> None:
    for name in ("x/file", "x/dir/file"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("x/file", "x/dir/file", "x/dir", "x"):
        _pin(tmp_path / name)
    assert trees.remove(tmp_path / "x") == ""
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    point = tmp_path / "x" / "a" / "mount"
    point.mkdir(parents=True)
    made = subprocess.run(["mount", "-t", "tmpfs", "none", str(point)], check=False, capture_output=True)
    if made.returncode:
        pytest.skip("NOT PROVEN HERE: nothing can be mounted")
    (point / "kept").touch()
    yield point
    for path in tmp_path.rglob("kept"):
        subprocess.run(["umount", str(path.parent)], check=True)


@ROOT
def test_what_is_mounted_in_it_is_left_and_told_and_cleared_later(mounted: Path, tmp_path: Path) -> None:
    (tmp_path / "x" / "file").touch()
    assert "busy" in trees.remove(tmp_path / "x")
    assert not (tmp_path / "x").exists(), "its name is free"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["kept"]
    (kept,) = tmp_path.rglob("kept")
    subprocess.run(["umount", str(kept.parent)], check=True)
    trees.clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_somebody_keeps_growing_is_given_up_in_time(tmp_path: Path) -> None:
    root = tmp_path / "x"
    (root / "a").mkdir(parents=True)
    here, stop = os.open(root / "a", os.O_RDONLY), threading.Event()

    def grow() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):
                os.close(os.open(f"{os.urandom(4).hex()}", os.O_CREAT, dir_fd=here))

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        trees.remove(root, limit_s=0.2)  # it may win, but it must come back
    finally:
        stop.set()
        thread.join()
        os.close(here)
    trees.clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_old_way_could_not(tmp_path: Path) -> None:
    """Should it be able to one day, ours may be simpler."""
    if sys.version_info >= (3, 13):
        pytest.skip("NOT PROVEN HERE: this Python does not recurse")
    nested(tmp_path / "x", 1100, "d")
    with pytest.raises((RecursionError, OSError)):
        shutil.rmtree(tmp_path / "x")
    assert trees.remove(tmp_path / "x") == ""


def test_a_walk_names_everything_once_and_does_not_recurse(tmp_path: Path) -> None:
    path = tmp_path
    for _ in range(1200):
        path = path / "d"
        path.mkdir()
    (path / "f").touch()
    (tmp_path / "link").symlink_to(".")
    names = [entry.name for entry in trees.walk(tmp_path)]
    assert len(names) == len(set(names)) == 1202
    assert trees.remove(tmp_path / "d") == ""


def _pin(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(handle, 0x40086602, struct.pack("l", 0x10))
    except OSError:
        pytest.skip("NOT PROVEN HERE: this file system knows no such flag")
    finally:
        os.close(handle)
