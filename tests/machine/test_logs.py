"""The store of lines in files against a list: appends, bounds, crashes and every search, in any order."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from modelyard.core.logs import matches
from modelyard.domain.logs import Found, Kept, Line, LogQuery, Origin
from modelyard.logs.local import LocalLogs

WORDS = [
    "Error",
    "err",
    "timeout 42",
    "ΟΔΟΣ",
    "straße",
    "%_*\"'",
    "a",
    "x y",
    "deadbeef-0bad",
    "\0",
    "K",
    "💥!",
    "line",
]
TEXTS = st.lists(st.sampled_from([*WORDS, " ", "filler text of some length", "0123456789abcdef" * 20]), max_size=6)
ORIGINS = [Origin("p", service, f"{service}-{n}", n // 2, "m") for service in ("one", "two") for n in range(4)]
REFERENCES = ["", "", "ref-1", "Ref-2 ü"]
TIMES = st.integers(0, 5 * 24 * 3600 * 1000)


class Model:
    """What the store promises, as plainly as it can be said."""

    def __init__(self) -> None:
        self.lines: dict[str, list[Line]] = {"one": [], "two": []}
        self.last = {"one": 0, "two": 0}
        self.cut = {"one": 0, "two": 0}
        self.positions: dict[str, str] = {}

    def append(self, origin: Origin, lines: list[Line], position: str) -> None:
        for line in lines:
            self.last[origin.service_id] += 1
            number = self.last[origin.service_id]
            self.lines[origin.service_id].append(replace(line, number=number, origin=origin))
        self.positions[origin.instance_id] = position

    def answers(self, service_id: str, query: LogQuery) -> list[Line]:
        found = [line for line in self.lines[service_id] if matches(query, line)]
        return found[::-1] if query.newest_first else found


class Logs(RuleBasedStateMachine):
    positions = Bundle("positions")

    @initialize(segment=st.sampled_from([40_000, 80_000, 10**7]), search_s=st.sampled_from([-1.0, 60.0]))
    def start(self, segment: int, search_s: float) -> None:
        self.loop = asyncio.new_event_loop()
        self.directory = Path(tempfile.mkdtemp())
        self.options = {"segment_bytes": segment, "search_s": search_s, "most_bytes": 0}
        self.model = Model()
        self.steps = 0
        self._open()

    def _open(self) -> None:
        self.logs = LocalLogs(self.directory / "logs", **self.options)  # type: ignore[arg-type]
        self._run(self.logs.open())

    def _run(self, what: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(what)

    @rule(
        origin=st.sampled_from(ORIGINS),
        texts=st.lists(TEXTS, max_size=8),
        times=st.lists(TIMES, min_size=8, max_size=8),
        reference=st.sampled_from(REFERENCES),
        repeat=st.sampled_from([1, 1, 7, 60]),
    )
    def append(
        self, origin: Origin, texts: list[list[str]], times: list[int], reference: str, repeat: int
    ) -> None:
        self.steps += 1
        lines = [
            Line(0, at_ms, " ".join(words), origin, reference if i % 3 == 0 else "", i % 2)
            for i, (words, at_ms) in enumerate(zip(texts, times, strict=False))
        ] * repeat
        last = self._run(self.logs.append(origin, lines, f"at {self.steps}"))
        self.model.append(origin, lines, f"at {self.steps}")
        assert last == self.model.last[origin.service_id]

    @rule(
        service_id=st.sampled_from(["one", "two"]),
        words=st.lists(st.sampled_from([*WORDS, "absent", "ERR", "rror", "sse", "οδος", "42 ", ""]), max_size=2),
        instance=st.sampled_from(["", "", "one-1", "two-3", "none"]),
        revision=st.sampled_from([None, None, 0, 1, 7]),
        reference=st.sampled_from([*REFERENCES, "ref-2 ü", "ref"]),
        window=st.one_of(st.none(), st.tuples(TIMES, TIMES)),
        bounds=st.tuples(st.one_of(st.none(), st.integers(-1, 900)), st.one_of(st.none(), st.integers(-1, 900))),
        newest_first=st.booleans(),
        limit=st.sampled_from([1, 3, 100, 10**6]),
    )
    def search(
        self,
        service_id: str,
        words: list[str],
        instance: str,
        revision: int | None,
        reference: str,
        window: tuple[int, int] | None,
        bounds: tuple[int | None, int | None],
        newest_first: bool,
        limit: int,
    ) -> None:
        since_ms, until_ms = sorted(window) if window else (None, None)
        query = LogQuery(
            instance, revision, since_ms, until_ms, tuple(words), reference, *bounds, newest_first, limit
        )
        expected = self.model.answers(service_id, query)
        found: list[Line] = []
        for _ in range(10_000):
            answer: Found = self._run(self.logs.search(service_id, query))
            assert len(answer.lines) <= limit
            found += answer.lines
            assert found == expected[: len(found)]
            if answer.cursor is None:
                assert answer.complete
                break
            if newest_first:
                assert query.before is None or answer.cursor < query.before
                query = replace(query, before=answer.cursor)
            else:
                assert query.after is None or answer.cursor > query.after
                query = replace(query, after=answer.cursor)
        assert found == expected

    @rule(service_id=st.sampled_from(["one", "two"]), most_bytes=st.integers(0, 200_000), oldest_ms=TIMES)
    def bound(self, service_id: str, most_bytes: int, oldest_ms: int) -> None:
        if not self.model.last[service_id]:
            return
        before = self.model.lines[service_id]
        self._run(self.logs.bound(service_id, most_bytes, oldest_ms))
        kept: Kept = self._run(self.logs.kept(service_id))
        gone = before[: len(before) - kept.lines]
        self.model.lines[service_id] = before[len(gone) :]
        self.model.cut[service_id] += len(gone)
        assert kept.cut_lines == self.model.cut[service_id]
        if most_bytes == 0:
            assert all(line.at_ms < oldest_ms for line in gone)
        if gone and not self.model.lines[service_id]:
            assert all(line.at_ms < oldest_ms for line in gone[-1:])

    @rule(service_id=st.sampled_from(["one", "two"]))
    def remove(self, service_id: str) -> None:
        self._run(self.logs.remove(service_id))
        self.model.lines[service_id], self.model.last[service_id], self.model.cut[service_id] = [], 0, 0
        for origin in ORIGINS:
            if origin.service_id == service_id:
                self.model.positions.pop(origin.instance_id, None)

    @rule()
    def restart(self) -> None:
        self._run(self.logs.close())
        self._open()

    @rule()
    def crash(self) -> None:
        """As after a kill: whatever lies there, also what SQLite keeps beside its files, is what there is."""
        copy = Path(tempfile.mkdtemp())
        shutil.copytree(self.directory / "logs", copy / "logs")
        self._run(self.logs.close())
        shutil.rmtree(self.directory)
        self.directory = copy
        self._open()

    @invariant()
    def positions_and_counts(self) -> None:
        if not hasattr(self, "logs"):
            return
        for origin in ORIGINS:
            assert self._run(self.logs.position(origin)) == self.model.positions.get(origin.instance_id, "")
        for service_id, lines in self.model.lines.items():
            kept: Kept = self._run(self.logs.kept(service_id))
            assert kept.lines == len(lines)
            assert kept.oldest_ms == min((line.at_ms for line in lines), default=None)

    def teardown(self) -> None:
        if hasattr(self, "logs"):
            self._run(self.logs.close())
            self.loop.close()
            shutil.rmtree(self.directory)


TestLogs = Logs.TestCase
TestLogs.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
