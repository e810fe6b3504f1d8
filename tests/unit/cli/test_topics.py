"""How `modelyard topics` reads what it is given."""

import pytest

from modelyard.cli.topics import _protocol


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
