"""Keeps what was read of an instance's output: as lines, masked, together with how far it was read."""

import asyncio
from collections.abc import Collection
from typing import Protocol

from modelyard.core.masking import Masker
from modelyard.core.output_lines import Place, lines_of, place
from modelyard.domain.logs import Origin
from modelyard.domain.output import Output
from modelyard.logs.base import LogStore

MASKERS = 256


class Keeper(Protocol):
    """Every call may raise LogsUnavailableError: nothing was kept then, and it is to be asked again."""

    async def place(self, origin: Origin) -> Place:
        """How far this instance's output was kept."""

    async def take(
        self, origin: Origin, output: Output, before: Place, secrets: frozenset[str], *, whole: bool = False
    ) -> Place:
        """Keep the lines that end in the piece, without the secrets; how far it is kept now. `before`: how far it
        was. `whole`: what has no end by now gets none."""


class Maskers:
    """A masker for each set of secrets that was asked for lately."""

    def __init__(self) -> None:
        self._made: dict[frozenset[str], Masker] = {}

    def of(self, secrets: Collection[str]) -> Masker:
        key = frozenset(secrets)
        if key not in self._made:
            if len(self._made) >= MASKERS:
                self._made.pop(next(iter(self._made)))
            self._made[key] = Masker.of(key)
        return self._made[key]


class LogKeeper:
    """Implements `Keeper` over a store of lines; what costs time is done beside the event loop."""

    def __init__(self, logs: LogStore) -> None:
        self._logs = logs
        self._maskers = Maskers()

    async def place(self, origin: Origin) -> Place:
        return place(await self._logs.position(origin))

    async def take(
        self, origin: Origin, output: Output, before: Place, secrets: frozenset[str], *, whole: bool = False
    ) -> Place:
        after, _ = await self.taken(origin, output, before, secrets, whole=whole)
        return after

    async def taken(
        self, origin: Origin, output: Output, before: Place, secrets: frozenset[str], *, whole: bool = False
    ) -> tuple[Place, int]:
        """As `take`, and how many lines it were."""
        masker = self._maskers.of(secrets)
        lines, after = await asyncio.to_thread(lines_of, output, before, origin, masker, whole=whole)
        if after != before or lines:
            await self._logs.append(origin, lines, after.text())
        return after, len(lines)
