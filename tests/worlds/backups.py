"""A data directory with something of everything that a backup must hold, made without a server."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.contract import store_samples as samples

from modelyard import database
from modelyard.artifacts.snapshots import Snapshots
from modelyard.backup import checking, restoring, taking
from modelyard.backup.filling import Options, Taken
from modelyard.domain.audit import AuditQuery, AuditRow
from modelyard.domain.batch import Publication, Source, Split, Task, TaskState
from modelyard.domain.endpoints import Endpoint
from modelyard.domain.model import ModelStatus
from modelyard.iam.tokens import TokenKey
from modelyard.objects import tree
from modelyard.processes.datadir import DataDir
from modelyard.settings import Settings
from modelyard.store.sql import SqlStore

SECRET = "canary-of-a-secret-key"
PASSWORD = "canary-of-the-password"
PART = "out/infer-result-t1.parts/0-0-1"


def made(root: Path, database_url: str = "") -> Settings:
    """The settings of one, in `root`/data."""
    settings = Settings(root / "data", database_url=database_url)
    data = settings.data_dir
    DataDir(data).create()
    TokenKey.load(data / "keys")
    credentials = {"user_name": "admin", "password": PASSWORD, "auth_url": "http://127.0.0.1:1/v3", "api_url": "x"}
    (data / "credentials.json").write_text(json.dumps(credentials))
    (data / "control.json").write_text(json.dumps({"pid": 1, "port": 1, "gateway_port": 2}))
    (data / "objects/lab/in").mkdir(parents=True)
    (data / "objects/lab/in/rows.csv").write_text("1\n2\n")
    (data / "objects/lab/in/rows.csv.bak").write_text("a name between the others")
    (data / "objects/lab" / PART).parent.mkdir(parents=True)
    (data / "objects/lab" / PART).write_text("lines of a part")
    (data / "objects/.modelyard").mkdir()
    (data / "logs/s1").mkdir(parents=True)
    (data / "environments/x/site").mkdir(parents=True)
    (data / "instances/i1").mkdir(parents=True)
    (data / "instances/i1/spec.json").write_text("{}")
    asyncio.run(_fill(settings, snapshot(data, "weights")))
    return settings


def snapshot(data: Path, content: str) -> str:
    """The digest of a package that is published."""
    snapshots = Snapshots(data / "packages")
    partial = data / "packages" / ".partial-x"
    (partial / "model/sub").mkdir(parents=True)
    (partial / "model/empty").mkdir()
    (partial / "model/config.json").write_text("{}")
    (partial / "model/sub/weights.bin").write_text(content)
    (partial / "model/sub-of").write_text("sorts before the directory")
    (data / "packages").chmod(0o700)
    return snapshots.put(partial)[0]


async def _fill(settings: Settings, digest: str) -> None:
    store = database.store_of(settings)
    await store.open()
    database.remember(settings, store)
    rows = tree.version((settings.data_dir / "objects/lab/in/rows.csv").stat())
    job = replace(samples.JOB, source="obs://lab/in/", destination="obs://lab/out", manifest=False)
    first = samples.REVISION.variants[0]
    variant = replace(first, template=replace(first.template, digest=digest), job=job)
    async with store.write() as w:
        await w.save_project(samples.PROJECT)
        await w.save_user(samples.USER)
        await w.save_access_key("AK", "u1", "p1", SECRET)
        await w.save_endpoint("far", Endpoint("https://s3.example", "key", SECRET))
        await w.save_model(samples.model("m1", digest=digest, status=ModelStatus.PUBLISHED))
        await w.add_service(replace(samples.SERVICE, attributes={}))
        await w.add_revision(replace(samples.REVISION, variants=(variant,)))
        await w.add_events([samples.EVENT])
        await w.add_task(Task("t1", "s1", 1, 7, "r1", 1, TaskState.ACTIVE))
        source = Source(0, "obs://lab/in/rows.csv", "lab", "in/rows.csv", 4, rows, "rows.csv_result.txt")
        await w.plan("t1", [source], [Split(0, 0, 4, 0, 2)], "", planned=True)
        leased = await w.lease("t1", "worker", 1)
        assert leased
        part = PART.removeprefix("out/")
        assert await w.publish("t1", Publication(0, 0, leased.attempt, 2, 0, part, 15, 15))
        await w.save_log_exports("otlp", {"s1": 5000})
    await store.close()


def backed_up(settings: Settings, target: Path, options: Options = Options()) -> Taken:  # noqa: B008
    return taking.take(settings, target, options)


def checked(path: Path, secret: bytes | None = None) -> checking.Checked:
    with checking.opened(path, secret) as one:
        return checking.check(one, one.whole(_say), _say)


def restored(path: Path, settings: Settings, secret: bytes | None = None) -> None:
    with checking.opened(path, secret) as one:
        restoring.restore(settings, one, _say)


def acts(settings: Settings) -> list[str]:
    """What was recorded in the audit of what was done on the data directory itself, the last first."""
    return [row.action for row in recorded(settings)]


def recorded(settings: Settings) -> Sequence[AuditRow]:
    async def read() -> Sequence[AuditRow]:
        store: SqlStore = database.store_of(settings)
        await store.open()
        try:
            async with store.read() as r:
                return (await r.audit(AuditQuery()))[1]
        finally:
            await store.close()

    return asyncio.run(read())


def _say(_text: str) -> None: ...


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    connection = sqlite3.connect(path)
    try:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {n: sorted(connection.execute(f"SELECT * FROM {n}"), key=repr) for n in names}
    finally:
        connection.close()
