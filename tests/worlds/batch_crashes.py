"""A batch task through crashes, all of them decided by a seed: it must come to the same end as without any.

A control plane acts through three things alone: the store, the objects, and its connections to workers. Every call
of one of them, every piece of a content and every commit is a step. `Life` counts them; where it ends, that call
never returns, and whatever the control plane was about to do besides has no effect any more, as after kill -9.
Then another one takes its place, over the same store and objects. Meanwhile workers die at any of their frames or
just so, outages of the store, of the objects and of the disk come and go, and the task is halted and run again.

`Tamper` spoils one thing, to prove that `check` sees it.
"""

import asyncio
import errno
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

from tests.worlds.batch_run import Script, ScriptedWorker, numbers
from tests.worlds.plane import VirtualClock
from tests.worlds.services import service

from modelyard.batch import parts
from modelyard.batch.link import Connection, on_this_machine
from modelyard.batch.run import TaskRunner
from modelyard.batch.runner import BatchWorker
from modelyard.core.batch import names
from modelyard.domain.batch import Format, Job, Publication, SplitState, Task, TaskState
from modelyard.domain.identity import Project
from modelyard.objects.base import Content, ObjectInfo, ObjectStoreUnavailableError, Place
from modelyard.objects.local import LocalObjects
from modelyard.objects.paths import ObjectPath
from modelyard.store.base import StoreUnavailableError
from modelyard.store.sql import SqlStore

TASK = "t1"
TICK_MS = 250
MOST_TICKS = 6_000
PARTS_IN_LEDGER = (2048, 0, 16)
"""By the seed: up to how many bytes; so all are there, none, or some."""
SOURCE, DESTINATION = ObjectPath("in", ""), ObjectPath("out", "to")


class Tamper(StrEnum):
    """What goes wrong on purpose."""

    NOTHING = ""
    LOST_LINE = "a result file lacks a row"
    DOUBLED_LINE = "a result file has a row twice"
    DOUBLED_PART = "one part is published for two splits, so that rows are lost and others doubled"
    ORPHAN = "a part is left where results were assembled"


class Life:
    """How many steps a control plane has left (None: it does not die)."""

    def __init__(self, steps: int | None = None) -> None:
        self.over = asyncio.Event()
        self.buried = False
        self._left = steps

    async def step(self) -> None:
        if self._left is not None and not self.over.is_set():
            self._left -= 1
            if self._left <= 0:
                self.over.set()
        if self.buried:
            raise asyncio.CancelledError
        if self.over.is_set():
            await asyncio.Event().wait()  # until its task is cancelled


class Weather:
    """Outages of the store and of the objects: each lasts some calls."""

    def __init__(self, random: Random, outages: int) -> None:
        self._random = random
        self._left = outages
        self._store = self._objects = self._disk = 0

    def store(self) -> None:
        if self._hit("_store"):
            raise StoreUnavailableError("the database is away")

    def objects(self) -> None:
        if self._hit("_objects"):
            raise ObjectStoreUnavailableError("the object store is away")

    def disk(self) -> None:
        if self._hit("_disk"):
            raise OSError(errno.ENOSPC, "No space left on device")

    def _hit(self, what: str) -> bool:
        if getattr(self, what) == 0 and self._left and self._random.random() < 0.04:
            self._left -= 1
            setattr(self, what, self._random.randint(1, 6))
        lasting = getattr(self, what)
        setattr(self, what, max(0, lasting - 1))
        return bool(lasting)


class MortalStore:
    """The store, as long as the control plane lives."""

    def __init__(self, store: SqlStore, life: Life, weather: Weather, tamper: Tamper) -> None:
        self._store = store
        self._life = life
        self._weather = weather
        self._tamper = tamper
        self._parts: dict[tuple[int, int, int], tuple[str, bytes]] = {}

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Any]:
        await self._life.step()
        self._weather.store()
        async with self._store.read() as r:
            yield r

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Any]:
        await self._life.step()
        self._weather.store()
        async with self._store.write() as w:
            yield _Tampered(w, self._parts) if self._tamper is Tamper.DOUBLED_PART else w
            await self._life.step()  # what was written is not committed
        await self._life.step()  # it is, and nobody was told


class _Tampered:
    """A transaction that publishes the part of the first split for every other one of the same size."""

    def __init__(self, inner: Any, parts: dict[tuple[int, int, int], tuple[str, bytes]]) -> None:
        self._inner = inner
        self._parts = parts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def publish_all(self, task_id: str, publications: Sequence[Publication]) -> Any:
        spoiled = []
        for each in publications:
            key = (each.rows, each.part_bytes, each.part_size)
            part, content = self._parts.setdefault(key, (each.part, each.content))
            spoiled.append(replace(each, part=part, content=content))
        return await self._inner.publish_all(task_id, spoiled)


class MortalObjects:
    """The objects, as long as the control plane lives."""

    def __init__(self, objects: LocalObjects, life: Life, weather: Weather, tamper: Tamper) -> None:
        self._objects = objects
        self._life = life
        self._weather = weather
        self._tamper = tamper

    async def locate(self, text: str) -> Place:
        from modelyard.objects.paths import located

        return located(text, [])

    async def list(self, path: ObjectPath, *, after: str = "") -> AsyncGenerator[ObjectInfo, None]:
        await self._acted()
        async for info in self._objects.list(path, after=after):
            yield info
            await self._life.step()

    async def head(self, path: ObjectPath) -> ObjectInfo:
        await self._acted()
        return await self._objects.head(path)

    async def read(
        self, path: ObjectPath, *, offset: int = 0, length: int | None = None, version: str = ""
    ) -> AsyncGenerator[bytes, None]:
        await self._acted()
        async for piece in self._objects.read(path, offset=offset, length=length, version=version):
            yield piece
            await self._acted()

    async def write(self, path: ObjectPath, content: Content, *, create: bool = False) -> ObjectInfo:
        await self._acted()
        self._weather.disk()
        written = await self._objects.write(path, self._pieces(path, content), create=create)
        await self._life.step()
        return written

    async def delete(self, path: ObjectPath) -> None:
        await self._acted()
        if self._tamper is Tamper.ORPHAN and ".parts/" in path.key:
            return
        await self._objects.delete(path)
        await self._life.step()

    async def sign(self, path: ObjectPath, method: Any, expires_s: int) -> str | None:
        return await self._objects.sign(path, method, expires_s)

    async def _acted(self) -> None:
        await self._life.step()
        self._weather.objects()

    async def _pieces(self, path: ObjectPath, content: Content) -> AsyncGenerator[bytes, None]:
        pieces = _once(content) if isinstance(content, bytes) else content
        whole = b""
        async for piece in pieces:
            await self._life.step()
            whole += piece
        yield self._spoiled(path, whole)
        await self._life.step()

    def _spoiled(self, path: ObjectPath, whole: bytes) -> bytes:
        lines = whole.splitlines(keepends=True)
        if not path.key.endswith("_result.txt") or len(lines) < 2:
            return whole
        if self._tamper is Tamper.LOST_LINE:
            return b"".join(lines[:-2] + lines[-1:])
        if self._tamper is Tamper.DOUBLED_LINE:
            return b"".join([*lines, lines[-1]])
        return whole


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


@dataclass
class Plan:
    """What a seed says: the input, what its rows do, and how often the control plane dies after how many steps."""

    format: Format
    files: dict[str, list[int]]
    fails_at: frozenset[int]
    poison: dict[int, int]
    lives: list[int | None]
    workers: int
    outages: int
    retried: bool

    @property
    def rows(self) -> list[int]:
        return [row for rows in self.files.values() for row in rows]


def plan(random: Random) -> Plan:
    form = random.choice((Format.CSV, Format.CSV, Format.JSONL, Format.FILE))
    suffix = {Format.CSV: "csv", Format.JSONL: "jsonl", Format.FILE: "txt"}[form]
    files: dict[str, list[int]] = {}
    first = 0
    for number in range(random.randint(1, 14) if form is Format.FILE else random.randint(1, 3)):
        count = 1 if form is Format.FILE else random.randint(0 if number else 1, 30)
        files[f"{random.choice(('', 'sub/'))}{number}.{suffix}"] = list(range(first, first + count))
        first += count
    files = dict(sorted(files.items()))
    rows = [row for some in files.values() for row in some]
    return Plan(
        format=form,
        files=files,
        fails_at=frozenset(row for row in rows if random.random() < random.choice((0.0, 0.1))),
        poison={row: 99 for row in rows if random.random() < 0.02},
        lives=[random.randint(1, random.choice((8, 60, 250))) for _ in range(random.randint(0, 4))] + [None],
        workers=random.randint(1, 3),
        outages=random.choice((0, 0, 3, 8)),
        retried=random.random() < 0.3,
    )


@dataclass
class CrashWorld:
    directory: Path
    random: Random
    plan: Plan
    store: SqlStore
    objects: LocalObjects
    tamper: Tamper = Tamper.NOTHING
    clock: VirtualClock = field(default_factory=VirtualClock)
    workers: dict[str, ScriptedWorker] = field(default_factory=dict)
    connections: list[Connection] = field(default_factory=list)
    dead: int = 0

    @property
    def job(self) -> Job:
        return Job("obs://in/", "obs://out/to", "/", self.plan.format, row_timeout_s=5)

    async def begin(self) -> None:
        for name, rows in self.plan.files.items():
            content = b"%d" % rows[0] if self.plan.format is Format.FILE else b"".join(map(numbers_of, rows))
            await self.objects.write(ObjectPath("in", name), content)
        async with self.store.write() as w:
            await w.save_project(Project("p1", "default", "d1", "Default"))
            for bucket in ("in", "out"):
                await w.claim_bucket(bucket, "p1")
            await w.save_service(service())
            await w.add_task(Task(TASK, "svc", 1, 1, "r1", 1))

    async def to_the_end(self) -> None:
        """Through all lives, and through them again once the rows that failed are tried again."""
        await self._through(self.plan.lives)
        task = await self.task()
        if self.plan.retried and task.state is TaskState.FINISHED and task.counts.rows_failed:
            self.plan = replace(self.plan, fails_at=frozenset(), poison={})
            async with self.store.write() as w:
                await w.reopen_failed(TASK)
                task = await w.task(TASK)
                assert task is not None
                await w.save_task(replace(task, state=TaskState.ACTIVE, finished_ms=None))
            for worker in self.workers.values():
                await worker.die("exited with status 0")
            await self._through(
                [steps for steps in self.plan.lives if steps is None or self.random.random() < 0.5]
            )

    async def _through(self, lives: list[int | None]) -> None:
        for steps in lives:
            await self._live(Life(steps))
            if not (await self.task()).at_work:
                return
        raise AssertionError(f"it does not come to an end: {await self.task()}")

    async def _live(self, life: Life) -> None:
        """One control plane, to its death or the end of the task."""
        before = asyncio.all_tasks()
        weather = Weather(self.random, self.plan.outages)
        runner = TaskRunner(
            MortalStore(self.store, life, weather, self.tamper),
            MortalObjects(self.objects, life, weather, self.tamper),
            self.clock,
            lambda _service: None,
            exit_of=self._exit_of,
            kill=self._kill,
            data_dir=self.directory,
            home_project="default",
            connect=self._connect,
        )
        working = asyncio.create_task(self._work(runner))
        dying = asyncio.create_task(life.over.wait())
        await asyncio.wait((working, dying), return_when=asyncio.FIRST_COMPLETED)
        if not life.over.is_set():
            dying.cancel()
            working.result()
        if life.over.is_set():
            life.buried = True
            await self._bury(before)
        await runner.close()  # of a dead one, the files that it had open

    async def _work(self, runner: TaskRunner) -> None:
        for _ in range(MOST_TICKS):
            if not (await self.task()).at_work:
                return
            await self._tick(runner)
        raise AssertionError(f"nothing more happens: {await self.task()}")

    async def _tick(self, runner: TaskRunner) -> None:
        await self._staff()
        if self.random.random() < 0.02:
            await self._mishap()
        if self.random.random() < 0.01:
            await self._halted(runner)
        ready = [BatchWorker(w.name, f"unix:{w.name}.sock") for w in self.workers.values() if not w.exit]
        runner.run(await self.task(), self.job, "p1", ready)
        await asyncio.sleep(0.0005)
        self.clock.advance(self.clock.now + TICK_MS if self.random.random() < 0.3 else self.clock.now + 1)

    async def _staff(self) -> None:
        """As many workers as there are to be; new ones in place of those that died."""
        alive = [worker for worker in self.workers.values() if not worker.exit]
        for _ in range(self.plan.workers - len(alive)):
            name = f"w{len(self.workers)}"
            doomed = self.dead < 6 and self.random.random() < 0.4
            script = Script(
                every=self.random.randint(1, 6),
                dies_at=self.plan.poison,
                fails_at=self.plan.fails_at,
                after=self.random.randint(0, 25) if doomed else None,
                torn=self.random.random() < 0.5,
                piece=self.random.choice((3, 1 << 20)),
            )
            self.workers[name] = worker = ScriptedWorker(name, script, self.directory / f"{name}.sock")
            await worker.start()

    async def _mishap(self) -> None:
        """Somebody kills a worker."""
        if self.dead >= 6:
            return
        alive = [worker for worker in self.workers.values() if not worker.exit]
        self.dead += 1
        await self.random.choice(alive).die("killed by signal 9")

    async def _halted(self, runner: TaskRunner) -> None:
        """The user stops the service, and starts it again."""
        halting = asyncio.create_task(runner.halt(TASK))
        while not halting.done():
            self.clock.advance(self.clock.now + TICK_MS)
            await asyncio.wait((halting,), timeout=0.001)
        with suppress(StoreUnavailableError):
            halting.result()

    async def _bury(self, before: set["asyncio.Task[Any]"]) -> None:
        """Nothing of a dead control plane is left: its tasks and its connections."""
        for reader_writer in self.connections:
            reader_writer[1].transport.abort()
        self.connections.clear()
        for _ in range(20):
            talking = {task for worker in self.workers.values() for task in worker._talking}
            left = asyncio.all_tasks() - before - talking - {asyncio.current_task()}
            if not left:
                return
            for task in left:
                if not _of_the_database(task):
                    task.cancel()
            await asyncio.wait(left, timeout=1)
        raise AssertionError(f"these do not end: {left}")

    async def _connect(self, address: str) -> Connection:
        made = await on_this_machine(self.directory)(address)
        self.connections.append(made)
        return made

    async def _exit_of(self, name: str) -> str:
        return self.workers[name].exit

    async def _kill(self, name: str) -> None:
        await self.workers[name].die("killed by signal 9")

    async def task(self) -> Task:
        async with self.store.read() as r:
            task = await r.task(TASK)
        assert task is not None
        return task

    # ── what must be so at the end ────────────────────────────────────────────────────────────────────────────

    async def check(self) -> None:
        """Each row of the input has one outcome, in its place and of its own value; files, manifest, counts and
        the list of failed rows say the same; nothing else is left."""
        task = await self.task()
        assert task.state is TaskState.FINISHED, task
        outcomes = await (self._file_outcomes() if self.plan.format is Format.FILE else self._row_outcomes())
        assert sorted(outcomes) == sorted(self.plan.rows)
        failed = {row for row, outcome in outcomes.items() if outcome is not None}
        counts = task.counts
        assert (counts.rows, counts.rows_done, counts.rows_failed, counts.sources_failed) == (
            len(outcomes),
            len(outcomes) - len(failed),
            len(failed),
            0,
        ), counts
        for row in self.plan.fails_at | self.plan.poison.keys():
            assert outcomes[row], (row, outcomes[row])
        for row in failed - self.plan.fails_at:
            assert "the worker" in str(outcomes[row]), (row, outcomes[row])
        await self._check_what_is_left(failed)

    async def _row_outcomes(self) -> dict[int, str | None]:
        """Of each row: None, or why it failed."""
        outcomes: dict[int, str | None] = {}
        for name, rows in self.plan.files.items():
            lines = await self._lines(f"{names.RESULTS}/{names.result_name(name, self.job.output)}")
            assert len(lines) == len(rows), (name, rows, lines)
            for row, line in zip(rows, lines, strict=True):
                outcomes[row] = self._outcome(row, line)
        return outcomes

    async def _file_outcomes(self) -> dict[int, str | None]:
        outcomes: dict[int, str | None] = {}
        manifest = await self._lines(names.manifest_name(TASK))
        assert len(manifest) == len(self.plan.files)
        for (name, (row,)), line in zip(self.plan.files.items(), manifest, strict=True):
            assert line["source"] == f"obs://in/{name}"
            if line["result"] == "FAILED":
                outcomes[row] = line["error_message"]
                continue
            (answer,) = await self._lines(f"{names.RESULTS}/{names.result_name(name, self.job.output)}")
            outcomes[row] = self._outcome(row, answer)
            assert outcomes[row] is None
        return outcomes

    def _outcome(self, row: int, line: dict[str, Any]) -> str | None:
        if line.get("result") == "FAILED":
            return str(line["error_message"])
        assert line == {"v": row}, f"row {row} has the answer {line}"
        return None

    async def _check_what_is_left(self, failed: set[int]) -> None:
        expected = {names.manifest_name(TASK)}
        for name, rows in self.plan.files.items():
            if self.plan.format is not Format.FILE or not failed.issuperset(rows):
                expected.add(f"{names.RESULTS}/{names.result_name(name, self.job.output)}")
        if failed:
            expected.add(names.failed_name(TASK))
            assert len(await self._lines(names.failed_name(TASK))) == len(failed)
        assert {info.key async for info in self.objects.list(DESTINATION)} == expected
        async with self.store.read() as r:
            splits = await r.splits(TASK, limit=10_000)
        assert all(split.state is SplitState.PUBLISHED and not split.part for split in splits), splits
        if self.plan.format is not Format.FILE:
            manifest = await self._lines(names.manifest_name(TASK))
            assert [line["source"] for line in manifest] == [f"obs://in/{name}" for name in self.plan.files]
            for line, rows in zip(manifest, self.plan.files.values(), strict=True):
                assert line.get("failed_rows", 0) == len(failed.intersection(rows)), line

    async def _lines(self, name: str) -> list[Any]:
        content = b"".join([piece async for piece in self.objects.read(DESTINATION / name)])
        assert not content or content.endswith(b"\n")
        return [json.loads(line) for line in content.splitlines()]


def _of_the_database(task: "asyncio.Task[Any]") -> bool:
    """Whether it rolls back, or gives a connection back: what SQLite does by itself for a process that died."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and ("sqlalchemy" in code.co_filename or "/store/sql/" in code.co_filename)


def numbers_of(row: int) -> bytes:
    return numbers(1, row)


@asynccontextmanager
async def crash_world(
    directory: Path, seed: int, tamper: Tamper = Tamper.NOTHING, change: Callable[[Plan], Plan] = lambda made: made
) -> AsyncIterator[CrashWorld]:
    store = SqlStore.memory()
    await store.open()
    random = Random(seed)
    limit, parts.IN_LEDGER_BYTES = parts.IN_LEDGER_BYTES, PARTS_IN_LEDGER[seed % 3]
    world = CrashWorld(directory, random, change(plan(random)), store, LocalObjects(directory / "objects"), tamper)
    await world.begin()
    try:
        yield world
    finally:
        parts.IN_LEDGER_BYTES = limit
        for worker in world.workers.values():
            await worker.die("exited with status 0")
        await store.close()
