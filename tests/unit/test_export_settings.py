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
        ({"TRACES_ENDPOINT": "http://host", "PROTOCOL": "http/json"}, "MODELYARD_OTLP_PROTOCOL is 'http/json'"),
        ({"TRACES_ENDPOINT": "http://host", "HEADERS": "x"}, "_OTLP_HEADERS is set, but MODELYARD_OTLP_ENDPOINT"),
        ({"TRACES_HEADERS": "a=b"}, "MODELYARD_OTLP_TRACES_HEADERS is set, but MODELYARD_OTLP_TRACES_ENDPOINT is"),
        ({"TRACES_PROTOCOL": "grpc"}, "MODELYARD_OTLP_TRACES_PROTOCOL is set, but MODELYARD_OTLP_TRACES_ENDPOINT"),
    ],
)
def test_where_logs_and_traces_are_exported_to_is_checked(variables: dict[str, str], text: str) -> None:
    environ = {f"MODELYARD_OTLP_{name}": value for name, value in variables.items()}
    with pytest.raises(SettingsError, match=text):
        settings({"data_dir": Path("/x")}, environ)


@pytest.mark.parametrize(
    ("traces", "own", "sent"),
    [
        ("http://host:4317/", "", "a=logs"),
        ("http://other:4317", "", ""),
        ("https://host:4317", "", ""),
        ("http://host:4317", "a=own", "a=own"),
        ("http://other:4317", "a=own", "a=own"),
    ],
)
def test_a_token_of_logs_goes_to_no_other_receiver_of_traces(traces: str, own: str, sent: str) -> None:
    told = {"ENDPOINT": "http://host:4317", "HEADERS": "a=logs", "TRACES_ENDPOINT": traces, "TRACES_HEADERS": own}
    environ = {f"MODELYARD_OTLP_{name}": value for name, value in told.items()}
    assert settings({"data_dir": Path("/x")}, environ).headers_of_traces() == sent


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
