"""Who may no longer call, and which AppCodes may: from the store to the gateway.

Level-triggered like everything here: `refresh` reads all of it and publishes what differs, whatever the nudge
was about. It runs before a fresh control plane publishes its routes, after each change (nudge kind "access"), and
once a minute in case a nudge was lost with a process. Revocations older than the longest life of a token are left
out: every token that they concern has expired.

An AppCode reaches the gateway as a part of its service's route, so that a change costs one push to that service.
A project that is disabled has no codes.
"""

from collections.abc import Callable, Mapping, Sequence

from modelyard.control.clock import Clock
from modelyard.control.loop import Worker
from modelyard.domain.apps import AppCode
from modelyard.domain.identity import Revocations
from modelyard.gateway.base import Gateway
from modelyard.store.base import Store

TOKEN_TTL_MS = 24 * 3600 * 1000
SKEW_MS = 60_000
SETTLED_EVERY_MS = 60_000
"""How often the gateway is told anew which tokens cannot have been issued in the future."""

EVERYBODY = "everybody"

Codes = Mapping[str, tuple[str, ...]]


class Access:
    """See the module. `nudge(service_id)`: its codes have changed. `token_ttl_ms`: how long a token is good."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        clock: Clock,
        nudge: Callable[[str], None],
        *,
        token_ttl_ms: int = TOKEN_TTL_MS,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._clock = clock
        self._nudge = nudge
        self._ttl_ms = token_ttl_ms
        self._codes: Codes = {}

    def codes(self, service_id: str) -> tuple[str, ...]:
        """The AppCodes that open this service, as last read."""
        return self._codes.get(service_id, ())

    def worker(self) -> Worker:
        """One look covers everybody, whomever a nudge names."""

        async def keys() -> tuple[str, ...]:
            return (EVERYBODY,)

        async def handle(_key: str) -> None:
            await self.refresh()

        return Worker("access", keys, handle, one_key=EVERYBODY)

    async def refresh(self) -> None:
        """Publish what the store says. Raises StoreUnavailableError: what the gateway has stays in force."""
        async with self._store.read() as r:
            revoked = await r.revocations()
            bound = await r.codes_of_services()
            closed = {project.id for project in await r.projects() if not project.enabled}
            if closed:
                services = {key: await r.service(None, key) for key in bound}
                bound = {k: v for k, v in bound.items() if (s := services[k]) and s.project_id not in closed}
        wall_ms = self._clock.wall_ms()
        users, tokens = revocations(revoked, wall_ms, self._ttl_ms)
        await self._gateway.set_revocations(users, tokens, wall_ms // SETTLED_EVERY_MS * SETTLED_EVERY_MS // 1000)
        before, self._codes = self._codes, _codes(bound)
        for service_id in sorted(before.keys() | self._codes.keys()):
            if before.get(service_id) != self._codes.get(service_id):
                self._nudge(service_id)


def revocations(
    revoked: Revocations, now_ms: int, ttl_ms: int
) -> tuple[Mapping[str, int], Mapping[str, frozenset[str]]]:
    """(user → the second before which tokens are refused, user → ids of single tokens), but for those that speak
    only of tokens that have expired.

    A user's time 10,700 ms is second 11: a token of second 10 is refused, also one of 10.9 (see `iam.tokens`).
    """
    users = {
        user: -(-before_ms // 1000)
        for user, before_ms in revoked.users.items()
        if before_ms + ttl_ms + SKEW_MS > now_ms
    }
    tokens: dict[str, frozenset[str]] = {}
    for (user, token), until_ms in revoked.tokens.items():
        if until_ms + SKEW_MS > now_ms:
            tokens[user] = tokens.get(user, frozenset()) | {token}
    return users, tokens


def _codes(bound: Mapping[str, Sequence[AppCode]]) -> Codes:
    return {service_id: tuple(sorted(one.code for one in codes)) for service_id, codes in bound.items()}
