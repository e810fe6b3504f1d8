"""Names become addresses that messages may be sent to, at the moment of sending.

Whoever connects connects to an address that came from here, never to the name: a name that leads elsewhere a
moment later, or differently to each who asks, gains nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address

from modelyard.core.outbound import Address, Network, Target, literal, refusal

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host (name, port). Raises OSError."""

LOOKUPS = 128
"""Threads of our own, made when they are needed: a name server that is slow holds nothing else of the control
plane up. More than are sent at a time, since a lookup that nobody waits for any more still has its thread."""
ALLOW = "MODELYARD_NOTIFY_ALLOW"


class RefusedError(Exception):
    """Nothing may be sent there."""


class Guard:
    """`allowed`: networks that may be reached although they are none of everybody's."""

    def __init__(self, allowed: Sequence[Network] = (), resolve: Resolve | None = None) -> None:
        self._allowed = allowed
        self._resolve = resolve or Lookup()

    async def addresses(self, where: Target) -> Sequence[str]:
        """Those to connect to, in the order in which to try them; at least one. Raises RefusedError, and OSError
        where the name has no address now."""
        found = await self._resolve(where.host, where.port)
        parsed = [_parsed(text) for text in dict.fromkeys(found)]
        why = {one: refusal(one, self._allowed) for one in parsed}
        good = [str(one) for one in parsed if not why[one]]
        if good:
            return good
        if not parsed:
            raise OSError("the name has no address")
        first = parsed[0]
        which = f"{first}" if literal(where.host) == first else f"{where.host} is {first}"
        raise RefusedError(f"{which}, which is {why[first]}: the administrator has to allow it ({ALLOW})")


def _parsed(text: str) -> Address:
    """Without its scope: whoever may be reached is no neighbour's."""
    return ip_address(text.partition("%")[0])


class Lookup:
    """The system's own way to resolve names."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="lookup")
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except UnicodeError as error:
            raise OSError(f"the name cannot be looked up: {error}") from None
        return [str(entry[4][0]) for entry in found]
