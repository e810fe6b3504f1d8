"""A batch task over real objects and a real store, with workers that are coroutines on real sockets.

    world = await run_world(path, store, rows=20, split_rows=5)      # one CSV file of the rows 0, 1, 2 …
    world.worker("w1", Script(dies_at={7: 2}))                       # a worker, and how it misbehaves
    world.run()                                                      # as the loop of services does, each look
    await world.until(world.over)                                    # virtual time passes while it waits
    world.check()                                                    # each row once, in its place

The answer to the row `n` is `{"v":n}`.
"""

import asyncio
import json
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.worlds.plane import VirtualClock
from tests.worlds.services import service

from modelyard.batch import parts
from modelyard.batch.run import TaskRunner
from modelyard.batch.runner import BatchWorker
from modelyard.batch.work import Room
from modelyard.core.masking import Masker
from modelyard.domain.batch import Format, Job, Source, Split, SplitState, Task, TaskState
from modelyard.domain.identity import Project
from modelyard.objects.local import LocalObjects
from modelyard.objects.paths import ObjectPath
from modelyard.store.sql import SqlStore

HEAD = struct.Struct(">cI")
STEP_MS = 20
JOB = Job("obs://in/", "obs://out/to", "/", Format.CSV, row_timeout_s=5)


@dataclass
class Script:
    """How a worker behaves. `dies_at`: at this row, that often (by any worker that shares the mapping). `after`:
    it dies after so many frames. `bundles`: it takes several splits at once. `talk`: instead of all this."""

    every: int = 4
    dies_at: dict[int, int] = field(default_factory=dict)
    fails_at: frozenset[int] = frozenset()
    cause: str = "odd one"
    hangs_at: dict[int, int] = field(default_factory=dict)
    after: int | None = None
    torn: bool = False
    piece: int = 1 << 20
    bundles: bool = True
    talk: "Callable[[Session, dict[str, Any]], Awaitable[None]] | None" = None


class DiedError(Exception):
    """This worker ends now."""


class Session:
    """One connection, as the worker sees it."""

    def __init__(
        self, worker: "ScriptedWorker", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.worker = worker
        self.reader = reader
        self.writer = writer
        self.abandoned = False

    def say(self, kind: bytes, payload: bytes | dict[str, Any] = b"{}") -> None:
        if isinstance(payload, dict):
            payload = json.dumps(payload).encode()
        frame = HEAD.pack(kind, len(payload)) + payload
        script = self.worker.script
        if script.after is not None:
            script.after -= 1
            if script.after < 0:
                if script.torn:
                    self.writer.write(frame[: len(frame) // 2])
                raise DiedError
        self.writer.write(frame)

    async def heard(self) -> tuple[bytes, bytes]:
        kind, length = HEAD.unpack(await self.reader.readexactly(5))
        return kind, await self.reader.readexactly(length)

    async def read(self, start: int, end: int, file: int = 0) -> bytes:
        taken = b""
        while start + len(taken) < end:
            length = min(self.worker.script.piece, end - start - len(taken))
            self.say(b"R", {"file": file, "offset": start + len(taken), "length": length})
            kind, payload = await self.heard()
            if kind == b"B":
                self.abandoned = True
                continue
            if kind == b"X":
                raise UnreadableError(json.loads(payload)["error"])
            assert kind == b"D", kind
            taken += payload
        return taken

    def publish(
        self,
        lines: list[bytes],
        following: tuple[int, int] | None,
        failures: Iterable[tuple[int, str]] = (),
        **more: Any,
    ) -> None:
        failed = [*failures]
        head = {"rows": len(lines), "failed": len(failed), "next": following, "failures": failed, **more}
        said = json.dumps(head).encode()
        self.say(b"P", len(said).to_bytes(4) + said + b"".join(line + b"\n" for line in lines))

    async def split(self, asked: dict[str, Any]) -> None:
        """As a good worker would, but for what its script says."""
        if "members" in asked:
            await self._bundle(asked)
        elif asked["job"]["format"] == "file":
            await self._files(asked)
        else:
            await self._rows(asked)

    async def _rows(self, asked: dict[str, Any]) -> None:
        try:
            content = await self.read(asked["start"], asked["end"])
        except UnreadableError as error:
            self.say(b"F", {"error": str(error)})
            return
        at, number, script = asked["start"], asked["first_row"], self.worker.script
        only = asked["only"]
        lines: list[bytes] = []
        failures: list[tuple[int, str]] = []
        numbers: list[int] = []
        self.worker.given.append((asked["source"], number, asked["careful"]))
        rows = content.splitlines(keepends=True)
        for place, row in enumerate(rows):
            if await self._gives_up():
                break
            at += len(row)
            if only is None or number in only:
                value = int(row)
                await self._predict(value)
                cause = script.cause if value in script.fails_at else None
                lines.append(failed(cause) if cause else json.dumps({"v": value}).encode())
                numbers.append(number)
                if cause:
                    failures.append((number, cause))
            number += 1
            last = place == len(rows) - 1
            full = len(lines) >= (1 if asked["careful"] else script.every)
            if lines and (last or full) and not (only is not None and not last and number > only[-1]):
                over = last or (only is not None and number > only[-1])
                more = {"numbers": numbers} if only is not None else {}
                self.publish(lines, None if over else (asked["source"], at), failures, **more)
                lines, failures, numbers = [], [], []
                await self.writer.drain()
        if lines:
            over = not self.abandoned
            more = {"numbers": numbers} if only is not None else {}
            self.publish(lines, None if over else (asked["source"], at), failures, **more)
        self.say(b"E", {"abandoned": self.abandoned})

    async def _bundle(self, asked: dict[str, Any]) -> None:
        content = await self.read(0, asked["end"])
        rows: list[tuple[int, tuple[int, int]]] = []
        at = 0
        self.worker.bundles.append([member["source"] for member in asked["members"]])
        for member in asked["members"]:
            start = member["start"]
            for row in content[at + start : at + member["end"]].splitlines(keepends=True):
                rows.append((int(row), (member["source"], start)))
                start += len(row)
            at += member["end"]
        begins = [place for _, place in rows]
        lines: list[bytes] = []
        failures: list[tuple[int, str]] = []
        for n, (value, _) in enumerate(rows):
            if await self._gives_up():
                break
            await self._predict(value)
            cause = self.worker.script.cause if value in self.worker.script.fails_at else None
            lines.append(failed(cause) if cause else json.dumps({"v": value}).encode())
            if cause:
                failures.append((n, cause))
            if len(lines) >= self.worker.script.every or n + 1 == len(rows):
                self.publish(lines, begins[n + 1] if n + 1 < len(rows) else None, failures)
                lines, failures = [], []
                await self.writer.drain()
        self.say(b"E", {"abandoned": self.abandoned})

    async def _files(self, asked: dict[str, Any]) -> None:
        lines: list[bytes] = []
        failures: list[tuple[int, str]] = []
        numbers: list[int] = []
        count = len(asked["files"])
        only = asked["only"]
        self.worker.given.append((asked["source"], asked["first_row"], asked["careful"]))
        for place, file in enumerate(asked["files"]):
            number = asked["source"] + place
            if only is not None and number not in only:
                continue
            cause = None
            value = -1
            try:
                value = int(await self.read(0, file["size"], place))
                await self._predict(value)
                if value in self.worker.script.fails_at:
                    cause = self.worker.script.cause
            except UnreadableError as error:
                cause = str(error)
            lines.append(failed(cause) if cause else json.dumps({"v": value}).encode())
            numbers.append(number)
            if cause:
                failures.append((number, cause))
            done = place == count - 1 or (only is not None and number == only[-1])
            if done or len(lines) >= (1 if asked["careful"] else self.worker.script.every):
                more = {"numbers": numbers} if only is not None else {}
                self.publish(lines, None if done else (number + 1, 0), failures, **more)
                lines, failures, numbers = [], [], []
        self.say(b"E", {"abandoned": False})

    async def _predict(self, value: int) -> None:
        script = self.worker.script
        if script.dies_at.get(value, 0) > 0:
            script.dies_at[value] -= 1
            raise DiedError
        if script.hangs_at.get(value, 0) > 0:
            script.hangs_at[value] -= 1
            await asyncio.Event().wait()
        self.worker.predicted[value] += 1

    async def _gives_up(self) -> bool:
        await asyncio.sleep(0)
        while not self.abandoned and self.reader._buffer:  # type: ignore[attr-defined]  # without waiting
            kind, _ = await self.heard()
            self.abandoned = kind == b"B"
        return self.abandoned


class UnreadableError(Exception):
    pass


def failed(cause: str) -> bytes:
    return json.dumps({"result": "FAILED", "error_message": cause}, separators=(",", ":")).encode()


class ScriptedWorker:
    def __init__(self, name: str, script: Script, place: Path) -> None:
        self.name = name
        self.script = script
        self.place = place
        self.given: list[tuple[int, int, bool]] = []
        self.bundles: list[list[int]] = []
        self.predicted: Counter[int] = Counter()
        self.exit = ""
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._talking: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        self.place.parent.mkdir(parents=True, exist_ok=True)
        self.place.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._meet, self.place)

    async def die(self, exit: str = "killed by signal 9 (out of memory)") -> None:
        self.exit = self.exit or exit
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            if self.script.torn:
                writer.close()
            else:
                writer.transport.abort()
        me = asyncio.current_task()
        for each in self._talking:
            if each is not me:
                each.cancel()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me is not None
        self._talking.add(me)
        self._writers.append(writer)
        self.connections += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            knows = b"x-bundles: 1\r\n" if self.script.bundles and not self.script.talk else b""
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\n" + knows + b"\r\n")
            session = Session(self, reader, writer)
            while True:
                kind, payload = await session.heard()
                if kind != b"S":
                    continue
                session.abandoned = False
                await (self.script.talk or Session.split)(session, json.loads(payload))
        except DiedError:
            await self.die()
        except (EOFError, OSError, asyncio.CancelledError):
            pass
        finally:
            self._talking.discard(me)
            writer.transport.abort() if not self.script.torn else writer.close()


@dataclass
class RunWorld:
    data: Path
    store: SqlStore
    clock: VirtualClock
    objects: Any
    job: Job
    task: Task
    rows: int = 0
    room: Room | None = None
    masker: Masker = field(default_factory=Masker)
    workers: dict[str, ScriptedWorker] = field(default_factory=dict)
    nudges: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    runner: TaskRunner = field(init=False)
    number: int = 0

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """A fresh control plane."""
        self.runner = TaskRunner(
            self.store,
            self.objects,
            self.clock,
            self.nudges.append,
            exit_of=self.exit_of,
            kill=self.kill,
            data_dir=self.data,
            room=self.room,
        )

    async def exit_of(self, name: str) -> str:
        return self.workers[name].exit if name in self.workers else "gone"

    async def kill(self, name: str) -> None:
        self.killed.append(name)
        await self.workers[name].die("killed by signal 9")

    async def worker(self, name: str, script: Script | None = None) -> ScriptedWorker:
        made = ScriptedWorker(name, script or Script(), self.data / f"{name}.sock")
        self.workers[name] = made
        await made.start()
        return made

    def run(self) -> None:
        ready = [
            BatchWorker(w.name, f"unix:{w.name}.sock", self.masker) for w in self.workers.values() if not w.exit
        ]
        self.runner.run(self.task, self.job, "p1", ready)

    async def stored(self) -> Task:
        async with self.store.read() as r:
            task = await r.task(self.task.id)
        assert task is not None
        return task

    async def splits(self) -> list[Split]:
        async with self.store.read() as r:
            return list(await r.splits(self.task.id, limit=10_000))

    async def over(self) -> bool:
        return not (await self.stored()).at_work

    async def until(
        self, what: Callable[[], Awaitable[bool]], *, step_ms: int = STEP_MS, script: Any = None
    ) -> None:
        """Time passes and the loop looks, with a new worker for each that died, until it is so."""
        for _ in range(20_000):
            if await what():
                return
            if self.workers and all(w.exit for w in self.workers.values()):
                self.number += 1
                await self.worker(f"n{self.number}", script or next(iter(self.workers.values())).script)
            self.run()
            self.clock.advance(self.clock.now + step_ms)
            await asyncio.sleep(0.0005)
        raise AssertionError(f"it did not come to that: {await self.stored()}, {await self.splits()}")

    async def read(self, name: str) -> bytes:
        return b"".join([piece async for piece in self.objects.read(ObjectPath("out", f"to/{name}"))])

    async def names(self) -> list[str]:
        return [info.key async for info in self.objects.list(ObjectPath("out", "to"))]

    async def results(self, file: str = "rows.csv") -> list[Any]:
        content = await self.read(f"infer-result/{file}_result.txt")
        return [json.loads(line) for line in content.splitlines()]

    async def check(self, failed_rows: dict[int, str] | None = None) -> None:
        """Every row has one outcome, in its place, nothing else is there."""
        expected: list[Any] = [{"v": n} for n in range(self.rows)]
        for row, cause in (failed_rows or {}).items():
            expected[row] = {"result": "FAILED", "error_message": cause}
        assert await self.results() == expected
        task = await self.stored()
        assert task.state is TaskState.FINISHED, task
        counts = task.counts
        assert (counts.rows, counts.rows_done, counts.rows_failed) == (
            self.rows,
            self.rows - len(failed_rows or {}),
            len(failed_rows or {}),
        )
        names = await self.names()
        assert not [name for name in names if ".parts/" in name], names
        assert all(split.state is SplitState.PUBLISHED and not split.part for split in await self.splits())

    async def plan(self, files: dict[str, bytes], split_rows: int, *, planned: bool = True) -> None:
        """Write the input, and cut it: rows of a line each, or files of the format FILE."""
        sources, splits = [], []
        for number, (name, content) in enumerate(files.items()):
            info = await self.objects.write(ObjectPath("in", name), content)
            source = Source(
                number, f"obs://in/{name}", "in", name, len(content), info.version, f"{name}_result.txt"
            )
            sources.append(source)
            if self.job.format is Format.FILE:
                continue
            lines = content.splitlines(keepends=True)
            at = 0
            for first in range(0, len(lines), split_rows):
                some = lines[first : first + split_rows]
                end = at + sum(map(len, some))
                splits.append(Split(number, at, end, first, len(some)))
                at = end
        if self.job.format is Format.FILE:
            firsts = range(0, len(sources), split_rows)
            splits += [Split(first, 0, 0, 0, min(split_rows, len(sources) - first)) for first in firsts]
        async with self.store.write() as w:
            await w.plan(self.task.id, sources, splits, "end", planned=planned)


def parts_are_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the smallest ones."""
    monkeypatch.setattr(parts, "IN_LEDGER_BYTES", 0)


def numbers(count: int, first: int = 0) -> bytes:
    return b"".join(b"%d\n" % n for n in range(first, first + count))


@asynccontextmanager
async def run_world(
    directory: Path,
    *,
    rows: int = 20,
    split_rows: int = 5,
    job: Job = JOB,
    objects: Any = None,
    room: Room | None = None,
    **fields: Any,
) -> AsyncIterator[RunWorld]:
    """One file `rows.csv` of the rows 0, 1, 2 … unless `rows` is 0."""
    store = SqlStore.memory()
    await store.open()
    task = replace(Task("t1", "svc", 1, 1, "r1", 1), **fields)
    async with store.write() as w:
        await w.save_project(Project("p1", "default", "d1", "Default"))
        await w.save_service(service())
        await w.add_task(task)
    objects = objects or LocalObjects(directory / "objects")
    world = RunWorld(directory, store, VirtualClock(), objects, job, task, rows, room)
    if rows:
        await world.plan({"rows.csv": numbers(rows)}, split_rows)
    try:
        yield world
    finally:
        await world.runner.close()
        for worker in world.workers.values():
            await worker.die()
        with suppress(Exception):
            await store.close()
