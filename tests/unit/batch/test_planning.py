"""A task's input becomes sources and splits: every file once, every row in one split, wherever it is cut off."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise

import pytest
from tests.worlds.planning import JOB, CutOffStore, LocatedObjects, Plan, PlanningWorld, planning_world

from modelyard.batch import planning
from modelyard.batch.planning import InputError, plan
from modelyard.core.batch.splitting import Sizes
from modelyard.domain.batch import Dialect, Format, Job, Output, Split
from modelyard.domain.identity import Project
from modelyard.objects.base import ObjectStoreUnavailableError
from modelyard.objects.paths import MalformedPathError, ObjectPath
from modelyard.store.base import StoreUnavailableError

SMALL = Sizes(rows=5, bytes=60, first_rows=2)
FILE = replace(JOB, format=Format.FILE)
MANIFEST = replace(JOB, manifest=True, source="obs://b/list.manifest")


@pytest.fixture
async def world() -> AsyncIterator[PlanningWorld]:
    async with planning_world() as made:
        yield made


class Signed(LocatedObjects):
    """Answers a presigned URL, of any object."""

    def __init__(self, objects: LocatedObjects) -> None:
        super().__init__()
        self._objects = objects._objects

    async def head(self, path):  # type: ignore[no-untyped-def]
        return await super().head(getattr(path, "path", path))

    async def read(self, path, **how):  # type: ignore[no-untyped-def]
        async for piece in super().read(getattr(path, "path", path), **how):
            yield piece


def manifest(*sources: str) -> str:
    return "".join(json.dumps({"source": source}) + "\n" for source in sources)


def whole(found: Plan) -> None:
    """Every row of every readable source is in exactly one split."""
    for source in found.sources:
        mine = [split for split in found.splits if split.source == source.number]
        if source.error:
            assert mine == []
        at = 0
        for before, after in pairwise(mine):
            assert before.end == after.start
        for split in mine:
            assert (split.first_row, split.rows > 0) == (at, True)
            at += split.rows
    assert found.task.planned
    assert found.task.counts.sources == len(found.sources)
    assert found.task.counts.rows == sum(split.rows for split in found.splits)


# ── folders ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_folder_in_the_order_of_its_keys(world: PlanningWorld) -> None:
    await world.put(
        {
            "in/b.csv": "1\n2\n",
            "in/B.CSV": "1,2\n" * 3,
            "in/a/deep/c.csv": "x",
            "in/empty.csv": "",
            "in/notes.txt": "no\n",
            "in/folder.csv/": "",
            "inside.csv": "elsewhere\n",
        }
    )
    found = await world.plan()
    whole(found)
    assert found.names == ["in/B.CSV", "in/a/deep/c.csv", "in/b.csv", "in/empty.csv"]
    assert found.results == [
        "B.CSV_result.txt",
        "a/deep/c.csv_result.txt",
        "b.csv_result.txt",
        "empty.csv_result.txt",
    ]
    assert found.rows == [3, 1, 2, 0]
    assert found.sources[0].location == "obs://b/in/B.CSV"
    assert found.sources[0].size == 12
    assert found.sources[0].version.startswith("2-")
    assert found.task.counts.bytes == 12 + 1 + 4


@pytest.mark.parametrize(
    ("form", "names"),
    [
        (Format.JSONL, ["in/a.jsonl", "in/b.ndjson"]),
        (Format.CSV, ["in/d.csv"]),
        (Format.FILE, ["in/a.jsonl", "in/b.ndjson", "in/c", "in/d.csv"]),
    ],
)
async def test_each_format_has_its_files(world: PlanningWorld, form: Format, names: list[str]) -> None:
    await world.put(dict.fromkeys(["in/a.jsonl", "in/b.ndjson", "in/c", "in/d.csv"], "1\n\n2"))
    found = await world.plan(format=form)
    assert found.names == names
    assert found.task.counts.rows == (4 if form is Format.FILE else 3 * len(names))


@pytest.mark.parametrize(
    ("source", "destination", "names"),
    [
        ("obs://b/in", "obs://b/in", ["infer-results.csv", "sub/infer-result/a.csv"]),
        (
            "obs://b/in",
            "obs://b/in/sub",
            ["infer-result/a.csv", "infer-result-t.parts/p.csv", "infer-results.csv"],
        ),
        ("obs://b/in", "obs://c/in", None),
        ("obs://b/in", "obs://b/other", None),
        ("obs://b/", "obs://b/in/", ["infer-results.csv", "sub/infer-result/a.csv"]),
    ],
)
async def test_results_are_nobody_s_input(
    world: PlanningWorld, source: str, destination: str, names: list[str] | None
) -> None:
    every = ["infer-result/a.csv", "infer-result-t.parts/p.csv", "infer-results.csv", "sub/infer-result/a.csv"]
    await world.put({f"in/{name}": "1\n" for name in every})
    found = await world.plan(source=source, destination=destination)
    expected = sorted(every if names is None else names)
    assert [name.removeprefix("in/") for name in found.names] == expected


async def test_a_single_object_whatever_it_is_called(world: PlanningWorld) -> None:
    await world.put({"in/data.txt": "1\n2", "in/data.txt/other.csv": "3\n"})
    found = await world.plan(source="/b/in/data.txt", output=Output.PARQUET)
    whole(found)
    assert (found.names, found.results, found.rows) == (["in/data.txt"], ["data.txt_result.parquet"], [2])


async def test_a_header_is_no_row(world: PlanningWorld) -> None:
    await world.put({"in/a.csv": 'a,"b\nc"\n1,2\n3,4\n', "in/b.csv": "a,b\n", "in/c.csv": ""})
    found = await world.plan(csv=Dialect(header=True), sizes=SMALL)
    whole(found)
    assert (found.rows, found.errors) == ([2, 0, 0], ["", "", ""])
    assert found.splits == [Split(0, 8, 12, 0, 1), Split(0, 12, 16, 1, 1)]


async def test_what_is_wrong_with_a_file_is_that_file_s(world: PlanningWorld) -> None:
    await world.put({"in/a.csv": "1\n", "in/b.csv": "2\n"})
    found = await world.plan(csv=Dialect(encoding="utf-7"))
    whole(found)
    assert found.errors == ["text in utf-7 cannot be cut into rows: convert it to UTF-8"] * 2
    assert found.task.counts.sources_failed == 2


async def test_files_are_taken_together(world: PlanningWorld) -> None:
    await world.put({f"in/{n:04}": "x" for n in range(600)})
    found = await world.plan(FILE)
    assert [split.source for split in found.splits][:17] == list(range(17))
    assert all(after.source == before.source + before.rows for before, after in pairwise(found.splits))
    assert sum(split.rows for split in found.splits) == 600
    assert 2 < max(split.rows for split in found.splits) <= 256
    assert all((split.start, split.end) == (0, 0) for split in found.splits)


async def test_large_files_are_taken_alone(world: PlanningWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "FILES", Sizes(rows=10, bytes=100, first_rows=10))
    await world.put({"in/a": "x" * 60, "in/b": "x" * 40, "in/c": "x", "in/d": "x" * 500, "in/e": ""})
    found = await world.plan(FILE)
    assert [(split.source, split.rows) for split in found.splits] == [(0, 2), (2, 1), (3, 1), (4, 1)]


async def test_a_name_that_leaves_no_room_for_its_result(world: PlanningWorld) -> None:
    await world.put({f"in/{'x' * 1015}.csv": "1\n", "in/y.csv": "1\n"})
    found = await world.plan()
    assert found.errors == ["the name of its result would have 1047 bytes; 1024 are allowed", ""]
    assert found.rows == [0, 1]


# ── no input ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("job", "text"),
    [
        (JOB, "there is no .csv file below obs://b/in"),
        (replace(JOB, format=Format.JSONL), "there is no .jsonl or .ndjson file below obs://b/in"),
        (replace(JOB, format=Format.FILE, source="obs://b/none"), "there is no file below obs://b/none"),
        (MANIFEST, "obs://b/list.manifest lists no file"),
        (replace(MANIFEST, source="obs://b/no.manifest"), "obs://b/no.manifest does not exist"),
        (replace(JOB, source="b/in"), "must begin with"),
        (replace(JOB, source="obs://theirs/in"), "bucket 'theirs' is not one of this project"),
        (replace(JOB, source="obs://nobodys/in"), "bucket 'nobodys' is not one of this project"),
    ],
)
async def test_without_input_the_task_cannot_go_on(world: PlanningWorld, job: Job, text: str) -> None:
    await world.put({"in/x.txt": "1", "list.manifest": "\n  \r\n"})
    async with world.store.write() as w:
        await w.save_project(Project("p2", "south", "d1", "Domain"))
        await w.claim_bucket("b", "p1")
        await w.claim_bucket("theirs", "p2")
    with pytest.raises(InputError, match=text):
        await plan(world.store, world.objects, "t1", job, "p1", home_project="south" if "nobodys" in text else "")
    assert (await world.planned()).sources == []


async def test_a_task_that_is_gone_or_planned_is_left_alone(world: PlanningWorld) -> None:
    await plan(world.store, world.objects, "unknown", JOB, "p1")
    await world.put({"in/a.csv": "1\n"})
    before = await world.plan()
    await world.put({"in/b.csv": "1\n"})
    assert await world.plan() == before


# ── manifests ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_manifest_in_every_spelling(world: PlanningWorld) -> None:
    files = {f"d{n}/f{n}.csv": "1\n" * (n + 1) for n in range(5)}
    signed = "https://b.obs.example.com/d3/f3.csv?X-Amz-Signature=c0ffee"
    lines = ["obs://b/d0/f0.csv", "s3://b/d1/f1.csv", "https://b.elsewhere.org/d2/f2.csv?Signature=x", signed]
    await world.put({**files, "list.manifest": "\ufeff" + manifest(*lines, "/b/d4/f4.csv").rstrip("\n")})
    world.objects = Signed(world.objects)  # type: ignore[assignment,arg-type]
    found = await world.plan(MANIFEST)
    whole(found)
    assert [source.location for source in found.sources] == [*lines, "/b/d4/f4.csv"]
    assert found.rows == [1, 2, 3, 4, 5]
    assert [source.bucket for source in found.sources] == ["b", "b", "b", "", "b"]
    assert found.results[3] == "f3.csv_result.txt"
    assert "c0ffee" not in repr(found)


async def test_a_line_that_names_no_file_is_a_source_that_failed(world: PlanningWorld) -> None:
    async with world.store.write() as w:
        await w.claim_bucket("theirs", "p2")
    lines = [
        b'{"source": "obs://b/a.csv"}',
        b"",
        b"  \r",
        b"not JSON",
        b'{"source": 5}',
        b'{"location": "obs://b/a.csv"}',
        b'{"source": "ftp://b/a.csv"}',
        b'{"source": "obs://theirs/a.csv"}',
        b'{"source": "obs://b/missing.csv"}',
        b'{"source": "obs://b/\xff"}',
        b'{"source": "obs://b/\\u0000"}',
        b'{"source": "obs://b/' + b"x" * 70_000 + b'"}',
        b'{"source": "https://b.obs.example.com/x?X-Amz-Expires=c0ffee"}',
        b'{"source": "obs://b/"}',
        b'{"source": "obs://b/a.csv"}',
    ]
    await world.put({"a.csv": "1\n", "list.manifest": b"\n".join(lines)})
    found = await world.plan(MANIFEST)
    whole(found)
    form = 'the line must be JSON like {"source": "obs://bucket/key"}'
    texts = [
        "",
        form,
        form,
        form,
        "must begin with",
        "bucket 'theirs' is not",
        "obs://b/missing.csv does not exist",
    ]
    texts += [
        "is not text in UTF-8",
        "no text that can be stored",
        "longer than 65536 bytes",
        "is no signature",
        "names no object",
        "",
    ]
    for error, text in zip(found.errors, texts, strict=True):
        assert text in error
        assert bool(error) == bool(text)
        assert "c0ffee" not in error
    assert [source.location for source in found.sources][1:3] == ["not JSON", '{"source": 5}']
    assert len(found.sources[9].location) == 1024
    assert found.results[0::12] == ["a.csv_result.txt", "a.csv_1_result.txt"]
    assert set(found.results[1:12]) == {""}
    assert (found.task.counts.sources_failed, found.task.counts.rows) == (11, 2)


async def test_an_error_breaks_a_split_of_files(world: PlanningWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "FILES", Sizes(rows=10, bytes=1000, first_rows=10))
    await world.put({"a": "x", "b": "x", "list.manifest": manifest("/b/a", "/b/b", "/b/none", "/b/a", "/b/b")})
    found = await world.plan(MANIFEST, format=Format.FILE)
    assert [(split.source, split.rows) for split in found.splits] == [(0, 2), (3, 2)]


async def test_results_of_the_same_name(world: PlanningWorld) -> None:
    names = ["x/a.csv", "y/a.csv", "a.csv_1", "z/a.csv", "x/a.csv", "b.csv", "z/a.csv_1"]
    await world.put({**dict.fromkeys(names, "1\n"), "list.manifest": manifest(*(f"/b/{name}" for name in names))})
    found = await world.plan(MANIFEST)
    stems = [result.removesuffix("_result.txt") for result in found.results]
    assert stems == ["a.csv", "a.csv_1", "a.csv_1_1", "a.csv_2", "a.csv_3", "b.csv", "a.csv_1_2"]


async def test_a_manifest_that_changes_is_an_error(world: PlanningWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "CHUNK", 1)
    monkeypatch.setattr(planning, "AT_ONCE", 8)
    await world.put({"a.csv": "1\n", "list.manifest": manifest(*["/b/a.csv"] * 40)})
    with pytest.raises(StoreUnavailableError):
        await plan(CutOffStore(world.store, 3, after=True), world.objects, "t1", MANIFEST, "p1")  # type: ignore[arg-type]
    assert 0 < len((await world.planned()).sources) < 40
    await world.put({"list.manifest": manifest("/b/a.csv")})
    with pytest.raises(InputError, match="the manifest changed while it was read"):
        await world.plan(MANIFEST)


# ── cut off ───────────────────────────────────────────────────────────────────────────────────────────────────


async def prepared(world: PlanningWorld) -> dict[str, Job]:
    """Jobs of every kind, each in many chunks."""
    rows = "".join(f'{n},"a\nb"\n' for n in range(25))
    await world.put({f"in/{n}.csv": "1,2\n" * n for n in range(6)} | {"in/3-long.csv": rows, "in/z.csv": rows})
    lines = [f"/b/in/{n}.csv" for n in (1, 2, 1, 9, 3, 1)]
    await world.put({"list.manifest": manifest(*lines, "nonsense", "/b/in/z.csv", "/b/in/1.csv")})
    return {
        "csv": replace(JOB, csv=Dialect(header=True)),
        "file": FILE,
        "manifest": MANIFEST,
        "files": replace(MANIFEST, format=Format.FILE),
    }


@pytest.fixture
def chunks_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is found is stored at once, and each file is read as if it were huge."""
    monkeypatch.setattr(planning, "CHUNK", 1)
    monkeypatch.setattr(planning, "WINDOW", 4)
    monkeypatch.setattr(planning, "AT_ONCE", 2)
    monkeypatch.setattr(planning, "SMALL", 0)
    monkeypatch.setattr("modelyard.batch.cutting.PIECE", 50)
    monkeypatch.setattr("modelyard.objects.memory.PIECE", 30)


@pytest.mark.parametrize("kind", ["csv", "file", "manifest", "files"])
@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after the commit"])
@pytest.mark.usefixtures("chunks_of_one")
async def test_cut_off_at_every_chunk_it_ends_the_same(world: PlanningWorld, kind: str, after: bool) -> None:
    job = (await prepared(world))[kind]
    expected = await world.plan(job, sizes=SMALL)
    whole(expected)
    assert world.chunks > 4
    for at in range(world.chunks):
        await world.begin(key := f"cut-{at}")
        with pytest.raises(StoreUnavailableError):
            await plan(CutOffStore(world.store, at, after=after), world.objects, key, job, "p1", sizes=SMALL)  # type: ignore[arg-type]
        again = await world.plan(job, key, sizes=SMALL)
        assert (again.sources, again.splits) == (expected.sources, expected.splits)
        assert again.task.counts == expected.task.counts


@pytest.mark.usefixtures("chunks_of_one")
async def test_cut_off_again_and_again(world: PlanningWorld) -> None:
    """Each call gets one chunk further."""
    for job in (await prepared(world)).values():
        await world.begin(whole_key := f"{id(job)}")
        expected = await world.plan(job, whole_key, sizes=SMALL)
        await world.begin(key := f"{id(job)}-again")
        for _ in range(200):
            try:
                await plan(CutOffStore(world.store, 1, after=False), world.objects, key, job, "p1", sizes=SMALL)  # type: ignore[arg-type]
                break
            except StoreUnavailableError:
                continue
        again = await world.planned(key)
        assert (again.sources, again.splits, again.task.planned) == (expected.sources, expected.splits, True)


@pytest.mark.usefixtures("chunks_of_one")
async def test_cancelled_at_every_step_it_ends_the_same(world: PlanningWorld) -> None:
    job = (await prepared(world))["manifest"]
    expected = await world.plan(job, sizes=SMALL)
    await world.begin("again")
    cancelled = 0
    for turns in range(0, 400, 7):
        task = asyncio.create_task(plan(world.store, world.objects, "again", job, "p1", sizes=SMALL))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            cancelled += 1
    assert cancelled > 5
    again = await world.plan(job, "again", sizes=SMALL)
    assert (again.sources, again.splits) == (expected.sources, expected.splits)


class Away(LocatedObjects):
    """Fails in call number `at`, once."""

    def __init__(self, objects: LocatedObjects, at: int) -> None:
        super().__init__()
        self._objects = objects._objects
        self.left = at

    def _asked(self, path: ObjectPath) -> None:
        self.left -= 1
        if self.left == -1:
            raise ObjectStoreUnavailableError(f"{path} cannot be reached")


@pytest.mark.parametrize("kind", ["csv", "manifest"])
@pytest.mark.usefixtures("chunks_of_one")
async def test_a_store_that_is_away_is_asked_again(world: PlanningWorld, kind: str) -> None:
    job = (await prepared(world))[kind]
    expected = await world.plan(job, sizes=SMALL)
    failed = 0
    for at in range(0, 30, 2):
        await world.begin(key := f"away-{at}")
        objects = Away(world.objects, at)  # type: ignore[arg-type]
        try:
            await plan(world.store, objects, key, job, "p1", sizes=SMALL)  # type: ignore[arg-type]
        except ObjectStoreUnavailableError:
            failed += 1
            await plan(world.store, objects, key, job, "p1", sizes=SMALL)  # type: ignore[arg-type]
        again = await world.planned(key)
        assert (again.sources, again.splits) == (expected.sources, expected.splits)
    assert failed > 4


@pytest.mark.usefixtures("chunks_of_one")
@pytest.mark.parametrize("change", ["changed", "gone", "failed"])
async def test_a_file_that_is_lost_while_it_is_cut(world: PlanningWorld, change: str) -> None:
    await world.put({"in/a.csv": "1\n" * 200, "in/b.csv": "2\n"})
    with pytest.raises(StoreUnavailableError):
        await plan(CutOffStore(world.store, 4, after=True), world.objects, "t1", JOB, "p1", sizes=SMALL)  # type: ignore[arg-type]
    assert (await world.planned()).splits != []
    if change == "changed":
        await world.put({"in/a.csv": "3\n" * 300})
    elif change == "gone":
        await world.objects.delete(ObjectPath("b", "in/a.csv"))
    else:
        async with world.store.write() as w:
            await w.fail_source("t1", 0, "failed by its reader")
    found = await world.plan(sizes=SMALL)
    text = {"changed": "another object by now", "gone": "does not exist", "failed": "failed by its reader"}[change]
    assert text in found.errors[0]
    assert (found.rows, found.names) == ([0, 1], ["in/a.csv", "in/b.csv"])
    assert found.task.counts == replace(found.task.counts, rows=1, splits=1, sources_failed=1)
    assert found.task.planned


@pytest.mark.usefixtures("chunks_of_one")
async def test_a_presigned_file_goes_on_where_it_was_cut_off(world: PlanningWorld) -> None:
    signed = "https://b.obs.example.com/a.csv?X-Amz-Signature=c0ffee"
    await world.put({"a.csv": "1\n" * 200, "list.manifest": manifest(signed)})
    world.objects = Signed(world.objects)  # type: ignore[assignment,arg-type]
    whole_plan = await world.plan(MANIFEST, sizes=SMALL)
    for known in (True, False):
        await world.begin(key := f"again-{known}")
        with pytest.raises(StoreUnavailableError):
            await plan(CutOffStore(world.store, 4, after=True), world.objects, key, MANIFEST, "p1", sizes=SMALL)  # type: ignore[arg-type]
        assert (await world.planned(key)).splits != []
        if not known:
            world.objects = Nowhere(world.objects)  # type: ignore[assignment,arg-type]
        found = await world.plan(MANIFEST, key, sizes=SMALL)
        assert found.splits == (whole_plan.splits if known else [])
        assert found.errors == ["" if known else "no endpoint has this URL any more"]
        assert found.task.planned


class Nowhere(LocatedObjects):
    """Has no endpoints any more."""

    def __init__(self, objects: LocatedObjects) -> None:
        super().__init__()
        self._objects = objects._objects

    async def locate(self, text: str) -> ObjectPath:
        raise MalformedPathError("no endpoint has this URL any more")


async def test_a_task_that_is_deleted_meanwhile_ends_planning(world: PlanningWorld) -> None:
    await world.put({"in/a.csv": "1\n", "list.manifest": ""})

    class Deleting(LocatedObjects):
        async def list(self, path: ObjectPath, *, after: str = ""):  # type: ignore[no-untyped-def]
            async for info in world.objects.list(path):
                yield info
            async with world.store.write() as w:
                await w._run(__import__("sqlalchemy").text("DELETE FROM services"))  # type: ignore[attr-defined]

    objects = Deleting()
    objects._objects = world.objects._objects  # type: ignore[attr-defined]
    await plan(world.store, objects, "t1", JOB, "p1")  # type: ignore[arg-type]
    async with world.store.read() as r:
        assert await r.task("t1") is None


# ── size ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_large_file_is_stored_while_it_is_cut(
    world: PlanningWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "CHUNK_S", 0.0)
    await world.put({"in/a.csv": "1,2\n" * 3_000_000})
    found = await world.plan()
    whole(found)
    assert found.rows == [3_000_000]
    assert world.chunks > 4
