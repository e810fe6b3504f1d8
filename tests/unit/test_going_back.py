"""The commands of docs/howto/upgrade.md that bring an older database back: they lose nothing, however often."""

import re
import subprocess
from pathlib import Path

import pytest

HOWTO = (Path(__file__).parents[2] / "docs" / "howto" / "upgrade.md").read_text()
OTHERS = {"modelyard.db-wal": "newer wal", "modelyard.db-shm": "newer shm"}


def go_back(there: Path, number: str = "0009") -> int:
    """As the page says, without `sudo`."""
    (script,) = re.findall(r"sudo sh (-e?c) '(.*?)'", HOWTO.partition("## Go back")[2], re.DOTALL)
    flags, commands = script
    commands = commands.replace("/var/lib/modelyard", str(there)).replace("NUMBER", number)
    return subprocess.run(["sh", flags, commands], cwd=there, capture_output=True, check=False).returncode


@pytest.fixture
def there(tmp_path: Path) -> Path:
    for name, text in {"modelyard.db": "newer", "modelyard.db.before-0009": "older", **OTHERS}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def aside(there: Path) -> list[dict[str, str]]:
    return [{one.name: one.read_text() for one in path.iterdir()} for path in there.iterdir() if path.is_dir()]


def test_the_older_database_comes_back_alone_and_the_newer_is_kept(there: Path) -> None:
    assert go_back(there) == 0
    assert {path.name: path.read_text() for path in there.iterdir() if path.is_file()} == {
        "modelyard.db": "older",
        "modelyard.db.before-0009": "older",
    }
    assert aside(there) == [{"modelyard.db": "newer", **OTHERS}]


def test_a_second_time_writes_over_nothing(there: Path) -> None:
    assert go_back(there) == 0
    (there / "modelyard.db").write_text("newer again")
    (there / "modelyard.db-wal").write_text("its wal")
    assert go_back(there) == 0
    kept = [{"modelyard.db": "newer", **OTHERS}, {"modelyard.db": "newer again", "modelyard.db-wal": "its wal"}]
    assert sorted(aside(there), key=len) == sorted(kept, key=len)
    assert (there / "modelyard.db").read_text() == "older"
    assert not (there / "modelyard.db-wal").exists()


def test_a_number_of_which_there_is_no_copy_changes_nothing(there: Path) -> None:
    before = {path.name: path.read_text() for path in there.iterdir()}
    assert go_back(there, "0001") != 0
    assert {path.name: path.read_text() for path in there.iterdir()} == before


def test_a_backup_is_made_before_anything_is_installed() -> None:
    upgrade = HOWTO.partition("## Upgrade")[2].partition("\n## ")[0]
    assert 0 < upgrade.find("modelyard backup ") < upgrade.find("git pull")
