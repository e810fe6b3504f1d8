"""The store of lines in files: segments, bounds, crashes, damage, full disks."""

import asyncio
import os
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from modelyard.domain.logs import Line, LogQuery, Origin
from modelyard.logs import segment
from modelyard.logs.base import LogsUnavailableError
from modelyard.logs.local import SEARCHERS, LocalLogs

ORIGIN = Origin("p", "service", "instance", 1, "m:0.0.1")
DAY_MS = 24 * 3600 * 1000


@asynccontextmanager
async def opened(directory: Path, **more: object) -> AsyncIterator[LocalLogs]:
    logs = LocalLogs(directory / "logs", **more)  # type: ignore[arg-type]
    await logs.open()
    try:
        yield logs
    finally:
        await logs.close()


def lines(first: int, count: int, *, at_ms: int = 0, width: int = 100) -> list[Line]:
    return [Line(0, at_ms + n, f"line {n} ".ljust(width, "x"), ORIGIN) for n in range(first, first + count)]


async def fill(logs: LocalLogs, count: int, first: int = 0, each: int = 500) -> None:
    for begin in range(first, first + count, each):
        await logs.append(ORIGIN, lines(begin, each), f"position {begin + each}")


async def numbers(logs: LocalLogs, query: LogQuery = LogQuery(limit=10**6)) -> list[int]:  # noqa: B008
    return [line.number for line in (await logs.search("service", query)).lines]


def files(directory: Path, pattern: str = "[0-9]*.db") -> list[Path]:
    return sorted((directory / "logs" / "service").glob(pattern))


async def test_everything_is_there_after_a_kill_and_numbers_and_positions_go_on(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:  # a process that is killed right after its last append returned

        async def main() -> None:
            logs = LocalLogs(tmp_path / "logs", segment_bytes=100_000)
            await logs.open()
            await fill(logs, 3000)
            await logs.append(ORIGIN, lines(3000, 3), "the last")
            os.kill(os.getpid(), 9)

        asyncio.new_event_loop().run_until_complete(main())
    ended = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(ended[1]) == -9
    async with opened(tmp_path) as logs:
        assert await logs.position(ORIGIN) == "the last"
        assert await numbers(logs) == list(range(1, 3004))
        assert await logs.append(ORIGIN, lines(0, 1), "") == 3004


async def test_files_are_ours_alone(tmp_path: Path) -> None:
    async with opened(tmp_path) as logs:
        await fill(logs, 500)
        service = tmp_path / "logs" / "service"
        assert {stat.S_IMODE(path.stat().st_mode) for path in service.iterdir()} == {0o600}
        assert stat.S_IMODE(service.stat().st_mode) == 0o700


async def test_bytes_are_bounded_while_lines_come_and_what_was_cut_is_counted(tmp_path: Path) -> None:
    async with opened(tmp_path, most_bytes=400_000, segment_bytes=60_000) as logs:
        await fill(logs, 20_000)
        kept = await logs.kept("service")
        assert 200_000 < kept.bytes <= 400_000
        assert kept.lines + kept.cut_lines == 20_000
        assert kept.cut_bytes > 200_000
        assert kept.cut_until_ms == kept.cut_lines - 1
        assert await numbers(logs) == list(range(kept.cut_lines + 1, 20_001))
    async with opened(tmp_path) as logs:
        assert await logs.kept("service") == kept
        assert len(files(tmp_path)) > 2


def trees(path: Path) -> int:
    connection = sqlite3.connect(path)
    count = connection.execute("SELECT count(DISTINCT segid) FROM words_idx").fetchone()[0]
    connection.close()
    return int(count)


async def test_the_index_of_a_closed_segment_becomes_one_tree_and_finds_the_same(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=10**7) as logs:
        await fill(logs, 30_000, each=2000)
        query = LogQuery(words=("line 77",), limit=10**5)
        before = await logs.search("service", query)
        (path,) = files(tmp_path)
    assert trees(path) > 1
    segment.settle(path, lambda: False)
    assert trees(path) == 1
    async with opened(tmp_path) as logs:
        assert await logs.search("service", query) == before
        assert len(before.lines) == 111


async def test_a_cut_that_was_counted_and_then_killed_is_done_and_counted_once(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=60_000) as logs:
        await fill(logs, 5000)
        oldest = files(tmp_path)[0]
        content = oldest.read_bytes()
        await logs.bound("service", 1, 0)
        kept = await logs.kept("service")
    oldest.write_bytes(content)
    async with opened(tmp_path) as logs:
        assert await logs.kept("service") == kept
        assert not oldest.exists()


async def test_a_segment_spans_at_most_a_day_so_that_days_can_be_cut(tmp_path: Path) -> None:
    async with opened(tmp_path) as logs:
        for day in range(5):
            await logs.append(ORIGIN, lines(0, 10, at_ms=day * DAY_MS), f"day {day}")
        assert len(files(tmp_path)) == 5
        await logs.bound("service", 0, 3 * DAY_MS)
        assert (await logs.kept("service")).lines == 20
        await logs.bound("service", 0, 10 * DAY_MS)
        kept = await logs.kept("service")
        assert (kept.lines, kept.cut_lines, kept.oldest_ms) == (0, 50, None)
        assert await logs.position(ORIGIN) == "day 4"
    async with opened(tmp_path) as logs:
        assert await logs.position(ORIGIN) == "day 4"
        assert await logs.append(ORIGIN, lines(0, 1), "") == 51


def scribble(path: Path) -> None:
    path.write_bytes(b"\0garbage" * (path.stat().st_size // 8))


def shorten(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def drop_tables(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE facts")
    connection.close()


@pytest.mark.parametrize("damage", [scribble, shorten, empty, drop_tables])
@pytest.mark.parametrize("which", [0, 1, -1])
async def test_a_damaged_file_is_set_aside_and_everything_else_goes_on(
    tmp_path: Path, damage: Callable[[Path], None], which: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path, segment_bytes=60_000) as logs:
        await fill(logs, 3000)
        segments = files(tmp_path)
    broken = segments[which]
    damage(broken)
    async with opened(tmp_path) as logs:
        first = await numbers(logs)
        last = await logs.append(ORIGIN, lines(0, 1), "after")
        assert last > 3000
        left = await numbers(logs)
        following = segments[which + 1].stem if which != -1 else str(10**15)
        missing = set(range(int(broken.stem), min(int(following), 3001)))
        assert set(left) >= set(range(1, 3001)) - missing | {last}
        assert set(first) <= set(left)
        assert left == sorted(left)
        assert await logs.position(ORIGIN) == "after"
    if which != -1 or damage is not shorten or files(tmp_path, "damaged-*.db"):
        assert (tmp_path / "logs" / "service" / f"damaged-{broken.name}").exists()
        assert "damaged and set aside" in caplog.text


async def test_a_file_that_is_damaged_while_it_is_open_stops_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=60_000) as logs:
        await fill(logs, 3000)
        for path in files(tmp_path):
            scribble(path)
        assert (await logs.search("service", LogQuery(words=("line",)))).complete
        for _ in range(3):
            await fill(logs, 1000)
        kept = await logs.kept("service")
        assert kept.set_aside >= 1
        found = await numbers(logs)
        assert len(found) >= 2000
        assert found == sorted(set(found))


async def test_a_full_disk_refuses_lines_and_keeps_what_there_is(tmp_path: Path) -> None:
    room = 10**9
    async with opened(tmp_path, spare_bytes=lambda: room) as logs:
        await fill(logs, 500)
        room = 100
        with pytest.raises(LogsUnavailableError, match="the disk is full"):
            await fill(logs, 500, 500)
        assert len(await numbers(logs)) == 500
        assert await logs.position(ORIGIN) == "position 500"
        room = 10**9
        await fill(logs, 500, 500)
        assert await numbers(logs) == list(range(1, 1001))


async def test_a_disk_that_fills_up_during_an_append_loses_that_append_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, opened_ones = segment.connect, []

    def noted(path: Path, *, create: bool = False) -> sqlite3.Connection:
        opened_ones.append(connect(path, create=create))
        return opened_ones[-1]

    monkeypatch.setattr(segment, "connect", noted)
    async with opened(tmp_path) as logs:
        await fill(logs, 500)
        opened_ones[-1].execute("PRAGMA max_page_count=1")
        with pytest.raises(LogsUnavailableError, match="full"):
            await fill(logs, 5000, 500, each=5000)
        assert await numbers(logs) == list(range(1, 501))
        await fill(logs, 500, 500)  # with a fresh connection
        assert await numbers(logs) == list(range(1, 1001))


async def test_on_a_full_disk_the_oldest_go_though_nothing_can_be_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async with opened(tmp_path, segment_bytes=60_000) as logs:
        await fill(logs, 3000)
        monkeypatch.setattr("modelyard.logs.segment.Segment.count_cut", full)
        await logs.bound("service", 1, 0)
        assert len(files(tmp_path)) == 1
        assert "without being counted" in caplog.text
        monkeypatch.undo()
        assert await logs.append(ORIGIN, lines(0, 1), "") == 3001


async def test_a_directory_that_cannot_be_made_refuses_lines_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("no directory")
    async with opened(tmp_path, spare_bytes=lambda: 10**9) as logs:
        for call in (logs.append(ORIGIN, lines(0, 1), ""), logs.services()):
            with pytest.raises(LogsUnavailableError):
                await call
        (tmp_path / "logs").unlink()
        assert await logs.append(ORIGIN, lines(0, 1), "") == 1


async def test_a_search_without_time_says_so_and_goes_on_from_its_cursor(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=100_000, search_s=-1) as logs:
        await fill(logs, 3000)
        for newest_first in (False, True):
            cursor, found, pages = None, [], 0
            while True:
                query = LogQuery(words=("9 x",), newest_first=newest_first, limit=1000)
                bound = {"before": cursor} if newest_first else {"after": cursor}
                answer = await logs.search("service", LogQuery(**{**_fields(query), **bound}))  # type: ignore[arg-type]
                found += [line.number for line in answer.lines]
                pages += 1
                if answer.cursor is None:
                    break
                assert not answer.complete
                cursor = answer.cursor
            expected = [n for n in range(1, 3001) if f"{n - 1}".endswith("9")]
            assert found == (expected[::-1] if newest_first else expected)
            assert pages > 10


def _fields(query: LogQuery) -> dict[str, object]:
    return {name: getattr(query, name) for name in query.__slots__}


async def test_odd_lines_come_back_as_they_were(tmp_path: Path) -> None:
    odd = [
        "",
        " ",
        "a\nb",
        "nul \0 here",
        "\t\x1b[31mred",
        "💥 ∀x∈ℝ",
        "x" * 16_384,
        "\"'%_*",
        "half \ud800 character",
    ]
    async with opened(tmp_path) as logs:
        for _ in range(5):
            await logs.append(ORIGIN, [Line(0, i, text, ORIGIN, cut=i) for i, text in enumerate(odd)], "")
        found = (await logs.search("service", LogQuery(limit=len(odd)))).lines
        assert [line.text for line in found] == [text.replace("\ud800", "\ufffd") for text in odd]
        assert [line.cut for line in found] == list(range(len(odd)))
        for word in ("nul \0", "a\nb", "∀X∈ℝ", "\"'%", "\x1b[31m", "💥"):
            assert len((await logs.search("service", LogQuery(words=(word,)))).lines) == 5, word


@pytest.mark.parametrize("name", ["../else", "a/b", "", ".", "x" * 65])
async def test_no_name_leads_out_of_the_directory(tmp_path: Path, name: str) -> None:
    async with opened(tmp_path) as logs:
        with pytest.raises(ValueError, match="cannot name"):
            await logs.append(Origin("p", name, "i"), lines(0, 1), "")
        await logs.remove(name)
        assert (await logs.search(name, LogQuery())).lines == ()
        assert await logs.services() == []


async def test_appends_of_many_at_once_keep_each_ones_order(tmp_path: Path) -> None:
    origins = [Origin("p", f"service-{n % 5}", f"instance-{n}") for n in range(40)]
    async with opened(tmp_path) as logs:
        await asyncio.gather(
            *(logs.append(origin, lines(step * 10, 10), f"{step}") for step in range(5) for origin in origins)
        )
        for n in range(5):
            found = (await logs.search(f"service-{n}", LogQuery(limit=10_000))).lines
            assert [line.number for line in found] == list(range(1, 401))
            for origin in origins[n::5]:
                own = [line.at_ms for line in found if line.origin == origin]
                assert own == list(range(50))
                assert await logs.position(origin) == "4"


async def test_a_caller_that_gives_up_stops_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as logs:
        tasks = [asyncio.create_task(logs.append(ORIGIN, lines(0, 2000), "")) for _ in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await logs.append(ORIGIN, lines(0, 1), "end")
        assert await logs.position(ORIGIN) == "end"


async def test_the_time_of_a_search_begins_when_it_has_a_thread(tmp_path: Path) -> None:
    now, busy = [0.0], threading.Event()
    async with opened(tmp_path, clock=lambda: now[0], search_s=2) as logs:
        await fill(logs, 3000)
        assert logs._searchers is not None
        for _ in range(SEARCHERS):
            logs._searchers.submit(busy.wait)
        searching = asyncio.create_task(numbers(logs))
        while not logs._searchers._work_queue.qsize():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        now[0] = 100
        busy.set()
        assert len(await searching) == 3000


async def nothing_gone_is_open(directory: Path) -> None:
    """Soon: a segment may be settled just now."""
    async with asyncio.timeout(10):
        while True:
            links = [each for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
            targets = [str(each.readlink()) for each in links if os.path.lexists(each)]
            if not any(each.startswith(str(directory)) and each.endswith("(deleted)") for each in targets):
                return
            await asyncio.sleep(0.05)


async def test_what_is_cut_or_removed_keeps_no_room_on_the_disk(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=60_000) as logs:
        await fill(logs, 10_000)
        assert len(await numbers(logs)) == 10_000
        await logs.bound("service", 60_000, 0)
        assert (await logs.kept("service")).cut_lines
        await nothing_gone_is_open(tmp_path)
        assert await numbers(logs)
        await logs.remove("service")
        await nothing_gone_is_open(tmp_path)


async def test_a_reader_of_a_file_that_goes_meanwhile_is_closed(tmp_path: Path) -> None:
    async with opened(tmp_path) as logs:
        await fill(logs, 500)
        (path,) = files(tmp_path)
        with logs._readers.one(path) as connection:
            assert connection.execute("SELECT last FROM facts").fetchone() == (500,)
            await logs.remove("service")
        await nothing_gone_is_open(tmp_path)


async def test_a_bound_that_is_no_larger_than_a_segment_is_one(tmp_path: Path) -> None:
    async with opened(tmp_path, most_bytes=60_000, segment_bytes=60_000) as logs:
        await fill(logs, 10_000)
        kept = await logs.kept("service")
        assert kept.lines + kept.cut_lines == 10_000
        assert len(files(tmp_path)) == 1
