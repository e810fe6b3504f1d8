"""Workers that lie, stall, break off and go away: no row is lost, none has two outcomes."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.worlds.batch_run import HEAD, JOB, DiedError, Script, Session, failed, run_world

from modelyard.batch import talk
from modelyard.domain.batch import Threshold

Talk = Callable[[Session, dict[str, Any]], Awaitable[None]]


def once(talk: Talk) -> Talk:
    """Misbehaves with the first split that it gets, on whichever worker."""
    done: list[bool] = []

    async def either(session: Session, asked: dict[str, Any]) -> None:
        if done:
            await session.split(asked)
            return
        done.append(True)
        await talk(session, asked)

    return either


def says(kind: bytes, payload: bytes | dict[str, Any]) -> Talk:
    async def talk(session: Session, asked: dict[str, Any]) -> None:
        session.say(kind, payload)
        await asyncio.Event().wait()

    return talk


def told(rows: int, following: object, lines: bytes, failures: object = (), failed: int = 0) -> bytes:
    said = json.dumps({"rows": rows, "failed": failed, "next": following, "failures": failures}).encode()
    return len(said).to_bytes(4) + said + lines


async def repeats(session: Session, asked: dict[str, Any]) -> None:
    lines = [b'{"v":%d}' % n for n in range(asked["rows"])]
    session.publish(lines, None)
    session.publish(lines, None)
    await asyncio.Event().wait()


async def ends_early(session: Session, asked: dict[str, Any]) -> None:
    session.publish([b'{"v":0}', b'{"v":1}'], (0, asked["start"] + 4))
    session.say(b"E", {"abandoned": False})
    await asyncio.Event().wait()


async def asks_for_five(session: Session, asked: dict[str, Any]) -> None:
    for _ in range(5):
        session.say(b"R", {"file": 0, "offset": asked["start"], "length": 1})
    await asyncio.Event().wait()


async def promises_too_much(session: Session, asked: dict[str, Any]) -> None:
    session.writer.write(HEAD.pack(b"P", 64 * 2**20 + 1))
    await asyncio.Event().wait()


async def asks_for_ever(session: Session, asked: dict[str, Any]) -> None:
    while True:
        await session.read(asked["start"], asked["end"])


NONSENSE: dict[str, Talk] = {
    "a kind that there is not": says(b"Z", {}),
    "a frame of ours": says(b"D", b"x"),
    "too long a frame": says(b"E", b"x" * 2000),
    "no JSON": says(b"R", b"{"),
    "another file": says(b"R", {"file": 1, "offset": 0, "length": 1}),
    "bytes before the file": says(b"R", {"file": 0, "offset": -1, "length": 1}),
    "too much at a time": says(b"R", {"file": 0, "offset": 0, "length": 2**20 + 1}),
    "no head": says(b"P", b"\0"),
    "a head that is longer than all": says(b"P", b"\0\0\0\xff{}"),
    "a head that is no JSON": says(b"P", b"\0\0\0\x01{"),
    "more rows than it has": says(b"P", told(6, None, b"1\n" * 6)),
    "fewer rows, and no more to come": says(b"P", told(1, None, b"1\n")),
    "all rows, and more to come": says(b"P", told(5, [0, 4], b"1\n" * 5)),
    "a next row before this one": says(b"P", told(1, [0, 0], b"1\n")),
    "a next row behind the split": says(b"P", told(1, [0, 10], b"1\n")),
    "a next row of another source": says(b"P", told(1, [1, 2], b"1\n")),
    "too few lines": says(b"P", told(5, None, b"1\n" * 4)),
    "too many lines": says(b"P", told(5, None, b"1\n" * 6)),
    "a line without its end": says(b"P", told(5, None, b"1\n" * 4 + b"1")),
    "two values in a line": says(b"P", told(5, None, b"1 2\n\n3\n4\n5\n")),
    "a carriage return": says(b"P", told(5, None, b"1\r\n" * 5)),
    "a line that is no JSON": says(b"P", told(5, None, b"1\n1\nNaN\n1\n1\n")),
    "text that is not UTF-8": says(b"P", told(5, None, b'1\n1\n"\xff"\n1\n1\n')),
    "a failure without a cause": says(b"P", told(5, None, b"1\n" * 5, failed=1)),
    "a failure of another row": says(b"P", told(5, None, b"1\n" * 5, [[5, "x"]], 1)),
    "failures in no order": says(b"P", told(5, None, b"1\n" * 5, [[2, "x"], [1, "x"]], 2)),
    "a failure twice": says(b"P", told(5, None, b"1\n" * 5, [[1, "x"], [1, "x"]], 2)),
    "giving up unasked": says(b"E", {"abandoned": True}),
    "an end of which nobody knows": says(b"E", b"[]"),
    "the same rows again": repeats,
    "an end before the end": ends_early,
    "five questions at a time": asks_for_five,
    "results that are too large": promises_too_much,
}


@pytest.mark.parametrize("talk", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_ends_the_worker_and_costs_no_row(tmp_path: Path, talk: Talk) -> None:
    async with run_world(tmp_path, rows=15) as world:
        await world.worker("w1", Script(talk=once(talk)))
        await world.until(world.over)
        await world.check()
        assert world.killed == ["w1"]
        assert (
            any(careful for worker in world.workers.values() for _, _, careful in worker.given) or talk is repeats
        )


async def test_a_worker_that_always_talks_nonsense_fails_its_rows(tmp_path: Path) -> None:
    job = replace(JOB, error_threshold=Threshold(count=1))
    async with run_world(tmp_path, rows=15, job=job) as world:
        await world.worker("w1", Script(talk=says(b"Z", {})))
        await world.until(world.over)
        task = await world.stored()
        assert task.error == "2 rows failed, more than error_threshold.count 1 allows"
        assert sorted((s.rows, s.failed) for s in await world.splits() if s.failed) == [(1, 1), (1, 1)]


async def test_a_model_that_survives_no_row_ends_the_task(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("modelyard.batch.work.MOST_POISON", 3)
    async with run_world(tmp_path, rows=15, split_rows=15) as world:
        await world.worker("w1", Script(dies_at=dict.fromkeys((*range(2), *range(3, 15)), 9)))
        await world.until(world.over)
        cause = "the worker died: killed by signal 9 (out of memory)"
        task = await world.stored()
        assert task.error == f"3 rows one after the other ended their workers; of the last one {cause}"
        assert (task.counts.rows_done, task.counts.rows_failed) == (1, 5)


async def test_who_asks_for_the_same_bytes_for_ever_is_ended(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("modelyard.batch.inputs.LEAST_GIVEN", 1000)
    async with run_world(tmp_path, rows=15) as world:
        await world.worker("w1", Script(talk=once(asks_for_ever)))
        await world.until(world.over)
        await world.check()
        assert world.killed == ["w1"]


async def test_a_row_that_never_ends_fails_with_the_time_limit(tmp_path: Path) -> None:
    async with run_world(tmp_path) as world:
        await world.worker("w1", Script(hangs_at={7: 9}))
        await world.until(world.over, step_ms=200)
        await world.check({7: "the worker gave no result within 5 s (row_timeout_seconds)"})
        assert len(world.killed) == 3
        assert world.clock.now > 3 * (5_000 + talk.MARGIN_MS)


async def test_time_that_we_need_ourselves_does_not_count(tmp_path: Path) -> None:
    async with run_world(tmp_path) as world:
        held = asyncio.Event()
        read = world.objects.read

        async def slow(*args: Any, **options: Any) -> Any:
            await held.wait()
            async for piece in read(*args, **options):
                yield piece

        world.objects.read = slow
        await world.worker("w1")
        world.run()

        async def much_later() -> bool:
            return world.clock.now > 100_000 + 1_000_000

        await world.until(much_later, step_ms=500)
        held.set()
        await world.until(world.over)
        await world.check()
        assert world.killed == []


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("after", range(6))
async def test_a_worker_may_die_at_any_frame(tmp_path: Path, after: int, torn: bool) -> None:
    async with run_world(tmp_path, rows=10) as world:
        await world.worker("w1", Script(every=2, after=after, torn=torn))
        await world.until(world.over, script=Script(every=2))
        await world.check()


async def test_a_worker_that_breaks_off_and_lives_is_connected_to_again(tmp_path: Path) -> None:
    async def breaks_off(session: Session, asked: dict[str, Any]) -> None:
        session.publish([b'{"v":0}'], (0, 2))
        session.writer.close()

    async with run_world(tmp_path) as world:
        worker = await world.worker("w1", Script(talk=once(breaks_off)))
        await world.until(world.over)
        await world.check()
        assert worker.connections == 2
        assert worker.predicted[0] == 0
        assert (0, 1, True) in worker.given


async def test_a_worker_that_cannot_be_reached_yet_is_asked_again(tmp_path: Path) -> None:
    async with run_world(tmp_path) as world:
        worker = await world.worker("w1")
        assert worker._server is not None
        worker._server.close()

        async def later() -> bool:
            return world.clock.now > 1_005_000

        await world.until(later)
        await worker.start()
        await world.until(world.over)
        await world.check()


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b"x" * 300_000, b"", b"Z\r\n\r\n"]
)
async def test_a_worker_that_does_not_take_us_yet_is_asked_again(tmp_path: Path, answer: bytes) -> None:
    async with run_world(tmp_path) as world:
        asked = 0

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            asked += 1
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        worker = await world.worker("w1")
        assert worker._server is not None
        worker._server.close()
        worker.place.unlink(missing_ok=True)
        refusing = await asyncio.start_unix_server(refuse, worker.place)

        async def twice() -> bool:
            return asked > 1

        await world.until(twice)
        refusing.close()
        await worker.start()
        await world.until(world.over)
        await world.check()
        assert world.killed == []


async def test_a_link_in_the_place_of_the_socket_is_not_followed(tmp_path: Path) -> None:
    async with run_world(tmp_path) as world:
        other = await world.worker("w2")
        await world.worker("w1")
        (tmp_path / "w1.sock").unlink()
        (tmp_path / "w1.sock").symlink_to(tmp_path / "w2.sock")
        del world.workers["w2"]

        async def later() -> bool:
            return world.clock.now > 1_020_000

        await world.until(later)
        assert other.connections == 0
        await other.die()


async def test_a_source_that_a_worker_cannot_read_fails_alone(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=0) as world:
        world.rows = 10
        await world.plan({"bad.csv": b"?\n?\n", "rows.csv": b"".join(b"%d\n" % n for n in range(10))}, 3)

        async def reads(session: Session, asked: dict[str, Any]) -> None:
            if asked["source"] == 0:
                session.say(b"F", {"error": "no column of that name"})
            else:
                await session.split(asked)

        await world.worker("w1", Script(talk=reads))
        await world.until(world.over)
        await world.check()
        assert (await world.stored()).counts.sources_failed == 1
        first, second = (await world.read("infer-result-t1.manifest")).splitlines()
        assert json.loads(first) == {
            "source": "obs://in/bad.csv",
            "result": "FAILED",
            "error_message": "no column of that name",
        }
        assert json.loads(second)["result"] == "SUCCESSFUL"
        assert "infer-result/bad.csv_result.txt" not in await world.names()


async def test_an_object_that_changed_since_it_was_planned_fails_alone(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=10) as world:
        world.clock.advance(world.clock.now + 1)
        (tmp_path / "objects" / "in" / "rows.csv").write_bytes(b"0\n" * 20)
        await world.worker("w1")
        await world.until(world.over)
        counts = (await world.stored()).counts
        assert (counts.sources_failed, counts.splits, counts.rows) == (1, 0, 0)
        (line,) = (await world.read("infer-result-t1.manifest")).splitlines()
        assert "another object" in json.loads(line)["error_message"]
        assert await world.names() == ["infer-result-t1.manifest"]


async def test_rows_that_fail_have_their_line_and_their_cause(tmp_path: Path) -> None:
    async with run_world(tmp_path) as world:
        await world.worker("w1", Script(fails_at=frozenset({3, 11})))
        await world.until(world.over)
        await world.check({3: "odd one", 11: "odd one"})
        rows = [json.loads(line) for line in (await world.read("infer-result-t1_failed.jsonl")).splitlines()]
        assert rows == [
            {"source": "obs://in/rows.csv", "number": 0, "row": row, "error": "odd one"} for row in (3, 11)
        ]
        (line,) = (await world.read("infer-result-t1.manifest")).splitlines()
        assert json.loads(line)["failed_rows"] == 2


async def test_a_file_whose_rows_all_failed_failed(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=3) as world:
        await world.worker("w1", Script(fails_at=frozenset(range(3))))
        await world.until(world.over)
        (line,) = (await world.read("infer-result-t1.manifest")).splitlines()
        assert json.loads(line) == {
            "source": "obs://in/rows.csv",
            "result": "FAILED",
            "error_message": "all 3 rows failed: odd one",
            "inference-loc": "obs://out/to/infer-result/rows.csv_result.txt",
            "failed_rows": 3,
        }


async def test_an_attempt_that_is_void_publishes_nothing(tmp_path: Path) -> None:
    """The ledger gives the split to somebody else while a worker has it."""
    async with run_world(tmp_path, rows=5) as world:
        goes_on = asyncio.Event()

        async def waits(session: Session, asked: dict[str, Any]) -> None:
            await goes_on.wait()
            await session.split(asked)

        await world.worker("w1", Script(talk=once(waits)))

        async def begun() -> bool:
            return bool(world.workers["w1"].connections) and bool(await _leased(world))

        await world.until(begun)
        async with world.store.write() as w:
            await w.release_all("t1")
            split = await w.lease("t1", "somebody", 1)
            assert split is not None
            assert split.attempt == 2
        goes_on.set()

        async def predicted() -> bool:
            return sum(world.workers["w1"].predicted.values()) == 5

        await world.until(predicted)
        await world.until(_passed(world, 2_000))
        assert (await world.stored()).counts.rows_done == 0
        async with world.store.write() as w:
            await w.release("t1", 0, 0, 2)
        world.runner._runs["t1"]._work.leases.news.tell()
        await world.until(world.over)
        await world.check()


async def _leased(world: Any) -> Any:
    async with world.store.read() as r:
        return await r.leased("t1")


def _passed(world: Any, ms: int) -> Callable[[], Awaitable[bool]]:
    until = world.clock.now + ms

    async def passed() -> bool:
        return bool(world.clock.now >= until)

    return passed


def test_the_words_of_a_failed_row() -> None:
    assert failed("x") == b'{"result":"FAILED","error_message":"x"}'
    assert issubclass(DiedError, Exception)
