"""What Envoys wrote: the access log (and their own words, which whoever reads it passes over).

gateway/envoy-N/log …      while that Envoy is there
gateway/written/ID/log …   afterwards, until it was read to the end; of more than `MOST_ENDED` the oldest goes
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from modelyard import files, trees
from modelyard.domain.output import Output, OutputSource, Position
from modelyard.processes import output, supervise
from modelyard.processes.directory import ProcessDir, State

log = logging.getLogger(__name__)

WRITTEN = "written"
MOST_ENDED = 4


class AccessOutput:
    """Implements `domain.output.Writers`; `remove` blocks as a disk does."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._ended = home / WRITTEN

    def remove(self, run: ProcessDir) -> None:
        """Forget an Envoy that ended, but for what it wrote."""
        name = _name(run.path)
        supervise.remove(run, aside=self._ended / name if name else None)
        for path in self._old()[:-MOST_ENDED]:
            log.error("the access log of %s, %d bytes, is dropped: nobody read it", path.name, output.size(path))
            trees.remove(path)

    async def outputs(self) -> list[OutputSource]:
        """One at a time, the oldest first: lines of a service keep their order, and one position says how far
        they were read."""
        return (await asyncio.to_thread(self._sources))[:1]

    async def output(self, instance_id: str, after: Position | None, most_bytes: int) -> Output:
        return await asyncio.to_thread(self._read, instance_id, after, most_bytes)

    async def release(self, instance_id: str, before: Position, *, last: bool = False) -> None:
        await asyncio.to_thread(self._release, instance_id, before, last=last)

    def _sources(self) -> list[OutputSource]:
        found = [OutputSource(path.name, "", 0, "", "", output.mark(path), True, True) for path in self._old()]
        for name, path in self._runs():
            ended = ProcessDir(path).sight().state is not State.RUNNING
            found.append(OutputSource(name, "", 0, "", "", output.mark(path), ended))
        return found

    def _read(self, name: str, after: Position | None, most_bytes: int) -> Output:
        path = next((path for one, path in self._runs() if one == name), self._ended / name)
        ended = path.parent == self._ended or ProcessDir(path).sight().state is not State.RUNNING
        found = output.read(path, after, most_bytes, kept=True)
        position = replace(found.position, source=name)
        over = ended and len(found.data) < most_bytes
        over = over and (path.parent == self._ended or path.exists())  # it may be set aside meanwhile
        return replace(found, position=position, last=over)

    def _release(self, name: str, before: Position, *, last: bool) -> None:
        if last:
            trees.remove(self._ended / name)
        for one, path in self._runs():
            if one == name:
                output.release(path, before)

    def _runs(self) -> Iterator[tuple[str, Path]]:
        for path in sorted(self._home.glob("envoy-*"), key=_number):
            if name := _name(path):
                yield name, path

    def _old(self) -> list[Path]:
        """Oldest first."""
        try:
            paths = [path for path in self._ended.iterdir() if not path.name.startswith(trees.ASIDE)]
            return sorted(paths, key=lambda path: path.stat().st_mtime_ns)
        except OSError:
            return []


def _number(path: Path) -> tuple[int, str]:
    """In which order Envoys came: the tenth behind the ninth."""
    number = path.name.removeprefix("envoy-")
    return (int(number) if number.isascii() and number.isdigit() else -1), path.name


def _name(path: Path) -> str:
    """Names an Envoy for good; "" for one whose output nobody keeps: an earlier release started it."""
    with contextlib.suppress(OSError, ValueError):
        spec = files.read_object(path / "spec.json")
        if spec.get("log_kept_bytes"):
            return f"{path.name}-{spec.get('created_ms')}"
    return ""
