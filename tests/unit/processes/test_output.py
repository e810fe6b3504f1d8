"""The shim writes, `output` reads: real shims, whose segments are small."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelyard.domain.output import UNKNOWN_SIZE, Output, Position
from modelyard.processes import output, supervise
from modelyard.processes.directory import ProcessDir, Spec

LINES = "seq -f 'line %%.0f' 0 %d | head -n -1"


def shell(script: str, **changes: object) -> Spec:
    return Spec(("/bin/sh", "-c", script), env=(("PATH", "/usr/bin:/bin"),), **changes)  # type: ignore[arg-type]


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[ProcessDir]:
    made = ProcessDir(tmp_path / "p")
    yield made
    supervise.stop(made, 0)
    await supervise.wait(made)


async def run(directory: ProcessDir, script: str, **changes: object) -> None:
    supervise.spawn(directory, shell(script, **changes))
    await asyncio.wait_for(supervise.wait(directory), 20)


def lines(first: int, last: int) -> bytes:
    return b"".join(b"line %d\n" % number for number in range(first, last))


def rest(path: Path, after: Position | None = None, *, kept: bool = True) -> list[Output]:
    pieces = []
    while (piece := output.read(path, after, 30_000, kept=kept)).data:
        pieces.append(piece)
        after = piece.at(len(piece.data))
    return pieces


def data(pieces: list[Output]) -> bytes:
    return b"".join(piece.data for piece in pieces)


async def test_it_is_kept_in_segments_until_it_was_collected(directory: ProcessDir) -> None:
    await run(directory, LINES % 40000, log_bytes=100_000, log_kept_bytes=1 << 24)
    segments = sorted(directory.path.glob("log.*"))
    assert len(segments) >= 3
    assert all(segment.stat().st_size <= 100_000 for segment in segments)
    pieces = rest(directory.path)
    assert data(pieces) == lines(0, 40000)
    assert not any(piece.dropped for piece in pieces)
    assert directory.log_tail(3).splitlines() == ["line 39997", "line 39998", "line 39999"]


async def test_what_was_read_is_deleted_but_for_the_last_words(directory: ProcessDir) -> None:
    await run(directory, LINES % 40000, log_bytes=100_000, log_kept_bytes=1 << 24)
    half = Position(250000)
    output.release(directory.path, half)
    assert min(directory.path.glob("log.*")).name <= f"log.{250000:020}"
    assert data(rest(directory.path, half)) == lines(0, 40000)[250000:]
    output.release(directory.path, Position(len(lines(0, 40000))))
    assert len([*directory.path.glob("log.*")]) == len([*directory.path.glob("times.*")]) == 1
    assert directory.log_tail(600).splitlines()[-500:] == [f"line {n}" for n in range(39500, 40000)]
    assert rest(directory.path, Position(len(lines(0, 40000)))) == []


async def test_beyond_the_bound_the_oldest_goes_and_its_size_is_told(directory: ProcessDir) -> None:
    await run(directory, LINES % 100000, log_bytes=100_000, log_kept_bytes=400_000)
    everything = lines(0, 100000)
    pieces = rest(directory.path)
    assert 200_000 < len(data(pieces)) <= 400_000
    assert pieces[0].dropped == len(everything) - len(data(pieces))
    assert everything.endswith(data(pieces))


async def test_one_that_keeps_pace_loses_nothing_below_the_bound(directory: ProcessDir) -> None:
    supervise.spawn(directory, shell(LINES % 400000, log_bytes=100_000, log_kept_bytes=1 << 24))
    ended = asyncio.create_task(supervise.wait(directory))
    after, got = Position(), b""
    async with asyncio.timeout(60):
        while True:
            over = ended.done()
            piece = await asyncio.to_thread(output.read, directory.path, after, 70_000, kept=True)
            assert piece.dropped == 0
            got, after = got + piece.data, piece.at(len(piece.data))
            output.release(directory.path, after)
            if over and not piece.data:
                break
    assert got == lines(0, 400000)


async def test_lines_have_the_time_at_which_they_came(directory: ProcessDir) -> None:
    begun = time.time() * 1000
    await run(directory, "echo first; sleep 0.3; echo second", log_kept_bytes=1 << 24)
    (piece,) = rest(directory.path)
    assert [index for index, _ in piece.times] == [0, 6]
    (_, first), (_, second) = piece.times
    assert begun - 1 <= first <= second - 250
    (later,) = rest(directory.path, Position(6))
    assert later.times == ((0, second),)
    (inside,) = rest(directory.path, Position(2))
    assert inside.times == ((0, first), (4, second))


async def test_times_of_every_segment(directory: ProcessDir) -> None:
    begun = time.time() * 1000 - 1
    await run(directory, LINES % 40000, log_bytes=100_000, log_kept_bytes=1 << 24)
    for piece in rest(directory.path):
        assert all(begun <= ms <= time.time() * 1000 for _, ms in piece.times)
        assert piece.times[0][0] == 0


async def test_an_index_that_is_damaged_costs_times_and_no_bytes(directory: ProcessDir) -> None:
    await run(directory, LINES % 100, log_kept_bytes=1 << 24)
    for content in (b"", b"\xff" * 160, os.urandom(77)):
        (directory.path / "times").write_bytes(content)
        pieces = rest(directory.path)
        assert data(pieces) == lines(0, 100)
        assert all(piece.times[0][0] == 0 for piece in pieces)
    (directory.path / "times").unlink()
    assert data(rest(directory.path)) == lines(0, 100)


async def test_a_model_that_writes_no_more_than_a_character(directory: ProcessDir) -> None:
    await run(directory, "printf x", log_kept_bytes=1 << 24)
    assert data(rest(directory.path)) == b"x"


async def test_nothing_is_followed_out_of_the_directory(directory: ProcessDir, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    await run(directory, "echo hello", log_kept_bytes=1 << 24)
    (directory.path / "log").unlink()
    (directory.path / "log").symlink_to(secret)
    assert rest(directory.path) == []


# An earlier release's shim keeps `log` and `log.1`.


async def test_a_shim_that_keeps_nothing_has_two_files(directory: ProcessDir) -> None:
    await run(directory, LINES % 40000, log_bytes=100_000)
    assert sorted(path.name for path in directory.path.glob("log*")) == ["log", "log.1"]
    assert not [*directory.path.glob("times*")]
    assert lines(0, 40000).endswith(data(rest(directory.path, kept=False)))


def test_of_two_files_a_position_is_found_again_after_they_changed_places(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"one\ntwo\n")
    first = output.read(tmp_path, None, 4, kept=False)
    assert (first.data, first.dropped) == (b"one\n", 0)
    (tmp_path / "log").rename(tmp_path / "log.1")
    (tmp_path / "log").write_bytes(b"three\n")
    assert data(rest(tmp_path, first.at(4), kept=False)) == b"two\nthree\n"


def test_of_two_files_what_is_gone_is_told_without_a_size(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"one\n" * 100)
    (first,) = rest(tmp_path, kept=False)
    for text in (b"two\n", b"three\n"):
        (tmp_path / "log").write_bytes(text) if text == b"three\n" else (tmp_path / "log.1").write_bytes(text)
    found = rest(tmp_path, first.at(400), kept=False)
    assert data(found) == b"two\nthree\n"
    assert found[0].dropped == UNKNOWN_SIZE


def test_of_two_files_the_end_stays_the_end(tmp_path: Path) -> None:
    assert output.read(tmp_path, None, 10, kept=False).data == b""
    (tmp_path / "log").write_bytes(b"one\n")
    (first,) = rest(tmp_path, kept=False)
    assert rest(tmp_path, first.at(4), kept=False) == []
    with (tmp_path / "log").open("ab") as log:
        log.write(b"two\n")
    assert data(rest(tmp_path, first.at(4), kept=False)) == b"two\n"
