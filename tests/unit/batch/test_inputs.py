"""The bytes of a split, fetched ahead of whoever asks."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from modelyard.batch import inputs
from modelyard.batch.frames import Wanted
from modelyard.batch.inputs import Inputs, SplitBytes
from modelyard.core.batch.outcomes import NonsenseError
from modelyard.domain.batch import Format, Source, Split
from modelyard.objects.base import ObjectChangedError, ObjectRefusedError
from modelyard.objects.memory import MemoryObjects
from modelyard.objects.paths import MalformedPathError, ObjectPath

CONTENT = bytes(range(100))


class Counting(MemoryObjects):
    def __init__(self) -> None:
        super().__init__()
        self.reads: list[tuple[int, int | None]] = []

    async def read(self, path: Any, *, offset: int = 0, length: int | None = None, version: str = "") -> Any:
        self.reads.append((offset, length))
        async for piece in super().read(path, offset=offset, length=length, version=version):
            yield piece


async def at_once(act: Callable[[], Awaitable[bytes]]) -> bytes:
    return await act()


async def bytes_of(
    objects: MemoryObjects, start: int, end: int, form: Format = Format.CSV, files: int = 1
) -> SplitBytes:
    sources = []
    for number in range(files):
        info = await objects.write(ObjectPath("in", f"{number}"), CONTENT)
        sources.append(Source(number, "x", "in", f"{number}", len(CONTENT), info.version, "r"))
    rows = files if form is Format.FILE else 5
    return SplitBytes(Inputs(objects), Split(0, start, end, 0, rows), sources, form, at_once)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "PIECE", 10)
    monkeypatch.setattr(inputs, "AHEAD", 3)


@pytest.mark.parametrize(("offset", "length"), [(20, 10), (20, 35), (25, 3), (28, 5), (58, 20), (95, 20), (5, 4)])
async def test_any_range_is_what_the_object_has_there(offset: int, length: int) -> None:
    held = await bytes_of(Counting(), 20, 60)
    held.begin()
    assert await held.read(Wanted(0, offset, length)) == CONTENT[offset : offset + length]
    await held.close()


async def test_what_comes_next_is_on_its_way_and_no_more() -> None:
    objects = Counting()
    held = await bytes_of(objects, 20, 100)
    held.begin()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert objects.reads == [(20, 10), (30, 10), (40, 10)]
    for start in range(20, 100, 5):
        assert await held.read(Wanted(0, start, 5)) == CONTENT[start : start + 5]
    assert objects.reads == [(at, 10) for at in range(20, 100, 10)]
    await held.close()


async def test_files_come_one_after_the_other() -> None:
    objects = Counting()
    held = await bytes_of(objects, 0, 0, Format.FILE, files=3)
    held.begin()
    for file in range(3):
        assert await held.read(Wanted(file, 0, 100)) == CONTENT
    assert len(objects.reads) == 30
    await held.close()


async def test_of_parquet_only_what_is_asked_for_is_read() -> None:
    objects = Counting()
    held = await bytes_of(objects, 0, 5, Format.PARQUET)
    held.begin()
    await asyncio.sleep(0)
    assert await held.read(Wanted(0, 92, 8)) == CONTENT[92:]
    assert objects.reads == [(92, 8)]
    await held.close()


async def test_another_object_than_was_planned_is_not_read() -> None:
    objects = Counting()
    held = await bytes_of(objects, 0, 50)
    await objects.write(ObjectPath("in", "0"), CONTENT[::-1])
    with pytest.raises(ObjectChangedError):
        await held.read(Wanted(0, 0, 10))
    await held.close()


async def test_a_file_that_only_its_location_reaches_is_located() -> None:
    objects = Counting()
    info = await objects.write(ObjectPath("elsewhere", "a"), CONTENT)
    asked = []

    async def locate(text: str) -> ObjectPath:
        asked.append(text)
        if text.startswith("ftp"):
            raise MalformedPathError("no such place")
        return ObjectPath("elsewhere", "a")

    objects.locate = locate  # type: ignore[attr-defined]
    held = Inputs(objects)  # type: ignore[arg-type]
    source = Source(0, "https://h/a?Signature=s", "", "", len(CONTENT), info.version, "r")
    assert await held.read(source, 5, 3) == CONTENT[5:8]
    assert asked == ["https://h/a?Signature=s"]
    with pytest.raises(ObjectRefusedError):
        await held.read(replace(source, location="ftp://h/a"), 5, 3)


async def test_a_file_that_there_is_not_is_nonsense() -> None:
    held = await bytes_of(Counting(), 0, 50)
    with pytest.raises(NonsenseError):
        await held.read(Wanted(1, 0, 10))
    await held.close()
