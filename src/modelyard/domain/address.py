"""Where an instance listens, as a text that is stored and a value that is acted on.

    unix:instances/i-1/s.sock     a Unix socket; the path is relative to the data directory
    tls:10.0.0.7:8443             TCP with TLS both ways; `tls:[fd00::7]:8443` for an IPv6 address

There is no plain TCP: what leaves a machine is encrypted, and both sides say who they are.
"""

from dataclasses import dataclass

UNIX, TLS = "unix:", "tls:"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    path: str


@dataclass(frozen=True, slots=True)
class TlsAddress:
    """`host` is a name or an address, without brackets."""

    host: str
    port: int


Address = UnixAddress | TlsAddress


def parsed(text: str) -> Address:
    """Raises ValueError when it is none."""
    if text.startswith(UNIX) and text != UNIX:
        return UnixAddress(text.removeprefix(UNIX))
    host, _, port = text.removeprefix(TLS).rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    name = host[1:-1] if bracketed else host
    if not text.startswith(TLS) or not name or (":" in name) != bracketed or not _is_port(port):
        raise ValueError(f"{text!r} is neither unix:PATH nor tls:HOST:PORT")
    return TlsAddress(name, int(port))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536
