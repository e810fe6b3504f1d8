"""Which addresses messages may be sent to, and what a URL of one says. Pure.

Users choose where messages go, and the control plane sends them from inside: without this they could reach what
only this machine and its neighbours reach (its own API, databases, the metadata of a cloud). So an address is
refused unless everybody on the Internet could reach it, or the administrator allows its network. An IPv6 address
that stands for an IPv4 address (mapped, 6to4, NAT64, Teredo) is as good as that one.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from modelyard.domain.texts import shown

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS = {"http": 80, "https": 443}
LONGEST = 2048
_REFUSED = (
    ("this network", ("0.0.0.0/8",)),
    ("private", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10")),
    ("shared by a carrier (CGNAT)", ("100.64.0.0/10",)),
    ("loopback", ("127.0.0.0/8", "::1/128")),
    ("link-local", ("169.254.0.0/16", "fe80::/10")),
    ("multicast", ("224.0.0.0/4", "ff00::/8")),
    ("the metadata of a cloud", ("168.63.129.16/32",)),
    (
        "reserved",
        (
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",
            "::/96",
            "64:ff9b:1::/48",
            "100::/64",
            "2001::/23",
            "2001:db8::/32",
            "3fff::/20",
            "5f00::/16",
        ),
    ),
)
REFUSED: Sequence[tuple[str, tuple[Network, ...]]] = tuple(
    (kind, tuple(ip_network(text) for text in texts)) for kind, texts in _REFUSED
)
_NEVER = re.compile(r"""[\x00-\x20\x7f-\xa0\\"<>^`{|}]""")
_NAT64 = IPv6Network("64:ff9b::/96")


class UrlError(ValueError):
    """The text is no URL that messages can be sent to; says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads. `host` is ASCII, without brackets; `target` path and query, as they are sent."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        """For people: nothing that may be a secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == PORTS[self.scheme] else f":{self.port}")


def target(url: str, protocol: str | None = None) -> Target:
    """Raises UrlError. `protocol`: the scheme that it must have."""
    if len(url) > LONGEST:
        raise UrlError(f"has {len(url)} characters, at most {LONGEST} are allowed")
    if _NEVER.search(url):
        raise UrlError("contains a space, a control character or one that no URL may contain")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").rstrip(".")
        ascii_host = host if ":" in host else host.encode("idna").decode()
    except (ValueError, UnicodeError) as error:
        raise UrlError(f"cannot be read as a URL ({error})") from None
    known = PORTS if protocol is None else {protocol: PORTS[protocol]}
    if parts.scheme not in known:
        raise UrlError(f"has the scheme {shown(parts.scheme)}, must be {' or '.join(f'{k}://' for k in known)}…")
    if not ascii_host:
        raise UrlError("names no host")
    if parts.username is not None or parts.password is not None:
        raise UrlError("contains a user or a password: put a key into the path or the query instead")
    if port == 0:
        raise UrlError("names port 0")
    path = parts.path or "/"
    if not path.isascii() or not parts.query.isascii():
        raise UrlError("contains characters outside of ASCII in its path or query: write them as %XX")
    asked = f"{path}?{parts.query}" if parts.query else path
    return Target(parts.scheme, ascii_host, port or PORTS[parts.scheme], asked)


def refusal(address: Address, allowed: Collection[Network] = ()) -> str:
    """Why nothing may be sent to the address: "loopback", "private" …; "" if something may."""
    inner = stands_for(address)
    if any(one.version == network.version and one in network for one in {address, inner} for network in allowed):
        return ""
    for one in (inner, address):
        for kind, networks in REFUSED:
            if any(one.version == network.version and one in network for network in networks):
                return kind
    return "" if inner.is_global and not inner.is_multicast else "reserved"


def stands_for(address: Address) -> Address:
    """The IPv4 address that this one carries; else itself, without a scope."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    plain = IPv6Address(int(address))
    if plain in _NAT64:
        return IPv4Address(int(plain) & 0xFFFFFFFF)
    return plain


def literal(host: str) -> Address | None:
    """The address that a host is, if it is one; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None
