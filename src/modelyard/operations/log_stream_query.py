"""The use case that reads a stream of logs, as LTS has it: the lines of the services that report to it.

search_type  is_desc   lines                                     their order
init         false     the oldest of the time asked for          the oldest first
init         true      the newest                                the newest first
forwards     false     the next newer than line_num              the oldest first
forwards     true      the next older                            the newest first
backwards    false     the next older                            the oldest first
backwards    true      the next newer                            the newest first
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from modelyard.core.log_walk import Cut, Placed, Reading, place, walked
from modelyard.core.logs import fitting
from modelyard.domain.errors import Invalid, Violation
from modelyard.domain.identity import CONTROL_READ, Principal
from modelyard.domain.log_streams import Channel
from modelyard.domain.logs import Line, LogQuery
from modelyard.domain.texts import shown
from modelyard.operations.context import Context, authorise
from modelyard.operations.log_streams import stream
from modelyard.operations.logs import AT_ONCE, MOST_BYTES

DAY_MS = 24 * 3600 * 1000
LIMIT_S = 10.0
"""A query that takes longer answers with what it found, and that it is not complete."""
LABELS = ("service", "service_id", "instance", "revision", "model")


class SearchType(StrEnum):
    INIT = "init"
    FORWARDS = "forwards"
    BACKWARDS = "backwards"


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """`line_num`: where to go on from. `labels`: each must be the line's. `count`: how many there are is to be
    found out."""

    words: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    since_ms: int | None = None
    until_ms: int | None = None
    search: SearchType = SearchType.INIT
    line_num: str = ""
    newest_first: bool = False
    limit: int = 50
    count: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of a stream, and the name of its service."""

    placed: Placed
    service_name: str


@dataclass(frozen=True, slots=True)
class StreamPage:
    """`complete`: there is nothing more in the direction that was asked for. `count`: how many lines there are in
    all, where that was asked for, otherwise here."""

    lines: tuple[Shown, ...]
    complete: bool
    count: int


async def query(
    ctx: Context,
    principal: Principal,
    project_id: str,
    place_of: tuple[str, str],
    asked: StreamQuery,
) -> StreamPage:
    """`place_of`: group and stream. Raises Forbidden, NotFound, Invalid, LogsUnavailableError."""
    authorise(principal, project_id, CONTROL_READ, "queryLogs")
    async with ctx.store.read() as r:
        group, found = await stream(r, project_id, *place_of)
        channels = [one for one in await r.channels(stream_id=found.id) if one.project_id == project_id]
    start = _start(asked, channels)
    ttl_days = group.ttl_days if found.ttl_days is None else found.ttl_days
    since_ms = max(asked.since_ms or 0, ctx.clock() - ttl_days * DAY_MS)
    newer = asked.newest_first == (asked.search is SearchType.BACKWARDS)
    chosen = [one for one in channels if _chosen(one, asked.labels)]
    share = max(MOST_BYTES // max(len(chosen), 1), 1)
    walk = _Walk(ctx, asked, since_ms, newer, asyncio.get_running_loop().time() + LIMIT_S, share)
    readings = [await walk.read(one, start, len(chosen) - i) for i, one in enumerate(chosen)]
    placed, more = walked(readings, start, asked.limit, newer=newer)
    fit = placed[: fitting((one.line for one in placed), MOST_BYTES)]
    more = more or len(fit) < len(placed)
    if asked.search is SearchType.BACKWARDS:
        fit.reverse()
    names = {one.service_id: one.service_name for one in channels}
    lines = tuple(Shown(one, names[one.line.origin.service_id]) for one in fit)
    count = sum([await walk.count(one) for one in chosen]) if asked.count else 0
    return StreamPage(lines, not more, max(count, len(lines)))


def labels_of(line: Line, service_name: str) -> Mapping[str, str]:
    """What a line of a stream says of itself."""
    origin = line.origin
    return {
        "service": service_name,
        "service_id": origin.service_id,
        "instance": origin.instance_id,
        "revision": str(origin.revision),
        "model": origin.model,
    }


def _start(asked: StreamQuery, channels: Sequence[Channel]) -> Cut | None:
    """Raises Invalid for a line_num that is none of this stream's."""
    if asked.search is SearchType.INIT:
        return None
    if not asked.line_num:
        raise Invalid(Violation("line_num", f"is mandatory where search_type is {shown(asked.search.value)}"))
    where = place(asked.line_num, [one.service_id for one in channels])
    if where is None:
        raise Invalid(Violation("line_num", f"is {shown(asked.line_num)}, must be the line_num of a line"))
    newer = asked.newest_first == (asked.search is SearchType.BACKWARDS)
    return where.cut if newer else where.before()


def _chosen(channel: Channel, labels: Mapping[str, str]) -> bool:
    """Whether lines of this service can have the labels at all."""
    revision = labels.get("revision", "0")
    return (
        all(name in LABELS for name in labels)
        and labels.get("service", channel.service_name) in (channel.service_name, channel.service_id)
        and labels.get("service_id", channel.service_id) == channel.service_id
        and revision.isascii()
        and revision.isdigit()
        and len(revision) < 10
    )


@dataclass(frozen=True, slots=True)
class _Walk:
    """`newer`: its direction. `until`: when it is given up, in the time of the event loop. `most_bytes`: so much
    text of one service is held."""

    ctx: Context
    asked: StreamQuery
    since_ms: int
    newer: bool
    until: float
    most_bytes: int

    async def read(self, channel: Channel, start: Cut | None, left: int) -> Reading:
        """What lies in the direction of the walk, nearest first: as much as could be needed, and what one search
        finds at least. `left`: among so many services the time is shared."""
        now = asyncio.get_running_loop().time()
        until = now + (self.until - now) / left
        service_id, limit = channel.service_id, self.asked.limit
        from_ = None if start is None else start.get(service_id, 0)
        wanted = replace(
            self._matching(),
            after=from_ if self.newer else None,
            before=None if self.newer or from_ is None else from_ + 1,
            newest_first=not self.newer,
            limit=min(limit, AT_ONCE),
        )
        lines: list[Line] = []
        while len(lines) < limit:
            found = await self.ctx.logs.search(service_id, wanted)
            lines += [one for one in found.lines if self._of_model(one)]
            fit = fitting(lines, self.most_bytes)
            if fit < len(lines):
                return Reading(service_id, lines[:fit], all=False)
            if found.cursor is None:
                return Reading(service_id, lines)
            if asyncio.get_running_loop().time() > until:
                break
            cursor = found.cursor
            wanted = replace(wanted, after=cursor) if self.newer else replace(wanted, before=cursor)
        return Reading(service_id, lines, all=False)

    async def count(self, channel: Channel) -> int:
        """How many match in all, as far as there is time to find out."""
        wanted, total = replace(self._matching(), limit=AT_ONCE), 0
        while self._in_time():
            found = await self.ctx.logs.search(channel.service_id, wanted)
            total += sum(self._of_model(one) for one in found.lines)
            if found.cursor is None:
                break
            wanted = replace(wanted, after=found.cursor)
        return total

    def _in_time(self) -> bool:
        return asyncio.get_running_loop().time() <= self.until

    def _matching(self) -> LogQuery:
        asked = self.asked
        return LogQuery(
            instance_id=asked.labels.get("instance", ""),
            revision=int(asked.labels["revision"]) if "revision" in asked.labels else None,
            since_ms=self.since_ms,
            until_ms=asked.until_ms,
            words=asked.words,
        )

    def _of_model(self, line: Line) -> bool:
        return self.asked.labels.get("model", line.origin.model) == line.origin.model
