"""The process of the logs: `python -m modelyard.logs.serving DIRECTORY MOST_BYTES RESERVE_BYTES`.

It makes lines of output, keeps and searches them: work in Python that would hold up whoever shares
a process with it. Started by `logs.process`, which talks to it over its standard input and output; when the input
ends it ends, after what was under way. A lock lets one such process at a time work on the directory: what a killed
control plane left finishes first.
"""

import asyncio
import fcntl
import logging
import os
import shutil
import signal
import sys
from pathlib import Path

from modelyard.core.output_lines import Place
from modelyard.domain.logs import Origin
from modelyard.domain.output import Output
from modelyard.logs import talk
from modelyard.logs.base import LogStore, LogsUnavailableError
from modelyard.logs.keeper import LogKeeper
from modelyard.logs.local import LocalLogs

NICENESS = 19
LOCK = "lock"
AT_ONCE = 64


def main(directory: Path, most_bytes: int, reserve_bytes: int) -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(level="WARNING", format="%(levelname)s %(name)s: %(message)s")
    os.nice(NICENESS)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)

    def spare_bytes() -> int:
        return shutil.disk_usage(directory).free - reserve_bytes

    asyncio.run(_serve(LocalLogs(directory, most_bytes=most_bytes, spare_bytes=spare_bytes)))


async def _serve(logs: LogStore) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout.buffer)
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    await logs.open()
    server, running, slots = _Server(logs), set[asyncio.Task[None]](), asyncio.Semaphore(AT_ONCE)
    while True:
        try:
            length, number, what = talk.head(await reader.readexactly(talk.HEAD))
            body = await reader.readexactly(length)
        except asyncio.IncompleteReadError:
            break
        await slots.acquire()
        task = asyncio.create_task(_answer(server, writer, number, talk.NAMES[what], body))
        running.add(task)
        task.add_done_callback(running.discard)
        task.add_done_callback(lambda _: slots.release())
    await asyncio.gather(*running, return_exceptions=True)
    await logs.close()


async def _answer(server: "_Server", writer: asyncio.StreamWriter, number: int, name: str, body: bytes) -> None:
    try:
        told = talk.frame(number, talk.DONE, await server.calls[name](*talk.arguments(name, body)))
    except LogsUnavailableError as error:
        told = talk.frame(number, talk.UNAVAILABLE, str(error))
    except Exception as error:  # told to whoever asked
        logging.getLogger(__name__).exception("%s failed", name)
        told = talk.frame(number, talk.FAILED, f"{type(error).__name__}: {error}")
    writer.write(told)


class _Server:
    def __init__(self, logs: LogStore) -> None:
        self._logs = logs
        self._keeper = LogKeeper(logs)
        self.calls = {name: getattr(logs, name) for name in talk.NAMES if name != "take"} | {"take": self._take}

    async def _take(
        self, origin: Origin, output: Output, before: Place, secrets: frozenset[str], whole: bool
    ) -> talk.Taken:
        return await self._keeper.taken(origin, output, before, secrets, whole=whole)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
