"""A snapshot is looked at before its first instance starts: damage is noticed, a mere touch is not damage."""

import os
from pathlib import Path

import pytest

from modelyard.artifacts.integrity import MANIFEST, Snapshots, sealed, write_manifest
from modelyard.engines.base import StartRefusedError


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    partial = tmp_path / "partial"
    (partial / "model/sub").mkdir(parents=True)
    (partial / "model/sub/w.bin").write_bytes(b"weights")
    digest, size = sealed(partial)
    assert size == len(b"weights")
    write_manifest(partial)
    return partial.rename(tmp_path / digest)


def test_a_sound_snapshot_is_not_read(snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelyard.artifacts.integrity.sealed", None)
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
