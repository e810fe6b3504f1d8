"""What end-to-end tests stand on: a whole server, or the model server alone."""

import os
from pathlib import Path

import pytest
from tests.worlds import model_server, server

stage = pytest.fixture(server.stage)
yard = pytest.fixture(server.yard)
start = pytest.fixture(model_server.starting)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A FIFO: a model that reads it waits until the test writes."""
    os.mkfifo(tmp_path / "gate")
    return tmp_path / "gate"
