"""The environment of an instance."""

from pathlib import Path

import pytest

from modelyard_runtime.errors import LoadError
from modelyard_runtime.settings import Settings, settings

DIR = {"MODELYARD_MODEL_DIR": "/m"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({"MODELYARD_SOCKET_FD": "3"}, {"socket_fd": 3}, id="a socket handed over"),
        pytest.param({"MODELYARD_SOCKET": "/s"}, {"socket_path": Path("/s")}, id="a path"),
        pytest.param({"PORT": "0"}, {"port": 0}, id="a port"),
        pytest.param({"PORT": "1", "MODELYARD_THREADS": "4"}, {"port": 1, "threads": 4}, id="threads"),
        pytest.param(
            {"PORT": "1", "MODELYARD_MAX_WAITING": "7", "MODELYARD_REQUEST_TIMEOUT_S": "5"},
            {"port": 1, "max_waiting": 7, "request_timeout_s": 5},
            id="bounds",
        ),
    ],
)
def test_settings(environ: dict[str, str], expected: dict[str, object]) -> None:
    expected = {"model_dir": Path("/m"), "model_name": "model", "model_version": "", **expected}
    assert settings(DIR | environ) == Settings(**expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        pytest.param({"PORT": "1"}, "MODELYARD_MODEL_DIR", id="no model"),
        pytest.param(DIR, "nowhere to listen", id="no socket"),
        pytest.param(DIR | {"PORT": "x"}, "PORT", id="port"),
        pytest.param(DIR | {"MODELYARD_SOCKET_FD": "-1"}, "MODELYARD_SOCKET_FD", id="fd"),
        pytest.param(DIR | {"PORT": "1", "MODELYARD_THREADS": "0"}, "MODELYARD_THREADS", id="threads"),
        pytest.param(DIR | {"PORT": "1", "MODELYARD_MAX_WAITING": "0"}, "MODELYARD_MAX_WAITING", id="waiting"),
    ],
)
def test_wrong_settings_are_named(environ: dict[str, str], named: str) -> None:
    with pytest.raises(LoadError, match=named):
        settings(environ)
