"""Whether a running Envoy still answers: asked at its listener, as a caller would, and judged by its process.

A process that was stopped (SIGSTOP) or wedged keeps its port and its connections, and callers wait. Nothing but a
question with a time limit finds that. It is then replaced, which breaks its connections: so a busy Envoy, whose
answer may take a while, gets several tries, and a stopped one a second look.

    answered, refused, answered          → goes on
    silent, silent, silent               → lost (after about 5 s)
    stopped, stopped                     → lost (after about 1 s)
    refused before it ever answered      → goes on: it has no routes yet
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from modelyard.processes.directory import ProcessDir, stopped

EVERY_S = 0.5
LIMIT_S = 1.5
MOST_SILENT = 3
MOST_STOPPED = 2
QUESTION = b"GET / HTTP/1.1\r\nhost: modelyard\r\nconnection: close\r\n\r\n"
"""Refused for want of a token, by Envoy alone; counted for no service."""


class Look(StrEnum):
    """What one look found."""

    ANSWERED = "answered"
    REFUSED = "refused"
    SILENT = "silent"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Record:
    """The looks so far: how many in a row were bad, and whether it ever answered."""

    answered: bool = False
    silent: int = 0
    stopped: int = 0

    def after(self, look: Look) -> "Record":
        match look:
            case Look.ANSWERED:
                return Record(answered=True)
            case Look.STOPPED:
                return Record(self.answered, self.silent, self.stopped + 1)
            case Look.SILENT:
                return Record(self.answered, self.silent + 1)
            case Look.REFUSED:
                return Record(self.answered, self.silent + self.answered)

    @property
    def lost(self) -> str:
        """Why it must be replaced; "" while it need not be."""
        if self.stopped >= MOST_STOPPED:
            return "was stopped by a signal and does not go on"
        if self.silent >= MOST_SILENT:
            return f"did not answer {self.silent} times, {LIMIT_S:g} s each"
        return ""


async def lost(looks: Callable[[], Awaitable[Look]]) -> str:
    """Look until it must be replaced; why."""
    record = Record()
    while not record.lost:
        await asyncio.sleep(EVERY_S)
        record = record.after(await looks())
    return record.lost


async def look(run: ProcessDir, host: str, port: int) -> Look:
    """One look. Raises nothing: a failure is an observation."""
    if stopped(run.sight().pid):
        return Look.STOPPED
    try:
        async with asyncio.timeout(LIMIT_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(QUESTION)
                await reader.read(1)
            finally:
                writer.transport.abort()
    except TimeoutError:
        return Look.SILENT
    except ConnectionRefusedError:
        return Look.REFUSED
    except OSError:  # it closed the connection, which only a living one does; or we lack descriptors
        pass
    return Look.ANSWERED
