"""Whatever is killed while output is collected, no line is lost and none doubled: real shims and files, a real
process of the logs; the collector, that process, or both end at random points (seeded)."""

import asyncio
import contextlib
import os
import random
import signal
from pathlib import Path

import pytest

from modelyard.control import collecting
from modelyard.control.collecting import Collector, Owner
from modelyard.domain.logs import LogQuery, Origin
from modelyard.domain.output import Output, OutputSource, Position
from modelyard.logs.base import LogsUnavailableError
from modelyard.logs.process import LogProcess
from modelyard.processes import output, supervise
from modelyard.processes.directory import ProcessDir, Spec, State

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio]

LINES = 20_000
ORIGIN = Origin("p", "s", "i-1")


class Shims:
    """One process, as an engine shows its output."""

    def __init__(self, directory: ProcessDir) -> None:
        self.directory = directory

    async def outputs(self) -> list[OutputSource]:
        ended = self.directory.sight().state is State.EXITED
        return [OutputSource("i-1", "s", 1, "m", "1", output.mark(self.directory.path), ended)]

    async def output(self, instance_id: str, after: Position | None, most_bytes: int) -> Output:
        return output.read(self.directory.path, after, most_bytes, kept=True)

    async def release(self, instance_id: str, before: Position, *, last: bool = False) -> None:
        output.release(self.directory.path, before)


async def owner(_source: OutputSource) -> Owner:
    return Owner(ORIGIN)


async def kept(logs: LogProcess) -> list[str]:
    lines: list[str] = []
    after = None
    while True:
        found = await logs.search("s", LogQuery(after=after, limit=5000))
        lines += [line.text for line in found.lines]
        if found.cursor is None:
            return lines
        after = found.cursor


@pytest.mark.parametrize("seed", range(int(os.environ.get("CRASHES", "3"))))
async def test_nothing_is_lost_or_doubled(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(collecting, "PIECE_BYTES", chance.choice([3_000, 20_000, 100_000]))
    monkeypatch.setattr(collecting, "RELEASE_BYTES", 10_000)
    monkeypatch.setattr("modelyard.logs.process.AGAIN_S", 0.0)
    directory = ProcessDir(tmp_path / "p")
    script = f"seq -f 'line %.0f of the output' 1 {LINES}"
    spec = Spec(
        ("/bin/sh", "-c", script), env=(("PATH", "/usr/bin:/bin"),), log_bytes=60_000, log_kept_bytes=1 << 26
    )
    supervise.spawn(directory, spec)

    def fresh() -> LogProcess:
        return LogProcess(tmp_path / "logs", most_bytes=0, reserve_bytes=0, ring=lambda _: None)

    logs = fresh()
    await logs.open()
    quiet = 0
    collector = Collector(Shims(directory), logs, owner, lambda: 0)
    async with asyncio.timeout(120):
        while quiet < 2:
            running = asyncio.create_task(collector.round())
            blow = chance.choice(["none", "logs", "control plane", "both"])
            await asyncio.wait({running}, timeout=chance.choice([0, 0.002, 0.01, 0.03, 0.1]))
            if blow in {"logs", "both"} and (pid := logs.pid) is not None:
                os.kill(pid, signal.SIGKILL)
            if blow in {"control plane", "both"}:
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError, LogsUnavailableError):
                    await running
                if blow == "control plane":
                    await logs.close()
                logs = fresh()
                collector = Collector(Shims(directory), logs, owner, lambda: 0)
                continue
            try:
                count = await running
            except LogsUnavailableError:
                continue
            over = directory.sight().state is State.EXITED
            quiet = quiet + 1 if over and not count and blow == "none" else 0
    lines = await kept(logs)
    await logs.close()
    await supervise.wait(directory)
    assert lines == [f"line {number} of the output" for number in range(1, LINES + 1)]
