"""Where messages may go: which protocols there are here, and whether an endpoint can be subscribed.

What is checked when somebody subscribes is checked again at every try (by the channels): a name may lead elsewhere
later.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

Checked = tuple[str, str]
"""What is shown of an endpoint, and where messages go in truth ("": there)."""


class EndpointError(Exception):
    """It cannot be subscribed; the message says why, and names the address that is to blame."""


class Endpoints(Protocol):
    @property
    def protocols(self) -> Mapping[str, str]:
        """Those that can be subscribed to here (""), and those that could be after what the text says."""

    async def checked(self, protocol: str, endpoint: str) -> Checked:
        """Raises EndpointError. The protocol is one of those that can be subscribed to."""


Check = Callable[[str], Awaitable[Checked]]


@dataclass(frozen=True, slots=True)
class Judges:
    """`checks`: by protocol. `missing`: what each of the others needs."""

    checks: Mapping[str, Check]
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def protocols(self) -> Mapping[str, str]:
        return {**dict.fromkeys(self.checks, ""), **self.missing}

    async def checked(self, protocol: str, endpoint: str) -> Checked:
        return await self.checks[protocol](endpoint)


async def unchecked(endpoint: str) -> Checked:
    """Where nothing is sent."""
    return endpoint, ""


ANY = Judges(dict.fromkeys(("http", "https", "email", "apprise"), unchecked))
"""Where nothing is sent."""
