"""One queue of keys for each kind of thing: look at this one again.

A *worker* is what the control plane knows of a kind: which keys there are, and how one of them is handled.

Promises: a key is handled by one task at a time; nudges that come while it is handled make one more pass, not
many; an error is logged and tried again after a growing pause; other keys are not held up (up to `parallel`
at once). An event carries no content, so losing or repeating one does no harm.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass

from modelyard.control.clock import Clock, Timer
from modelyard.core.backoff import delay_ms
from modelyard.core.metric_catalogue import FAILING, PASS, PASS_FAILED, PASS_WAIT, QUEUE
from modelyard.core.tallies import Sample, Tallies

log = logging.getLogger(__name__)

Handle = Callable[[str], Awaitable[int | None]]
"""Handles a key; returns when to do so again without being told (milliseconds), or None."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One kind of key.

    `keys` names all that there are to look at: at the start and, with `repeats`, once a minute, in case a nudge
    was lost. `parallel` of them are handled at once. `interruptible`: a look may be cut off at any point, since
    the next one does all of it again; whoever closes need not wait for it. `one_key`: the key that every nudge of
    this kind means, since one look sees everything ("": each key is a thing of its own).
    """

    kind: str
    keys: Callable[[], Awaitable[Iterable[str]]]
    handle: Handle
    parallel: int = 16
    repeats: bool = True
    interruptible: bool = False
    one_key: str = ""


@dataclass(slots=True)
class _Key:
    task: asyncio.Task[None] | None = None
    dirty: bool = False
    timer: Timer | None = None
    failures: int = 0


class KeyedLoop:
    """See the module."""

    def __init__(self, worker: Worker, clock: Clock, tallies: Tallies | None = None) -> None:
        self.worker = worker
        self._tallies = tallies if tallies is not None else Tallies()
        self._tallies.add(PASS_FAILED, worker.kind, by=0)
        self._clock = clock
        self._slots = asyncio.Semaphore(worker.parallel)
        self._keys: dict[str, _Key] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    def nudge(self, key: str) -> None:
        """Have the key looked at soon. Never blocks."""
        if self._closed:
            return
        key = self.worker.one_key or key
        entry = self._keys.setdefault(key, _Key())
        if entry.task is not None:
            entry.dirty = True
            return
        if entry.timer is not None:
            entry.timer.cancel()
            entry.timer = None
        self._idle.clear()
        entry.task = asyncio.get_running_loop().create_task(
            self._work(key, entry), name=f"{self.worker.kind}:{key}"
        )

    def samples(self) -> Iterator[Sample]:
        """How many keys are waiting or being handled, and of how many the last pass failed."""
        kind = (self.worker.kind,)
        yield Sample(QUEUE, sum(one.task is not None for one in self._keys.values()), kind)
        yield Sample(FAILING, sum(one.failures > 0 for one in self._keys.values()), kind)

    async def idle(self) -> None:
        """Until no key is waiting or being handled (timers do not count)."""
        await self._idle.wait()

    async def close(self) -> None:
        """Let what is being handled end, or end it where that does no harm, and take no more."""
        self._closed = True
        for entry in self._keys.values():
            if entry.timer is not None:
                entry.timer.cancel()
            if entry.task is not None and self.worker.interruptible:
                entry.task.cancel()
        await self.idle()

    async def _work(self, key: str, entry: _Key) -> None:
        again_ms: int | None = None
        try:
            while True:
                entry.dirty = False
                asked_s = time.monotonic()
                async with self._slots:
                    self._tallies.observe(PASS_WAIT, time.monotonic() - asked_s, self.worker.kind)
                    again_ms = await self._once(key, entry)
                if not entry.dirty or self._closed:
                    return
        finally:
            entry.task = None
            self._rest(key, entry, again_ms)

    async def _once(self, key: str, entry: _Key) -> int | None:
        began_s = time.monotonic()
        try:
            again_ms = await self.worker.handle(key)
        except Exception:  # the one place where anything is caught: a failed pass is tried again
            entry.failures += 1
            self._tallies.add(PASS_FAILED, self.worker.kind)
            pause_ms = max(delay_ms(entry.failures), 200)
            log.exception(
                "%s %s failed (%d in a row), again in %d ms", self.worker.kind, key, entry.failures, pause_ms
            )
            return self._clock.now_ms() + pause_ms
        finally:
            self._tallies.observe(PASS, time.monotonic() - began_s, self.worker.kind)
        entry.failures = 0
        return again_ms

    def _rest(self, key: str, entry: _Key, again_ms: int | None) -> None:
        if again_ms is not None and not self._closed:
            entry.timer = self._clock.call_at(again_ms, lambda: self._due(key))
        elif entry.failures == 0:
            self._keys.pop(key, None)
        if all(e.task is None for e in self._keys.values()):
            self._idle.set()

    def _due(self, key: str) -> None:
        entry = self._keys.get(key)
        if entry is not None:
            entry.timer = None
        self.nudge(key)
