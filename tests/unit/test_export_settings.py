"""Settings: where logs and traces are exported to."""

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
        ({"TRACES_ENDPOINT": "host:4317"}, "MODELYARD_OTLP_TRACES_ENDPOINT: must be http"),
        ({"TRACES_ENDPOINT": "http://u@host"}, "MODELYARD_OTLP_TRACES_HEADERS says who sends"),
        ({"TRACES_ENDPOINT": "http://host", "TRACES_HEADERS": "x"}, "MODELYARD_OTLP_TRACES_HEADERS: must be"),
        ({"TRACES_ENDPOINT": "http://host", "TRACES_PROTOCOL": "x"}, "MODELYARD_OTLP_TRACES_PROTOCOL is 'x'"),
    ],
)
def test_where_logs_and_traces_are_exported_to_is_checked(variables: dict[str, str], text: str) -> None:
    environ = {f"MODELYARD_OTLP_{name}": value for name, value in variables.items()}
    with pytest.raises(SettingsError, match=text):
        settings({"data_dir": Path("/x")}, environ)


def test_what_goes_with_exported_logs_is_in_no_repr() -> None:
    environ = {"MODELYARD_OTLP_ENDPOINT": "http://host:4317", "MODELYARD_OTLP_HEADERS": "authorization=s3cret"}
    assert "s3cret" not in repr(settings({"data_dir": Path("/x")}, environ))


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"MODELYARD_TRACE_REQUESTS": "0.5"}, "MODELYARD_OTLP_TRACES_ENDPOINT is not"),
        ({"MODELYARD_TRACE_REQUESTS": "1.5"}, "MODELYARD_TRACE_REQUESTS is 1.5, which is not from 0 to 1"),
        ({"MODELYARD_TRACE_REQUESTS": "nan"}, "MODELYARD_TRACE_REQUESTS is nan, which is not from 0 to 1"),
        ({"MODELYARD_TRACE_REQUESTS": "all"}, "MODELYARD_TRACE_REQUESTS is 'all'; use a number"),
    ],
)
def test_how_many_requests_are_traced_is_checked(environ: dict[str, str], text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        settings({"data_dir": Path("/x")}, environ)
