"""A command under trial: it finds what an instance would give it, and leaves nothing behind."""

from pathlib import Path
from typing import Any

import pytest
from tests.worlds import commands
from tests.worlds.doors import eventually

from modelyard.engines import health_monitor
from modelyard.workshop.serving import tried
from modelyard_runtime.loading.package import open_package


def said(directory: Path, **config: Any) -> list[str]:
    package = open_package(commands.package(directory, example={"a": 1}, **config) / "model")
    return [finding.text for finding in tried(package, None, 20, safe_only=False)]


@pytest.mark.parametrize("how", ["serve", "own"])
def test_it_answers_on_its_port_or_on_its_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """With an environment that names the model, and without one that finds Python."""
    monkeypatch.setenv("HOW", how)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("MODELYARD_MODEL_VERSION", "of somebody else")
    cmd = 'test "$MODELYARD_MODEL_NAME" = one && test "$TMPDIR" = "$HOME/tmp" && exec python serve.py'
    (text,) = said(tmp_path / "one", cmd=cmd)
    assert text == 'answered its example with 200: {"path": "/", "body": {"a": 1}, "version": ""}'


def test_a_question_by_command_has_its_time_and_its_place_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_monitor, "PATIENT_TIMEOUT_S", 1)
    left = f'sleep 1000 & echo $! >> "{tmp_path}/left"'
    startup = {
        "check_method": "EXEC",
        "command": f'test -e asked || {{ touch asked; {left}; sleep 1000; }}; test -e "$HOME/asked"',
        "timeout_seconds": 1,
    }
    (text,) = said(tmp_path / "one", cmd=f"{left}; sleep 1.3; exec python serve.py", startup_health=startup)
    assert text.startswith("answered its example with 200")
    pids = (tmp_path / "left").read_text().split()
    assert len(pids) == 2
    for pid in pids:
        eventually(lambda pid=pid: not _runs(pid))  # type: ignore[misc]


def _runs(pid: str) -> bool:
    try:
        return bool(Path("/proc", pid, "cmdline").read_bytes())
    except OSError:
        return False
