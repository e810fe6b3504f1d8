"""A data directory keeps the database that it began with, and no secret of its URL is told."""

from dataclasses import fields
from pathlib import Path

import pytest

from modelyard import database, main
from modelyard.artifacts.uv import environment
from modelyard.processes.datadir import DataDirError
from modelyard.remains import Remains
from modelyard.settings import Settings, SettingsError, settings

URL = "postgresql://ada:s3cret@db.example:6432/models?sslmode=require"


def test_a_file_in_the_data_directory_unless_told_otherwise(tmp_path: Path) -> None:
    assert not database.used(tmp_path)
    assert str(database.store_of(Settings(tmp_path))) == str(tmp_path / "modelyard.db")
    (tmp_path / "modelyard.db").touch()
    assert database.used(tmp_path)
    with pytest.raises(DataDirError, match=r"modelyard\.db: use another data directory"):
        database.store_of(Settings(tmp_path, database_url=URL))


def test_what_is_stored_elsewhere_is_not_begun_anew_in_a_file(tmp_path: Path) -> None:
    given = Settings(tmp_path, database_url=URL)
    store = database.store_of(given)
    database.remember(given, store)
    assert database.used(tmp_path)
    with pytest.raises(DataDirError, match=r"postgresql://db\.example:6432/models: set MODELYARD_DATABASE_URL"):
        database.store_of(Settings(tmp_path))
    written = (tmp_path / "database").read_text()
    assert "ada" not in written
    assert "s3cret" not in written
    assert not (tmp_path / "modelyard.db").exists()


def test_what_ended_needs_no_database_to_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MODELYARD_DATABASE_URL", raising=False)
    (tmp_path / "database").write_text("postgresql://db.example:6432/models\n")
    assert main.down(tmp_path) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(main, "remains", lambda _: Remains((), 1))
    assert main.down(tmp_path) == main.FAILED
    assert "set MODELYARD_DATABASE_URL" in capsys.readouterr().err


def test_the_url_is_a_variable_and_in_no_message() -> None:
    found = settings({"data_dir": Path("/d")}, {"MODELYARD_DATABASE_URL": URL})
    assert found.database_url == URL
    assert "s3cret" not in repr(found)
    with pytest.raises(SettingsError, match="MODELYARD_DATABASE_URL") as refused:
        settings({"data_dir": Path("/d")}, {"MODELYARD_DATABASE_URL": "mysql://ada:s3cret@db/x"})
    assert "s3cret" not in str(refused.value)


def test_an_installer_of_dependencies_is_not_told_it() -> None:
    assert environment({"MODELYARD_DATABASE_URL": URL, "PGPASSWORD": "s3cret", "HOME": "/h"}) == {"HOME": "/h"}


def test_every_setting_is_in_the_reference() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "settings.md").read_text()
    for field in fields(Settings):
        assert f"`MODELYARD_{field.name.upper()}`" in page
