"""Who calls, when a proxy stands between: which part of X-Forwarded-For is believed. Pure.

Each proxy appends the address that it was called from. So the header is read from its end, as long as the writer
of an entry is trusted: the first address that is not a trusted proxy's is the caller's. Anything in front of it
was sent by the caller and may be invented. An entry that is not an address ends the search at the proxy that
passed it on.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

WITH_PORT = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]+)\](:\d{1,5})?|(?P<v4>\d+\.\d+\.\d+\.\d+):\d{1,5}")
MOST_HOPS = 32
_PREFIX_OF_ONE = 64
"""Whoever has one IPv6 address has the 2^64 of its network."""


def networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks with commas or spaces between. Raises ValueError, which names the wrong one."""
    parsed = []
    for part in text.replace(",", " ").split():
        try:
            parsed.append(ip_network(part))
        except ValueError as error:
            raise ValueError(f"{part!r} is neither an address nor a network ({error})") from None
    return tuple(parsed)


@dataclass(frozen=True, slots=True)
class Proxies(Collection[str]):
    """The trusted proxies, as a collection of addresses."""

    trusted: tuple[Network, ...] = ()

    @classmethod
    def of(cls, text: str) -> "Proxies":
        return cls(networks(text))

    def __contains__(self, address: object) -> bool:
        parsed = _parsed(address) if isinstance(address, str) else None
        return parsed is not None and any(parsed.version == n.version and parsed in n for n in self.trusted)

    def __iter__(self) -> Iterator[str]:
        return map(str, self.trusted)

    def __len__(self) -> int:
        return len(self.trusted)

    def caller(self, peer: str, forwarded: Iterable[str]) -> str:
        """The address of who calls, from that of the connection and the X-Forwarded-For headers in their order."""
        if peer not in self:
            return peer
        hops = [hop.strip() for header in forwarded for hop in header.split(",")]
        for hop in reversed(hops[-MOST_HOPS:]):
            parsed = _parsed(hop)
            if parsed is None:
                return peer
            peer = str(parsed)
            if peer not in self:
                return peer
        return peer


NOBODY = Proxies()


def one_party(address: str) -> str:
    """What is counted as one: an IPv4 address, and the /64 of an IPv6 address."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _PREFIX_OF_ONE), strict=False))
    return str(parsed) if parsed else address[:64]


def _parsed(text: str) -> Address | None:
    match = WITH_PORT.fullmatch(text)
    if match:
        text = match["v6"] or match["v4"]
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed
