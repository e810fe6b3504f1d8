"""The port to the store of lines, over every store: order, numbers, positions, searches, bounds."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelyard.domain.logs import Line, LogQuery, Origin
from modelyard.logs.base import LogStore, LogsUnavailableError
from modelyard.logs.local import LocalLogs
from modelyard.logs.memory import MemoryLogs
from modelyard.logs.process import LogProcess

A = Origin("p", "service-a", "instance-1", 1, "m:0.0.1")
A2 = Origin("p", "service-a", "instance-2", 2, "m:0.0.2")
B = Origin("p", "service-b", "instance-3", 1, "m:0.0.1")


def process(directory: Path) -> LogProcess:
    return LogProcess(directory, most_bytes=1 << 30, reserve_bytes=0, ring=lambda _: None)


@pytest.fixture(params=["memory", "files", "process"])
async def logs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LogStore]:
    kinds = {"memory": lambda _: MemoryLogs(), "files": LocalLogs, "process": process}
    logs: LogStore = kinds[request.param](tmp_path / "logs")
    await logs.open()
    yield logs
    await logs.close()


def lines(*texts: str, at_ms: int = 1000, reference: str = "") -> list[Line]:
    return [Line(0, at_ms + i, text, A, reference) for i, text in enumerate(texts)]


async def texts(logs: LogStore, query: LogQuery, service_id: str = "service-a") -> list[str]:
    return [line.text for line in (await logs.search(service_id, query)).lines]


async def test_lines_keep_their_order_and_their_origin(logs: LogStore) -> None:
    await logs.append(A, lines("one", "two"), "1")
    assert await logs.append(A2, lines("three"), "1") == 3
    await logs.append(B, lines("elsewhere"), "1")
    found = await logs.search("service-a", LogQuery())
    assert [(line.number, line.text, line.origin) for line in found.lines] == [
        (1, "one", A),
        (2, "two", A),
        (3, "three", A2),
    ]
    assert found.complete
    assert found.cursor is None
    assert await logs.services() == ["service-a", "service-b"]


async def test_the_position_of_each_instance_is_the_last_that_was_appended(logs: LogStore) -> None:
    assert await logs.position(A) == ""
    await logs.append(A, lines("one"), "0:4")
    await logs.append(A2, [], "7:0")
    await logs.append(A, [], "0:9")
    assert [await logs.position(origin) for origin in (A, A2, B)] == ["0:9", "7:0", ""]


TEXTS = ["an Error 42", "error 43", 'x * "or" near(%_ y', "the § sign", "η οδοσα", "die Straße"]
WORDS = {
    "a part of a word, in any case": ("ROR 4", ["an Error 42", "error 43"]),
    "two of them": (("error", "an"), ["an Error 42"]),
    "nothing is special": ('* "OR" NEAR(%_', ['x * "or" near(%_ y']),
    "one character": ("§", ["the § sign"]),
    "two characters": ("§ ", ["the § sign"]),
    "other scripts": ("ΟΔΟΣ", ["η οδοσα"]),
    "folded to more": ("STRASSE", ["die Straße"]),
    "nothing": ("absent", []),
    "an empty word": (
        "",
        ["an Error 42", "error 43", 'x * "or" near(%_ y', "the § sign", "η οδοσα", "die Straße"],
    ),
}


@pytest.mark.parametrize(("words", "expected"), WORDS.values(), ids=WORDS)
async def test_words_are_found_wherever_they_are(
    logs: LogStore, words: str | tuple[str, ...], expected: list[str]
) -> None:
    await logs.append(A, lines(*TEXTS), "")
    wanted = (words,) if isinstance(words, str) else words
    assert await texts(logs, LogQuery(words=wanted)) == expected
    assert await texts(logs, LogQuery(words=wanted, newest_first=True)) == expected[::-1]


async def test_lines_are_found_by_time_instance_revision_and_reference(logs: LogStore) -> None:
    await logs.append(A, lines("one", "two"), "")
    await logs.append(A2, lines("three", reference="Ref-1"), "")
    assert await texts(logs, LogQuery(since_ms=1001)) == ["two"]
    assert await texts(logs, LogQuery(until_ms=1000)) == ["one", "three"]
    assert await texts(logs, LogQuery(instance_id="instance-2")) == ["three"]
    assert await texts(logs, LogQuery(revision=1)) == ["one", "two"]
    assert await texts(logs, LogQuery(reference="Ref-1")) == ["three"]
    assert await texts(logs, LogQuery(reference="ref-1")) == []
    assert await texts(logs, LogQuery(), "no-service") == []


@pytest.mark.parametrize("newest_first", [False, True])
async def test_pages_follow_each_other_without_a_gap(logs: LogStore, newest_first: bool) -> None:
    await logs.append(A, lines(*(f"line {n}" for n in range(25))), "")
    query, pages = LogQuery(limit=10, newest_first=newest_first), []
    while True:
        found = await logs.search("service-a", query)
        pages.append([line.number for line in found.lines])
        if found.cursor is None:
            break
        query = replace(query, **{"before" if newest_first else "after": found.cursor})
    expected = list(range(1, 26))
    assert [number for page in pages for number in page] == (expected[::-1] if newest_first else expected)
    assert [len(page) for page in pages] == [10, 10, 5]


async def test_what_is_too_old_is_cut_and_counted_and_numbers_go_on(logs: LogStore) -> None:
    await logs.append(A, lines("old"), "")
    await logs.bound("service-a", 10**9, 5000)
    kept = await logs.kept("service-a")
    assert (kept.lines, kept.cut_lines, kept.cut_until_ms) == (0, 1, 1000)
    assert await logs.append(A, lines("new", at_ms=6000), "") == 2
    assert await texts(logs, LogQuery()) == ["new"]
    assert (await logs.kept("service-a")).oldest_ms == 6000


async def test_all_of_a_service_is_removed(logs: LogStore) -> None:
    await logs.append(A, lines("one"), "1")
    await logs.append(B, lines("two"), "1")
    await logs.remove("service-a")
    assert await texts(logs, LogQuery()) == []
    assert await logs.position(A) == ""
    assert await logs.services() == ["service-b"]


async def test_a_store_that_is_away_or_full_says_so() -> None:
    logs = MemoryLogs()
    logs.full = True
    with pytest.raises(LogsUnavailableError):
        await logs.append(A, lines("one"), "")
    logs.away = True
    with pytest.raises(LogsUnavailableError):
        await logs.search("service-a", LogQuery())
