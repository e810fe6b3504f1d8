"""Use cases that read what the instances of a service wrote: pages, and what comes after a line.

Whoever may read a service may read its lines, also those that are still kept of one that was deleted: they say
themselves of which project they are. An answer is bounded in lines and bytes, and says where the next one begins.
"""

import asyncio
import re
from dataclasses import dataclass, replace

from modelyard.core.logs import fitting
from modelyard.domain.errors import NotFound
from modelyard.domain.identity import CONTROL_READ, Principal
from modelyard.domain.logs import MOST_GAP, Found, Kept, Line, LogQuery
from modelyard.operations.context import Context, authorise

MOST_LINES = 5000
MOST_BYTES = 8 * 1024 * 1024
"""Of text in one answer."""
AT_ONCE = 1000
"""Lines that a follower is given at a time."""
BEGIN_S = 10.0
"""Who begins with the newest so many begins with those that were found in this time."""
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""What an id of a service looks like: the store of lines makes file names of them."""


@dataclass(frozen=True, slots=True)
class LogPage:
    """`more`: in the direction that was asked for, there is more. `complete`: False where the search was given up
    for now, so that there may be more that matches. `newer`, `older`: numbers to go on from, as `after` and
    `before` (None: from nothing, everything)."""

    lines: tuple[Line, ...]
    kept: Kept
    more: bool = False
    complete: bool = True
    newer: int | None = None
    older: int | None = None


@dataclass(frozen=True, slots=True)
class News:
    """What comes after a line. `skipped`: how many lines were cut before anybody read them here (None: some,
    nobody knows how many). `after`: where to go on; `more`: at once."""

    lines: tuple[Line, ...] = ()
    skipped: int | None = 0
    after: int = 0
    more: bool = False


async def may_read(ctx: Context, principal: Principal, project_id: str, service_id: str) -> bool:
    """Whether the service is there still: False of one that was deleted, whose lines are kept. Raises Forbidden,
    NotFound."""
    authorise(principal, project_id, CONTROL_READ, "listServiceLogLines")
    async with ctx.store.read() as r:
        there = await r.service(None, service_id)
    if there is not None and there.project_id == project_id:
        return True
    if there is None and ID.fullmatch(service_id):
        first = await _outermost(ctx, service_id, LogQuery(limit=1))
        if first is not None and first.origin.project_id == project_id:
            return False
    raise NotFound("service", service_id)


async def page(ctx: Context, principal: Principal, project_id: str, service_id: str, query: LogQuery) -> LogPage:
    """Raises Forbidden, NotFound, LogsUnavailableError."""
    await may_read(ctx, principal, project_id, service_id)
    return paged(query, _bounded(await ctx.logs.search(service_id, query)), await ctx.logs.kept(service_id))


def _bounded(found: Found) -> Found:
    """As much of it as one answer may have."""
    lines = found.lines[: fitting(found.lines, MOST_BYTES)]
    if len(lines) == len(found.lines):
        return found
    return replace(found, lines=lines, cursor=lines[-1].number)


def paged(query: LogQuery, found: Found, kept: Kept) -> LogPage:
    """Where its neighbours begin."""
    numbers = [line.number for line in found.lines]
    far = found.cursor if found.cursor is not None else (numbers[-1] if numbers else None)
    near = numbers[0] if numbers else None
    if query.newest_first:
        older = far if far is not None else query.before
        newer = near if near is not None else query.after
    else:
        newer = far if far is not None else query.after
        older = near if near is not None else query.before
    return LogPage(found.lines, kept, found.cursor is not None, found.complete, newer, older)


async def begin(ctx: Context, service_id: str, query: LogQuery, newest: int | None) -> int:
    """The number after which a follower begins: with what `query` finds from its `after` on, or, where `newest` is
    said and nothing else, with so many lines. Raises LogsUnavailableError."""
    if query.after is not None:
        return query.after
    if newest is None:
        return 0
    last = await _outermost(ctx, service_id, LogQuery(newest_first=True, limit=1))
    if last is None:
        return 0
    after, left, before = last.number, newest, last.number + 1
    given_up = asyncio.get_running_loop().time() + BEGIN_S
    while left > 0 and asyncio.get_running_loop().time() < given_up:
        found = await ctx.logs.search(service_id, replace(query, before=before, newest_first=True, limit=left))
        if found.lines:
            after, left = found.lines[-1].number - 1, left - len(found.lines)
        if found.cursor is None:
            break
        before = found.cursor
    return after


async def _outermost(ctx: Context, service_id: str, query: LogQuery) -> Line | None:
    """The first line that is found, however often the search gives up for now."""
    while True:
        found = await ctx.logs.search(service_id, query)
        if found.lines:
            return found.lines[0]
        if found.cursor is None:
            return None
        newest_first, cursor = query.newest_first, found.cursor
        query = replace(query, before=cursor) if newest_first else replace(query, after=cursor)


async def news(ctx: Context, service_id: str, query: LogQuery, after: int) -> News:
    """What came after this number, and matches. Raises LogsUnavailableError."""
    first = await ctx.logs.search(service_id, LogQuery(after=after, limit=1))
    if not first.lines:
        return News(after=first.cursor or after, more=first.cursor is not None)
    last = await ctx.logs.search(service_id, LogQuery(after=after, newest_first=True, limit=1))
    until = last.lines[0].number if last.lines else first.lines[0].number
    gap = first.lines[0].number - after - 1 if after else 0
    skipped = gap if gap <= MOST_GAP else None
    found = await ctx.logs.search(service_id, replace(query, after=after, before=until + 1, limit=AT_ONCE))
    found = _bounded(found)
    if found.cursor is not None:
        return News(found.lines, skipped, found.cursor, more=True)
    return News(found.lines, skipped, until, more=not last.lines)
