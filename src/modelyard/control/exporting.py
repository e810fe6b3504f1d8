"""Sends every line that is kept to a receiver, once, and again only when nobody knows whether it arrived.

The store of lines is the queue: for each service there is the number of the last line that the receiver has
taken, kept in the database. So nothing waits for the receiver, nothing is held for it in memory, and what it
misses while it is away is what the bounds of the store cut meanwhile, which is counted. After a crash the lines of
a round may come again, each as it was, under the same `log.record.uid`.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from modelyard.control.sending import Sender, Sent
from modelyard.core.logs import fitting
from modelyard.core.metric_catalogue import EXPORT_AGE, EXPORT_AWAY, EXPORT_LINES
from modelyard.core.tallies import Sample
from modelyard.domain.logs import MOST_GAP, Line, LogQuery
from modelyard.logs.base import LogStore, LogsUnavailableError
from modelyard.logs.exports import LogReceiver
from modelyard.store.base import Store

log = logging.getLogger(__name__)

TARGET = "otlp"
BATCH_BYTES = 1024 * 1024
FORGET_EVERY = 600
"""Rounds after which positions of services are forgotten of which nothing is kept any more."""


def exported(state: Sent, now_ms: int) -> Iterator[Sample]:
    """For the page of metrics; `now_ms`: of the wall clock."""
    for outcome, count in (("sent", state.sent), ("refused", state.refused), ("missed", state.lost)):
        yield Sample(EXPORT_LINES, count, (outcome,))
    yield Sample(EXPORT_AWAY, int(bool(state.away)))
    if not state.away:
        yield Sample(EXPORT_AGE, 0.0)
    elif state.waiting_ms is not None:
        yield Sample(EXPORT_AGE, max(now_ms - state.waiting_ms, 0) / 1000)


class Exporter(Sender):
    """See the module."""

    def __init__(self, store: Store, logs: LogStore, receiver: LogReceiver) -> None:
        super().__init__("lines", "cut before they could be sent")
        self._store = store
        self._logs = logs
        self._receiver = receiver
        self._sent: dict[str, int] | None = None
        self._names: dict[str, str] = {}
        self._rounds = 0

    async def round(self) -> bool:
        """One batch of each service; whether there is more. Raises ReceiverAwayError, StoreUnavailableError, and
        LogsUnavailableError after those had their turns whose lines can be read."""
        if self._sent is None:
            async with self._store.read() as r:
                self._sent = dict(await r.log_exports(TARGET))
        kept = await self._logs.services()
        more, moved = False, {}
        failure: LogsUnavailableError | None = None
        try:
            for service_id in kept:
                before = self._sent.get(service_id, 0)
                try:
                    more = await self._batch(service_id, before) or more
                except LogsUnavailableError as error:
                    failure = error
                if self._sent.get(service_id, 0) != before:
                    moved[service_id] = self._sent[service_id]
        finally:
            if moved:
                async with self._store.write() as w:
                    await w.save_log_exports(TARGET, moved)
        await self._forget(frozenset(kept))
        if failure is not None:
            raise failure
        self._well()
        return more

    async def _batch(self, service_id: str, after: int) -> bool:
        assert self._sent is not None
        found = await self._logs.search(service_id, LogQuery(after=after, limit=self._size))
        lines = found.lines[: fitting(found.lines, BATCH_BYTES)]
        if not lines:
            if found.cursor is not None:
                self._sent[service_id] = found.cursor
            return found.cursor is not None
        if after and lines[0].number > after + 1:
            missed = lines[0].number - after - 1
            known = missed <= MOST_GAP
            self.state = replace(self.state, lost=self.state.lost + (missed if known else 0))
            told = str(missed) if known else "some"
            log.warning("%s lines of service %s were cut before they could be exported", told, service_id)
        self.state = replace(self.state, waiting_ms=lines[0].at_ms)
        names = {service_id: await self._name(service_id)}

        async def send(some: Sequence[Line]) -> int:
            return await self._receiver.send(some, names)

        taken = await self._send(lines, send, lambda line: f"line {line.number} of service {service_id}")
        self._sent[service_id] = lines[taken - 1].number
        return found.cursor is not None or taken < len(found.lines)

    async def _name(self, service_id: str) -> str:
        if service_id not in self._names:
            async with self._store.read() as r:
                service = await r.service(None, service_id)
                channels = await r.channels(service_id=service_id) if service is None else ()
            told = service.name if service else channels[0].service_name if channels else service_id
            self._names[service_id] = told
        return self._names[service_id]

    async def _forget(self, kept: frozenset[str]) -> None:
        """Of services of which nothing is kept any more, and which are gone."""
        self._rounds += 1
        if self._rounds % FORGET_EVERY != 1 or self._sent is None:
            return
        gone = [service_id for service_id in self._sent if service_id not in kept]
        async with self._store.write() as w:
            gone = [one for one in gone if await w.service(None, one) is None]
            if gone:
                await w.forget_log_exports(gone)
        for service_id in gone:
            self._sent.pop(service_id)
            self._names.pop(service_id, None)
