"""Keeps what the gateway wrote of calls, beside what instances wrote: the access log of each service that asked.

One process of the gateway writes of the calls of all services, so how far it was read is kept with the lines of
each service. A control plane that starts reads from the first byte that is still there, and passes over what a
service has: what is not there any more then was kept, for all that is known.

A service whose lines cannot be kept holds up no other: it loses what was passed over, and is told how much when
it can be kept again. Where nothing can be kept of any service, the log waits.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from modelyard.control.collecting import Owner
from modelyard.core.access_lines import call
from modelyard.core.masking import Masker
from modelyard.core.output_lines import BEGIN, Place, place
from modelyard.domain.logs import GATEWAY, Line, Origin
from modelyard.domain.output import Output, OutputSource
from modelyard.logs.base import LogStore, LogsUnavailableError
from modelyard.logs.keeper import Maskers

log = logging.getLogger(__name__)

DROPPED = "… {} bytes of the gateway's access log were dropped here: they could not be kept in time"
EVERYBODY = Origin("", "", GATEWAY)


async def nobodys(source: OutputSource) -> Owner | None:
    """Whose a gateway is: everybody's. The instance is the process that wrote."""
    return Owner(Origin("", "", source.instance_id))


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
        self._reached = BEGIN
        self._lost: dict[str, int] = {}

    async def place(self, origin: Origin) -> Place:
        """The last one that this process reached in what that Envoy wrote."""
        at = self._reached.position
        return self._reached if at is not None and at.source == origin.instance_id else BEGIN

    async def take(
        self, origin: Origin, output: Output, before: Place, secrets: frozenset[str], *, whole: bool = False
    ) -> Place:
        masker = self._maskers.of(self._secrets | secrets)
        end = len(output.data) if whole else output.data.rfind(b"\n") + 1
        lines = await asyncio.to_thread(_by_service, output.data[:end], masker)
        after = Place(output.at(end))
        dropped = output.dropped if before.position is not None else 0
        failed: dict[str, LogsUnavailableError] = {}
        for service_id, those in lines.items():
            try:
                await self._append(service_id, those, output, after, dropped)
            except LogsUnavailableError as error:
                failed[service_id] = error
        if failed and len(failed) == len(lines) and not failed.keys() <= self._lost.keys():
            raise next(error for service_id, error in failed.items() if service_id not in self._lost)
        for service_id, each in failed.items():  # of this service alone: the others go on
            if service_id not in self._lost:
                log.warning("calls of service %s are not kept now, and are lost to its log: %s", service_id, each)
            size = sum(end - begin for begin, end, _ in lines[service_id])
            self._lost[service_id] = self._lost.get(service_id, 0) + size + max(dropped, 0)
        self._reached = after
        return after

    async def _append(
        self, service_id: str, lines: list[tuple[int, int, Line]], output: Output, after: Place, dropped: int
    ) -> None:
        if (project_id := await self._project(service_id)) is None:
            self._lost.pop(service_id, None)
            return
        origin = Origin(project_id, service_id, GATEWAY)
        if service_id not in self._places:
            self._places[service_id] = place(await self._logs.position(origin))
        had = self._places[service_id].position
        had_offset = had.offset if had is not None and had.source == output.position.source else 0
        new = [line for _, end, line in lines if output.at(end).offset > had_offset]
        if not new:
            return
        if lost := dropped + self._lost.get(service_id, 0):
            new.insert(0, Line(0, new[0].at_ms, DROPPED.format(lost), origin))
        del self._places[service_id]  # when this fails, nobody knows whether it was kept: the store is asked
        await self._logs.append(origin, new, after.text())
        self._places[service_id] = after
        self._lost.pop(service_id, None)


def _by_service(data: bytes, masker: Masker) -> dict[str, list[tuple[int, int, Line]]]:
    """Of each service its lines, with where each begins and ends."""
    lines: dict[str, list[tuple[int, int, Line]]] = {}
    index = 0
    for one in data.split(b"\n"):
        begin, index = index, index + len(one) + 1
        if (told := call(one)) is not None:
            line = Line(0, told.at_ms, masker.text(told.text), EVERYBODY, told.reference)
            lines.setdefault(told.service_id, []).append((begin, min(index, len(data)), line))
    return lines
