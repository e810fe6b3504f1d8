"""Settings: where logs are exported to."""

from pathlib import Path

import pytest

from modelyard.settings import SettingsError, settings


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"ENDPOINT": "localhost:4317"}, "MODELYARD_OTLP_ENDPOINT: must be http"),
        ({"ENDPOINT": "http://u:p@host"}, "MODELYARD_OTLP_ENDPOINT: must have neither"),
        ({"ENDPOINT": "http://host", "HEADERS": "x"}, "MODELYARD_OTLP_HEADERS: must be NAME=VALUE"),
        ({"ENDPOINT": "http://host", "PROTOCOL": "http/json"}, "MODELYARD_OTLP_PROTOCOL is 'http/json'"),
    ],
)
def test_where_logs_are_exported_to_is_checked(variables: dict[str, str], text: str) -> None:
    environ = {f"MODELYARD_OTLP_{name}": value for name, value in variables.items()}
    with pytest.raises(SettingsError, match=text):
        settings({"data_dir": Path("/x")}, environ)


def test_what_goes_with_exported_logs_is_in_no_repr() -> None:
    pytest.importorskip("opentelemetry.proto")
    environ = {"MODELYARD_OTLP_ENDPOINT": "http://host:4317", "MODELYARD_OTLP_HEADERS": "authorization=s3cret"}
    assert "s3cret" not in repr(settings({"data_dir": Path("/x")}, environ))
