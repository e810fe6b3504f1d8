"""The control plane's own log (`own_log.py`)."""

import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard import own_log
from modelyard.own_log import DIRECTORY, NAME, OwnLog


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnLog]:
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    made = OwnLog()
    made.begin("INFO", ["s3cret-of-settings"])
    yield made
    for handler in [one for one in root.handlers if one not in handlers]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


def test_it_is_kept_for_our_user_alone_and_without_secrets(log: OwnLog, tmp_path: Path) -> None:
    log.keep(tmp_path)
    log.hide(["hunter22"])
    say = logging.getLogger("modelyard.test")
    say.info("the password is hunter22")
    try:
        raise ValueError("s3cret-of-settings")
    except ValueError:
        say.exception("it failed")
    path = tmp_path / DIRECTORY / NAME
    text = path.read_text()
    assert "the password is ***" in text
    assert "ValueError: ***" in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_it_is_bounded(log: OwnLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_log, "FILE_BYTES", 1000)
    log.keep(tmp_path)
    for number in range(200):
        logging.getLogger("modelyard.test").info("line %d of many", number)
    paths = [*(tmp_path / DIRECTORY).iterdir()]
    assert len(paths) == 5
    assert all(path.stat().st_size <= 1000 for path in paths)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in paths)
    assert "line 199 of many" in (tmp_path / DIRECTORY / NAME).read_text()


def test_a_disk_that_takes_nothing_costs_the_file_alone(
    log: OwnLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / DIRECTORY).mkdir()
    (tmp_path / DIRECTORY / NAME).symlink_to("/dev/full")
    log.keep(tmp_path)
    logging.getLogger("modelyard.test").info("goes on")
    assert Path("/dev/full").is_char_device()
