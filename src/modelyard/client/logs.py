# Made by scripts/twin.py from aio/logs.py: change that one, then `make client`.

"""What the instances of a service wrote: in pages, and as it comes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlencode

from modelyard.client.errors import ApiError, Unreachable
from modelyard.client.lines import EVERYTHING, Following, LogFilter, LogLine, LogPage, page, unheard
from modelyard.client.retries import pause_s
from modelyard.client.session import Session

PAGE = 1000
TRIES = 600
"""How often in a row a stream is asked for again: at two seconds each, twenty minutes."""
GONE, AWAY = 404, 503


class Logs:
    """The `/services/{id}/logs/…` calls that are about lines."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(
        self,
        service_id: str,
        wanted: LogFilter = EVERYTHING,
        *,
        after: int | None = None,
        before: int | None = None,
        newest_first: bool = False,
        limit: int = 1000,
    ) -> LogPage:
        """At most `limit` lines (5,000), between the numbers of two lines. Those of a deleted service are read by
        its id, while they are kept."""
        order = "desc" if newest_first else "asc"
        params = wanted.params(after=after, before=before, order=order, limit=limit)
        return page(self._session.call("GET", f"/services/{service_id}/logs/lines", params=params))

    def newest(
        self, service_id: str, wanted: LogFilter = EVERYTHING, *, count: int = PAGE
    ) -> tuple[list[LogLine], LogPage]:
        """The newest so many, the oldest of them first; and a page without lines, of what is around them."""
        lines: list[LogLine] = []
        newer: int | None = None
        before: int | None = None
        while True:
            limit = min(PAGE, count - len(lines))
            found = self.page(service_id, wanted, before=before, newest_first=True, limit=limit)
            lines += found.lines
            newer = found.newer if newer is None else newer  # a search that gave up for now knows of none
            if not found.more or len(lines) >= count:
                return lines[::-1], replace(found, lines=(), newer=newer)
            before = found.older

    def follow(
        self,
        service_id: str,
        wanted: LogFilter = EVERYTHING,
        *,
        after: int | None = None,
        tail: int | None = None,
        told: Callable[[str], None] = unheard,
    ) -> Iterator[LogLine]:
        """The lines that are there (the newest `tail`, or those after a line), then each as it comes, until the
        service is deleted. A connection that breaks is made anew, and none is lost or doubled over that; `told`
        hears of it, and of lines that were cut before they could be read. Raises Unreachable when nothing answers
        for long."""
        if after is None and tail is not None:
            lines, around = self.newest(service_id, wanted, count=max(tail, 1))
            after = around.newer
            yield from lines[:tail]
        at, failures = Following(after or 0, told), 0
        while not at.over:
            path = f"/services/{service_id}/logs/watch?{urlencode(wanted.params())}"
            try:
                with self._session.stream(path, {"Last-Event-ID": str(at.after)}) as answer:
                    at.connected()
                    for event in answer.events():
                        failures = 0
                        if (told_line := at.take(event)) is not None:
                            yield told_line
            except Unreachable as e:
                at.why = str(e)
                if failures >= TRIES:
                    raise
            except ApiError as e:
                at.why = str(e)
                if e.status == GONE and at.broken:
                    return
                if e.status != AWAY or failures >= TRIES:
                    raise
            if not at.over:
                at.broke()
                failures += 1
                self._session.pause(pause_s(min(failures, 9)))
