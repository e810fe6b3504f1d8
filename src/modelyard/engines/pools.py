"""The engines that pools name, as whoever makes or watches pools sees them."""

from typing import Protocol

from modelyard.domain.pools import PoolEngine, Sight


class PoolEngines(Protocol):
    async def look(self, engine: PoolEngine) -> Sight:
        """The engine as it is now, asked within a few seconds; never raises: one that cannot be asked is a sight
        with a `why`."""
