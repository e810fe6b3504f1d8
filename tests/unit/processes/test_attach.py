"""Who may use a volume: the owner of its directory is the instance there, unless that is root or cannot be."""

import os
from pathlib import Path

import pytest

from modelyard.processes import attach

INSTANCE = 1_900_000_000


@pytest.mark.parametrize(
    ("owner", "mode", "user", "maps", "read", "write"),
    [
        (2000, 0o700, INSTANCE, True, True, True),
        (2000, 0o700, INSTANCE, False, False, False),
        (2000, 0o755, INSTANCE, False, True, False),
        (2000, 0o777, INSTANCE, False, True, True),
        (2000, 0o700, 2000, False, True, True),
        (0, 0o700, INSTANCE, True, False, False),
        (0, 0o755, INSTANCE, True, True, False),
        (0, 0o1777, INSTANCE, True, True, True),
        (2000, 0o700, None, True, True, True),
        (0, 0o755, None, True, True, False),
    ],
)
def test_who_may_use_it(owner: int, mode: int, user: int | None, *, maps: bool, read: bool, write: bool) -> None:
    found = [attach.unfit(owner, mode, user, writable=writable, maps=maps) for writable in (False, True)]
    assert [not why for why in found] == [read, write]
    for why in filter(None, found):
        assert ("belongs to root" in why) == ("chown" in why) == (owner == 0)


def test_root_is_mapped_to_nobody_and_nobody_to_himself() -> None:
    assert not attach.mapped(0, INSTANCE)
    assert not attach.mapped(INSTANCE, INSTANCE)
    assert attach.mapped(2000, INSTANCE)
    assert attach.mapped(2000, None)


def test_roots_group_is_mapped_to_nobody() -> None:
    assert "chown 2000:2000" in attach.of_root(2000, 0, INSTANCE)
    assert not attach.of_root(2000, 3000, INSTANCE)
    assert not attach.of_root(0, 0, INSTANCE)  # its owner is mapped to nobody either


def test_no_step_is_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("a")
    handle = attach.opened(f"{tmp_path}//a/b/")
    assert Path(f"/proc/self/fd/{handle}").readlink() == tmp_path / "a" / "b"
    os.close(handle)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for path in ("link", "link/b", "file"):
        with pytest.raises(NotADirectoryError):
            attach.opened(f"{tmp_path}/{path}")
    with pytest.raises(FileNotFoundError):
        attach.opened(f"{tmp_path}/a/none/x")
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
