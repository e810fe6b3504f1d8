"""Whole files: what is read is bounded and regular, what is written is whole."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from modelyard import files


def link(path: Path) -> None:
    (path.parent / "target").write_bytes(b"secret")
    path.symlink_to("target")


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def long(path: Path) -> None:
    path.touch()
    os.truncate(path, 4 << 30)


NO_FILES = [
    pytest.param(os.mkfifo, id="a pipe"),
    pytest.param(link, id="a link"),
    pytest.param(listening, id="a socket"),
    pytest.param(Path.mkdir, id="a directory"),
    pytest.param(lambda path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5)), id="an endless device"),
]


@pytest.mark.parametrize("lay", [*NO_FILES, pytest.param(long, id="4 GiB")])
def test_what_is_no_small_regular_file_is_refused_at_once(tmp_path: Path, lay: Callable[[Path], None]) -> None:
    if "endless" in repr(lay) or lay.__name__ == "<lambda>":
        _needs_root()
    path = tmp_path / "x"
    lay(path)
    with pytest.raises(files.UnfitFileError):
        files.read(path)


@pytest.mark.parametrize("lay", NO_FILES)
def test_there_is_no_tail_of_what_is_no_file(tmp_path: Path, lay: Callable[[Path], None]) -> None:
    if lay.__name__ == "<lambda>":
        _needs_root()
    path = tmp_path / "x"
    lay(path)
    with pytest.raises(files.UnfitFileError):
        files.tail(path, 10)


def test_the_tail_of_a_line_of_4_gib(tmp_path: Path) -> None:
    long(tmp_path / "x")
    assert files.tail(tmp_path / "x", 1000) == (bytes(1000), False)


def test_a_file_of_just_the_most_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert files.read(tmp_path / "x", 5) == b"12345"
    with pytest.raises(files.UnfitFileError):
        files.read(tmp_path / "x", 4)


def test_an_owner_may_keep_a_key_behind_a_link(tmp_path: Path) -> None:
    link(tmp_path / "x")
    assert files.read(tmp_path / "x", follow=True) == b"secret"


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b'{"a": 1', b"\xff\xfe", b"[" * 200_000, b'{"a":' * 100_000]
)
def test_what_is_no_object_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match="x: "):
        files.read_object(tmp_path / "x")


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write(tmp_path / "x", b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write(tmp_path / "x", b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("x", b"old")]
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600


def test_a_write_replaces_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    files.keep(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"new"


def test_an_equal_content_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "bootstrap.json"
    files.keep(path, b"{}")
    before = path.stat()
    path.chmod(0o644)
    files.keep(path, b"{}")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert path.stat().st_mode & 0o777 == 0o600
    files.keep(path, b'{"a": 1}')
    assert path.read_bytes() == b'{"a": 1}'


@pytest.mark.parametrize("durable", [True, False])
def test_a_durable_write_syncs_the_content_before_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    synced: list[tuple[int, bool]] = []
    path = tmp_path / "x"
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append((os.fstat(handle).st_ino, path.exists())))
    files.write(path, b"content", durable=durable)
    expected = [(path.stat().st_ino, False), (tmp_path.stat().st_ino, True)]
    assert synced == (expected if durable else [])


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir], ids=["file", "directory"])
def test_what_is_placed_has_its_name_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    synced: list[tuple[int, bool]] = []
    built, final = tmp_path / "built", tmp_path / "final"
    make(built)
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append((os.fstat(handle).st_ino, final.exists())))
    assert files.place(built, final) == final
    assert synced == [(tmp_path.stat().st_ino, True)]
    assert not built.exists()


def _needs_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT PROVEN HERE: only root makes a device")
