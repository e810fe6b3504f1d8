"""A snapshot is looked at before its first instance starts: damage is noticed, a mere touch is not damage."""

import os
from pathlib import Path

import pytest

from modelyard.artifacts.snapshots import MANIFEST, Snapshots, settle_modes
from modelyard.engines.base import StartRefusedError


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    partial = tmp_path / "partial"
    (partial / "model/sub").mkdir(parents=True)
    (partial / "model/sub/w.bin").write_bytes(b"weights")
    digest, size = Snapshots(tmp_path).put(partial)
    assert size == len(b"weights")
    return tmp_path / digest


def test_a_sound_snapshot_is_not_read(snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelyard.artifacts.snapshots.digest_and_size", None)
    snapshots = Snapshots(snapshot.parent)
    assert snapshots.path(snapshot.name) == snapshot == snapshots.path(snapshot.name)
    assert snapshots.path("unknown") == snapshot.parent / "unknown"


@pytest.mark.parametrize(
    ("content", "manifest", "sound"),
    [
        pytest.param(b"weights", True, True, id="touched"),
        pytest.param(b"weights", False, True, id="of-an-earlier-release"),
        pytest.param(b"weightz", True, False, id="changed"),
        pytest.param(b"", True, False, id="cut"),
        pytest.param(None, True, False, id="gone"),
    ],
)
def test_what_looks_different_is_read(snapshot: Path, content: bytes | None, manifest: bool, sound: bool) -> None:
    weights = snapshot / "model/sub/w.bin"
    weights.chmod(0o644)
    if content is None:
        weights.unlink()
    else:
        weights.write_bytes(content)
        os.utime(weights, (1, 1))
    if not manifest:
        (snapshot / MANIFEST).unlink()
    if sound:
        assert Snapshots(snapshot.parent).path(snapshot.name) == snapshot
        assert (snapshot / MANIFEST).exists()
        return
    with pytest.raises(StartRefusedError, match="damaged"):
        Snapshots(snapshot.parent).path(snapshot.name)


def test_a_sealed_snapshot_is_read_only_open_to_instances_and_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))
    (tmp_path / "partial/model/sub").mkdir(mode=0o700, parents=True)
    (tmp_path / "partial/model/sub/run").write_bytes(b"")
    (tmp_path / "partial/model/sub/run").chmod(0o700)
    digest, _ = Snapshots(tmp_path).put(tmp_path / "partial")
    root = tmp_path / digest
    modes = {path: path.stat().st_mode & 0o777 for path in (root, *root.rglob("*"))}
    assert modes == {
        root: 0o755,
        root / MANIFEST: 0o644,
        root / "model": 0o755,
        root / "model/sub": 0o755,
        root / "model/sub/run": 0o444,
    }
    assert synced == {path.stat().st_ino for path in (tmp_path, *modes)}


@pytest.mark.parametrize(("config", "mode"), [('{"cmd": "./run"}', 0o555), ('{"cmd": ""}', 0o444), ("no", 0o444)])
def test_the_files_of_a_package_with_a_command_may_be_run(tmp_path: Path, config: str, mode: int) -> None:
    (tmp_path / "partial/model/sub").mkdir(parents=True)
    (tmp_path / "partial/model/sub/run").write_bytes(b"")
    (tmp_path / "partial/model/config.json").write_text(config)
    digest, _ = Snapshots(tmp_path).put(tmp_path / "partial")
    run = tmp_path / digest / "model/sub/run"
    assert run.stat().st_mode & 0o777 == mode
    run.chmod(0o600)
    settle_modes(tmp_path / digest)
    assert run.stat().st_mode & 0o777 == mode
