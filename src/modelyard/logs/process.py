"""The store of lines, and what makes lines of output, in a process of its own (`logs.serving`).

Measured on two cores with 100,000 lines a second: in the control plane's own process the loop was behind for
150 ms at times (p99), and the API answered three times as late; see docs/decisions.

A call whose process ended before it answered raises LogsUnavailableError, whether or not it took effect: whoever
appends asks for the position before it goes on. The process is started again with the next call.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from modelyard.core.output_lines import Place, place
from modelyard.domain.logs import Found, Kept, Line, LogQuery, Origin
from modelyard.domain.output import Output
from modelyard.logs import talk
from modelyard.logs.base import LogsUnavailableError

log = logging.getLogger(__name__)

CALL_S = 60.0
END_S = 10.0
AGAIN_S = 1.0


class LogProcess:
    """Implements `logs.base.LogStore` and `logs.keeper.Keeper`. `ring` is called with a service that got lines."""

    def __init__(
        self, directory: Path, *, most_bytes: int, reserve_bytes: int, ring: Callable[[str], None]
    ) -> None:
        self._argv = (str(directory), str(most_bytes), str(reserve_bytes))
        self._ring = ring
        self._running: _Running | None = None
        self._starting = asyncio.Lock()
        self._not_before = 0.0
        self._closed = False

    async def open(self) -> None:
        await self._process()

    async def close(self) -> None:
        self._closed = True
        if self._running is not None:
            await self._running.end()
            self._running = None

    @property
    def pid(self) -> int | None:
        return self._running.process.pid if self._running and self._running.alive() else None

    async def append(self, origin: Origin, lines: Sequence[Line], position: str) -> int:
        last: int = await self._call("append", origin, list(lines), position)
        if lines:
            self._ring(origin.service_id)
        return last

    async def position(self, origin: Origin) -> str:
        found: str = await self._call("position", origin)
        return found

    async def search(self, service_id: str, query: LogQuery) -> Found:
        found: Found = await self._call("search", service_id, query)
        return found

    async def kept(self, service_id: str) -> Kept:
        found: Kept = await self._call("kept", service_id)
        return found

    async def services(self) -> Sequence[str]:
        found: list[str] = await self._call("services")
        return found

    async def bound(self, service_id: str, most_bytes: int, oldest_ms: int) -> None:
        await self._call("bound", service_id, most_bytes, oldest_ms)

    async def remove(self, service_id: str) -> None:
        await self._call("remove", service_id)

    async def place(self, origin: Origin) -> Place:
        return place(await self.position(origin))

    async def take(
        self, origin: Origin, output: Output, before: Place, secrets: frozenset[str], *, whole: bool = False
    ) -> Place:
        after, count = await self._call("take", origin, output, before, secrets, whole)
        if count:
            self._ring(origin.service_id)
        found: Place = after
        return found

    async def _call(self, name: str, *arguments: object) -> Any:
        running = await self._process()
        try:
            async with asyncio.timeout(CALL_S):
                return await running.call(name, arguments)
        except TimeoutError as error:
            running.kill()  # or it might take effect later, and what is tried again would be doubled
            raise LogsUnavailableError(f"{name}: the process of the logs did not answer") from error

    async def _process(self) -> "_Running":
        if self._running is not None and self._running.alive():
            return self._running
        async with self._starting:
            if self._running is not None and self._running.alive():
                return self._running
            loop = asyncio.get_running_loop()
            if self._closed or loop.time() < self._not_before:
                raise LogsUnavailableError("the process of the logs is not there")
            if self._running is not None:
                log.warning("the process of the logs ended, and is started again")
            self._not_before = loop.time() + AGAIN_S
            try:
                self._running = await _started(self._argv)
            except OSError as error:
                raise LogsUnavailableError(f"the process of the logs cannot be started: {error}") from error
            return self._running


async def _started(argv: Sequence[str]) -> "_Running":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MODELYARD_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "modelyard.logs.serving", *argv),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        env=kept,
        limit=1 << 20,
    )
    return _Running(process)


class _Running:
    """One process, and the calls that it has not answered."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._handle = os.pidfd_open(process.pid)
        self._waiting: dict[int, tuple[str, asyncio.Future[Any]]] = {}
        self._last = 0
        self._listening = asyncio.create_task(self._listen(), name="logs")
        self._hearing = asyncio.create_task(self._hear(), name="words of the logs")
        self._letting_go = asyncio.create_task(self._let_go(), name="end of the logs")

    def alive(self) -> bool:
        return not self._listening.done() and self.process.returncode is None

    async def call(self, name: str, arguments: tuple[object, ...]) -> Any:
        self._last += 1
        number, answer = self._last, asyncio.get_running_loop().create_future()
        self._waiting[number] = (name, answer)
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(talk.frame(number, talk.NAMES.index(name), arguments))
            await self.process.stdin.drain()
            return await answer
        except (BrokenPipeError, ConnectionResetError) as error:
            raise LogsUnavailableError("the process of the logs ended") from error
        finally:
            self._waiting.pop(number, None)

    def kill(self) -> None:
        """By the handle: `Process.kill` looks first whether it ended, and so takes its exit status away from
        asyncio, which then complains."""
        if self.process.returncode is None and self._handle >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    async def end(self) -> None:
        """After what is under way."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            async with asyncio.timeout(END_S):
                await self.process.wait()
        except TimeoutError:
            self.kill()
            await self.process.wait()
        await asyncio.gather(self._listening, self._hearing, self._letting_go, return_exceptions=True)

    async def _listen(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        try:
            while True:
                length, number, what = talk.head(await stream.readexactly(talk.HEAD))
                body = await stream.readexactly(length)
                name, answer = self._waiting.get(number, ("", None))
                if answer is not None and not answer.done():
                    _settle(name, answer, what, body)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass
        finally:
            self.kill()  # nobody hears it any more, and it would keep its lock
            for _, answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(LogsUnavailableError("the process of the logs ended before it answered"))

    async def _let_go(self) -> None:
        try:
            await self.process.wait()
        finally:
            handle, self._handle = self._handle, -1
            os.close(handle)

    async def _hear(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            log.warning("process of the logs: %s", line.decode(errors="replace").rstrip())


def _settle(name: str, answer: "asyncio.Future[Any]", what: int, body: bytes) -> None:
    if what == talk.DONE:
        answer.set_result(talk.result(name, body))
    else:
        answer.set_exception(LogsUnavailableError(talk.text(body)))
