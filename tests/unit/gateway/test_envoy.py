"""What the Envoy gateway keeps on disk; the process itself is in tests/contract and tests/e2e."""

import errno
from pathlib import Path

import pytest

from modelyard.gateway import envoy
from modelyard.processes import supervise
from modelyard.processes.directory import ProcessDir, Spec


def test_an_equal_bootstrap_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "bootstrap.json"
    envoy._keep_file(path, "{}")
    before = path.stat()
    envoy._keep_file(path, "{}")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert path.stat().st_mode & 0o777 == 0o600


def test_another_bootstrap_replaces_it_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "bootstrap.json"
    envoy._keep_file(path, "{}")
    (tmp_path / "bootstrap.json.new").mkdir()  # nothing can be written there, as on a full disk
    with pytest.raises(OSError):
        envoy._keep_file(path, '{"a": 1}')
    assert path.read_text() == "{}"
    (tmp_path / "bootstrap.json.new").rmdir()
    envoy._keep_file(path, '{"a": 1}')
    assert path.read_text() == '{"a": 1}'


async def test_tries_on_a_full_disk_leave_no_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(directory: ProcessDir, spec: Spec) -> bool:
        directory.path.mkdir()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(supervise, "spawn", full)
    monkeypatch.setattr(envoy, "binary", lambda: Path("/envoy"))
    gateway = envoy.EnvoyGateway(tmp_path, 0, "{}", host="127.0.0.1")
    (tmp_path / "gateway").mkdir()
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            gateway._started()
    assert [path.name for path in (tmp_path / "gateway").iterdir()] == ["bootstrap.json"]
