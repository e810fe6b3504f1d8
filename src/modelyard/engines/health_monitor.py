"""Asks one instance how it is, again and again: startup, then readiness and liveness beside each other.

Until the first success an HTTP question is asked often, so that readiness is seen at once, whatever delay the
model asked for: a delay only keeps failures from counting. A command costs a process, so it runs at its own
period. Traffic is counted wherever our model server reports it; during a drain (`poll_fast`) it is kept fresh.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from modelyard.domain.address import UnixAddress
from modelyard.domain.health import PATH, Check, Health
from modelyard.engines.commands import COUNTS_SOCKET, PROBE_SOCKET
from modelyard.engines.health_state import (
    Answer,
    Asked,
    HealthState,
    Reply,
    Silence,
    Unasked,
    after,
    beat,
    counted,
    hangs,
)
from modelyard.engines.launch import WORK
from modelyard.engines.probe import Probe
from modelyard.processes import supervise
from modelyard.processes.directory import SOCKET, ProcessDir, children, stopped
from modelyard_runtime.door.docker import AwayError

STARTING_INTERVAL_S = 0.05
ATTENDED_INTERVAL_S = 0.1
COUNTING_INTERVAL_S = 1.0
SILENT_S = 1.0
"""How long a ready instance may keep a readiness check waiting before others get its new requests."""
FROZEN_INTERVAL_S = 0.4
FROZEN_LOOKS = 2
PATIENT_TIMEOUT_S = 5.0
"""The least time an answer may take while the model loads: the question waits in its queue."""

Noted = Callable[[HealthState, HealthState], None]
Enter = Callable[[tuple[str, ...], float], Awaitable[int | None]]
"""Runs a command inside the instance, for so many seconds at most (`supervise.enter`). Raises OSError where we
lack what it takes, AwayError where nobody can be asked."""


class HealthMonitor:
    """The questions to one instance. `state` and `hung` are what is known now; `noted` hears of each change of
    `state` (before, after), `hanging` when it begins or ceases to hang, to be silent, or to be stopped by a
    signal."""

    def __init__(
        self,
        directory: ProcessDir,
        health: Health,
        created_ms: int,
        *,
        now_ms: Callable[[], int],
        enter: Enter,
        door: bool = False,
    ) -> None:
        self.state = HealthState()
        self.hung = False
        self.frozen = False
        self.silent = False
        self.fast = asyncio.Event()
        self.checked = asyncio.Event()
        self._directory = directory
        self._health = health
        self._created_ms = created_ms
        self._now_ms = now_ms
        self._enter = enter
        self._door = door

    async def run(self, noted: Noted, hanging: Callable[[], None]) -> None:
        """Until cancelled."""
        probe, pulse = self._probe(PROBE_SOCKET), self._probe(PROBE_SOCKET)
        counting = self._probe(COUNTS_SOCKET) if self._door else probe
        try:
            await self._startup(probe, counting, noted)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._readiness(probe, counting, noted, hanging))
                group.create_task(self._liveness(pulse, hanging))
                group.create_task(self._frozen(hanging))
        finally:
            for one in (probe, pulse, counting):
                one.close()

    def _probe(self, beside: str) -> Probe:
        """Of an instance with a door its own socket is for those who are counted: others ask `beside` it."""
        if not self._door:
            return Probe(UnixAddress(str(self._directory.path / SOCKET)))
        ours = beside == COUNTS_SOCKET
        return Probe(UnixAddress(str(self._directory.path / WORK / beside)), followed=False, kept=ours)

    async def _startup(self, probe: Probe, counting: Probe, noted: Noted) -> None:
        """Until the first success; an adopted instance that was ready has had one."""
        check = self._health.startup
        patient = replace(check, timeout_s=max(check.timeout_s, PATIENT_TIMEOUT_S))
        while not self.state.ready:
            reply = await self._ask(probe, patient)
            if isinstance(reply, Answer) and reply.status == 200:
                if check.same_question(self._health.readiness):
                    told = Asked(told=not self._door)
                    state = after(self.state, reply, self._now_ms(), told, steady_ms=_steady_ms())
                    if self._door:
                        counts = await counting.check(PATH, PATIENT_TIMEOUT_S)
                        state = counted(state, counts, self._now_ms(), steady_ms=_steady_ms())
                    self._note(state, noted)
                return
            self.checked.set()
            await asyncio.sleep(check.period_s if check.command else STARTING_INTERVAL_S)

    async def _readiness(self, probe: Probe, counting: Probe, noted: Noted, silence: Callable[[], None]) -> None:
        check = self._health.readiness
        told = not (check.command or self._door) and check.path == PATH  # the answer has the counts in it
        due_s = 0.0
        if self.state.ready and self.checked.is_set():  # it was asked just now
            await self._pause(check, told=told)
        while True:
            if not self.state.ready or told or time.monotonic() >= due_s:
                due_s = time.monotonic() + check.period_s
                reply = await self._heard(probe, check, silence)
                counts = self._counts(check)
                now_ms, steady_ms = self._now_ms(), _steady_ms()
                asked_as = Asked(check, counts=counts, told=told)
                state = after(self.state, reply, now_ms, asked_as, steady_ms=steady_ms)
                self._note(state, noted)
            if not told:
                asked = await counting.check(PATH, PATIENT_TIMEOUT_S)
                self._note(counted(self.state, asked, self._now_ms(), steady_ms=_steady_ms()), noted)
            await self._pause(check, told=told)

    async def _heard(self, probe: Probe, check: Check, silence: Callable[[], None]) -> Reply:
        """Its answer. While that takes longer than callers should wait, it is reported as silent."""
        asked = asyncio.create_task(self._ask(probe, check))
        try:
            if not (await asyncio.wait({asked}, timeout=SILENT_S))[0]:
                self._set_silent(True, silence)
            reply = await asked
        finally:
            asked.cancel()
        if isinstance(reply, Answer | Unasked):
            self._set_silent(False, silence)
        return reply

    def _set_silent(self, silent: bool, silence: Callable[[], None]) -> None:
        if silent != self.silent:
            self.silent = silent
            silence()

    async def _frozen(self, hanging: Callable[[], None]) -> None:
        """Whether a signal has stopped it. It takes two looks in a row, since one may fall between two signals."""
        looks = 0
        while True:
            await asyncio.sleep(FROZEN_INTERVAL_S)
            looks = looks + 1 if self._stopped() else 0
            if (looks >= FROZEN_LOOKS) != self.frozen:
                self.frozen = looks >= FROZEN_LOOKS
                hanging()

    def _stopped(self) -> bool:
        """A door, or the program that it keeps: then nobody hears whoever is let through."""
        pid = self._directory.sight().pid
        inner = children(pid) if self._door else ()
        return stopped(pid) or (bool(inner) and all(map(stopped, inner)))

    async def _liveness(self, probe: Probe, hanging: Callable[[], None]) -> None:
        check = self._health.liveness
        began_s = time.monotonic()
        while True:
            await asyncio.sleep(max(check.period_s - (time.monotonic() - began_s), 0))
            began_s = time.monotonic()
            reply = await self._ask(probe, check)
            self.state = beat(self.state, reply, counts=self._counts(check))
            hung = hangs(self.state, self._health, _steady_ms())
            if hung != self.hung:
                self.hung = hung
                hanging()

    def _note(self, state: HealthState, noted: Noted) -> None:
        before, self.state = self.state, state
        self.checked.set()
        if state != before:
            noted(before, state)

    def _counts(self, check: Check) -> bool:
        return self._now_ms() - self._created_ms >= check.delay_s * 1000

    async def _pause(self, check: Check, *, told: bool) -> None:
        if not self.state.ready:
            await asyncio.sleep(check.period_s if check.command else STARTING_INTERVAL_S)
        elif self.fast.is_set():
            await asyncio.sleep(ATTENDED_INTERVAL_S)
        else:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(check.period_s if told else min(check.period_s, COUNTING_INTERVAL_S)):
                    await self.fast.wait()

    async def _ask(self, probe: Probe, check: Check) -> Reply:
        if not check.command:
            return await probe.check(check.path, check.timeout_s)
        try:
            status = await self._enter(check.command, check.timeout_s)
        except AwayError:
            return Unasked()
        except OSError:
            return Silence()  # that we lack descriptors or memory says nothing about it
        if status is None or status == supervise.NOT_JOINED:
            return Silence()
        return Answer(200 if status == 0 else 500)


def _steady_ms() -> int:
    """Milliseconds on a clock that nobody sets and that stands still while the machine sleeps."""
    return time.monotonic_ns() // 1_000_000
