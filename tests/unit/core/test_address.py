"""Addresses of instances."""

import pytest

from modelyard.domain.address import Address, TlsAddress, UnixAddress, parsed


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:instances/i-1/s.sock", UnixAddress("instances/i-1/s.sock")),
        ("unix:/a:b", UnixAddress("/a:b")),
        ("tls:10.0.0.7:8443", TlsAddress("10.0.0.7", 8443)),
        ("tls:[fd00::7]:8443", TlsAddress("fd00::7", 8443)),
        ("tls:node-1.pool:1", TlsAddress("node-1.pool", 1)),
    ],
)
def test_what_is_one(text: str, address: Address) -> None:
    assert parsed(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unix:",
        "tls:",
        "tls:host",
        "tls:host:",
        "tls::1",
        "tls:host:http",
        "tls:host:0",
        "tls:host:65536",
        "tls:host:٣",
        "tls:fd00::7:8443",
        "tls:[host]:1",
        "tls:[]:1",
        "127.0.0.1:8080",
        "[::1]:8080",
        "tcp:127.0.0.1:8080",
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="neither unix:PATH nor tls:HOST:PORT"):
        parsed(text)
