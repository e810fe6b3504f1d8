"""What a job costs as its input grows: time, CPU and memory of control plane and worker, and the ledger's share.

The ledger's share is measured apart, so that it says the same whatever else goes on: as many splits as the job had
are planned, leased and published in a database file of their own, through the store; that time is divided by the
job's.
"""

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.batch import ours
from benchmarks.batch.models import KINDS, rows
from benchmarks.batch.watch import Cost
from rich.console import Console

from modelyard.domain.batch import Publication, Source, Split, Task
from modelyard.domain.service import Desired, InferType, Service, ServiceStatus
from modelyard.store.sql import SqlStore

CORES = (0, 1)
PLANNED_AT_ONCE = 256


def measured(most: int, files: int, cache: Path, console: Console) -> dict[str, Any]:
    """A job of one worker for each size, all in one server, the smallest first and once before for nothing."""
    kind, data = KINDS["iris"], cache / "batch" / "rows"
    inputs = [(f"{n:,} rows", rows(kind, n, data)) for n in (10**4, 10**5, 10**6, 10**7) if n <= most]
    if files:
        inputs.append((f"{files:,} files of one row", small_files(files, data)))
    found = []
    with ours.yard(CORES) as yard:
        yard.run(kind, inputs[0][1], 1, cache)
        for what, source in inputs:
            job = yard.run(kind, source, 1, cache)
            control, worker = (job.costs.get(role, Cost()) for role in ("control plane", "worker"))
            found.append(
                {
                    "what": what,
                    "splits": job.splits,
                    "rows": job.timed.rows,
                    "seconds": job.timed.seconds,
                    "per_second": job.timed.per_second,
                    "start_s": job.timed.start_s,
                    "control_cpu_s": control.cpu_s,
                    "worker_cpu_s": worker.cpu_s,
                    "control_mib": control.peak_mib,
                    "worker_mib": worker.peak_mib,
                    "ledger_share": asyncio.run(ledger_s(job.splits)) / job.timed.seconds,
                }
            )
            console.print(str(found[-1]), style="dim")
    return {"scale": found}


def small_files(count: int, home: Path) -> Path:
    folder = home / f"files-{count}"
    if not (folder.with_suffix(".complete")).exists():
        folder.mkdir(parents=True, exist_ok=True)
        for n in range(count):
            (folder / f"{n:06}.csv").write_text(f"5.1,3.5,1.4,0.{n % 10}\n")
        folder.with_suffix(".complete").touch()
    return folder


async def ledger_s(splits: int) -> float:
    """How long the ledger alone takes for a job of so many splits, each of a source of its own."""
    with TemporaryDirectory(prefix="mb-", dir="/tmp") as scratch:
        store = SqlStore(Path(scratch) / "ledger.db")
        await store.open()
        try:
            async with store.write() as w:
                await w.add_service(
                    Service(
                        id="s",
                        project_id="p",
                        name="s",
                        infer_type=InferType.BATCH,
                        owner="u",
                        created_ms=0,
                        desired=Desired.RUNNING,
                        revision=1,
                        status=ServiceStatus.RUNNING,
                    )
                )
                await w.add_task(Task("t", "s", 1, 1, "r", 0))
            began = time.perf_counter()
            for first in range(0, splits, PLANNED_AT_ONCE):
                numbers = range(first, min(splits, first + PLANNED_AT_ONCE))
                async with store.write() as w:
                    await w.plan(
                        "t",
                        [Source(n, f"obs://b/{n}", "b", str(n), 100, "v", f"{n}_result.txt") for n in numbers],
                        [Split(n, 0, 100, 0, 10) for n in numbers],
                        str(numbers.stop),
                        planned=numbers.stop == splits,
                    )
            for _ in range(splits):
                async with store.write() as w:
                    split = await w.lease("t", "w", 0)
                assert split is not None
                published = Publication(split.source, split.start, split.attempt, split.rows, 0, "part", 100, 100)
                async with store.write() as w:
                    assert await w.publish("t", published)
            return time.perf_counter() - began
        finally:
            await store.close()
