"""Keeps what the gateway wrote of calls, beside what instances wrote: the access log of each service that asked.

One process of the gateway writes of the calls of all services, so how far it was read is kept with the lines of
each service. A control plane that starts reads from the first byte that is still there, and passes over what a
service has: what is not there any more then was kept, for all that is known.
"""

import asyncio
from collections.abc import Awaitable, Callable

from modelyard.control.collecting import Owner
from modelyard.core.access_lines import call
from modelyard.core.masking import Masker
from modelyard.core.output_lines import BEGIN, Place, place
from modelyard.domain.logs import GATEWAY, Line, Origin
from modelyard.domain.output import Output, OutputSource, Position
from modelyard.logs.base import LogStore, LogsUnavailableError
from modelyard.logs.keeper import Maskers

DROPPED = "… {} bytes of the gateway's access log were dropped here: more waited to be collected than may"
EVERYBODY = Origin("", "", GATEWAY)


async def nobodys(_source: OutputSource) -> Owner | None:
    """Whose a gateway is: everybody's."""
    return Owner(EVERYBODY)


class CallsKeeper:
    """A `logs.keeper.Keeper` of the gateway's lines. `project` says whose a service is, None: it is gone."""

    def __init__(
        self,
        logs: LogStore,
        project: Callable[[str], Awaitable[str | None]],
        secrets: frozenset[str] = frozenset(),
    ) -> None:
        self._logs = logs
        self._project = project
        self._secrets = secrets
        self._maskers = Maskers()
        self._places: dict[str, Place] = {}

    async def place(self, origin: Origin) -> Place:
        return BEGIN

    async def take(
        self, origin: Origin, output: Output, before: Place, secrets: frozenset[str], *, whole: bool = False
    ) -> Place:
        masker = self._maskers.of(self._secrets | secrets)
        end = len(output.data) if whole else output.data.rfind(b"\n") + 1
        lines = await asyncio.to_thread(_by_service, output.data[:end], masker)
        after = output.at(end)
        dropped = output.dropped if before.position is not None else 0
        failure: LogsUnavailableError | None = None
        for service_id, those in lines.items():
            try:
                await self._append(service_id, those, output, after, dropped)
            except LogsUnavailableError as error:  # of this service: the others get theirs
                failure = error
        if failure is not None:
            raise failure
        return Place(after)

    async def _append(
        self, service_id: str, lines: list[tuple[int, Line]], output: Output, after: Position, dropped: int
    ) -> None:
        if (project_id := await self._project(service_id)) is None:
            return
        origin = Origin(project_id, service_id, GATEWAY)
        if service_id not in self._places:
            self._places[service_id] = place(await self._logs.position(origin))
        had = self._places[service_id].position
        had_offset = had.offset if had is not None and had.source == after.source else 0
        new = [line for index, line in lines if output.at(index).offset > had_offset]
        if not new:
            return
        if dropped:
            new.insert(0, Line(0, new[0].at_ms, DROPPED.format(dropped), origin))
        kept = Place(after)
        del self._places[service_id]  # when this fails, nobody knows whether it was kept: the store is asked
        await self._logs.append(origin, new, kept.text())
        self._places[service_id] = kept


def _by_service(data: bytes, masker: Masker) -> dict[str, list[tuple[int, Line]]]:
    """Of each service its lines, with where each ends."""
    lines: dict[str, list[tuple[int, Line]]] = {}
    index = 0
    for one in data.split(b"\n"):
        index += len(one) + 1
        if (told := call(one)) is not None:
            line = Line(0, told.at_ms, masker.text(told.text), EVERYBODY, told.reference)
            lines.setdefault(told.service_id, []).append((min(index, len(data)), line))
    return lines
