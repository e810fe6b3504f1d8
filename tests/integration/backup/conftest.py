"""A data directory, and a backup of it."""

from pathlib import Path

import pytest
from tests.worlds import backups

from modelyard.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return backups.made(tmp_path)


@pytest.fixture
def backup(settings: Settings, tmp_path: Path) -> Path:
    backups.backed_up(settings, tmp_path / "a.backup")
    return tmp_path / "a.backup"
