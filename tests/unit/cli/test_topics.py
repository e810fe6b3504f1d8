"""How `modelyard topics` reads what it is given."""

from collections.abc import Callable

import pytest

from modelyard.cli.topics import _protocol

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("endpoint", "protocol"),
    [
        ("https://example.org/hook", "https"),
        ("http://10.0.0.1/", "http"),
        ("ops@example.org", "email"),
        ("slack://a/b/c", "apprise"),
        ("mailto://user:password@example.org", "apprise"),
    ],
)
def test_the_protocol_is_as_the_endpoint_looks(endpoint: str, protocol: str) -> None:
    assert _protocol(endpoint) == protocol


@pytest.mark.parametrize(
    "words",
    [
        ("redeliver", ""),
        ("redeliver", "--topic", ""),
        ("redeliver", "--all", ""),
        ("rm", "", "--yes"),
        ("publish", "", "text"),
    ],
)
def test_an_unset_variable_of_the_shell_is_not_everything(run: Run, words: tuple[str, ...]) -> None:
    code, out, err = run("topics", *words)
    assert code and not out
    assert "empty" in err
