"""What the Envoy gateway keeps on disk; the process itself is in tests/contract and tests/e2e."""

import errno
from pathlib import Path

import pytest

from modelyard.gateway import envoy, envoy_runs
from modelyard.processes import supervise
from modelyard.processes.directory import ProcessDir, Spec


async def test_tries_on_a_full_disk_leave_no_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(directory: ProcessDir, spec: Spec) -> bool:
        directory.path.mkdir()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(supervise, "spawn", full)
    monkeypatch.setattr(envoy_runs, "binary", lambda: Path("/envoy"))
    gateway = envoy.EnvoyGateway(tmp_path, 0, "{}", host="127.0.0.1")
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            await gateway.open()
    assert [path.name for path in (tmp_path / "gateway").glob("[!.]*.json")] == ["bootstrap.json"]
    assert list((tmp_path / "gateway").glob("envoy-*")) == []
