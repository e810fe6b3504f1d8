"""What the control plane counts of itself: its passes, its event loop, its disk, what it collected."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.worlds.plane import VirtualClock

from modelyard.control import self_watch
from modelyard.control.collecting import PIECE_BYTES, Collector, Owner
from modelyard.control.loop import KeyedLoop, Worker
from modelyard.control.self_watch import Figures, SelfWatch
from modelyard.core.metric_catalogue import BUILD, CATALOGUE
from modelyard.core.metrics import lines_of, page
from modelyard.core.tallies import Sample, Tallies
from modelyard.domain.logs import Origin
from modelyard.domain.output import UNKNOWN_SIZE, Output, OutputSource, Position
from modelyard.engines.base import DiskStatus
from modelyard.logs.keeper import LogKeeper
from modelyard.logs.memory import MemoryLogs


def told(*parts: Iterable[Sample]) -> dict[tuple[str, ...], float]:
    """(name, values of labels) → value; as a page has it."""
    text = page(CATALOGUE, [lines_of(part) for part in parts])
    families = text_string_to_metric_families(text)
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


async def nothing() -> Iterable[str]:
    return ()


async def test_passes_are_counted_and_keys_that_fail() -> None:
    tallies, held = Tallies(), asyncio.Event()

    async def handle(key: str) -> int | None:
        if key == "bad":
            raise ValueError(key)
        await held.wait()
        return None

    loop = KeyedLoop(Worker("service", nothing, handle, parallel=1), VirtualClock(), tallies)
    assert told(tallies.samples(), loop.samples()) == {
        ("modelyard_pass_failures_total", "service"): 0,
        ("modelyard_queue_depth", "service"): 0,
        ("modelyard_failing_keys", "service"): 0,
    }
    for key in ("one", "two", "bad"):
        loop.nudge(key)
    await asyncio.sleep(0)
    assert told(loop.samples())["modelyard_queue_depth", "service"] == 3
    held.set()
    await loop.idle()
    found = told(tallies.samples(), loop.samples())
    assert found["modelyard_pass_seconds_count", "service"] == 3
    assert found["modelyard_pass_wait_seconds_count", "service"] == 3
    assert found["modelyard_pass_failures_total", "service"] == 1
    assert found["modelyard_failing_keys", "service"] == 1
    assert found["modelyard_queue_depth", "service"] == 0
    await loop.close()


async def no_uses() -> Mapping[str, int]:
    return {"logs": 7}


async def test_an_event_loop_that_is_blocked_is_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_watch, "LOOK_S", 0.0)
    now, tallies = iter(range(1000)), Tallies()
    watch = SelfWatch(tmp_path, "1.2.3", tallies, DiskStatus, no_uses, steady_s=lambda: float(next(now)))
    looking = asyncio.create_task(watch.look())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    found = told(tallies.samples())
    assert found["modelyard_event_loop_lag_seconds_bucket", "0.5"] == 0
    assert found["modelyard_event_loop_lag_seconds_bucket", "1.0"] >= 1


async def test_what_the_process_tells_of_itself(tmp_path: Path) -> None:
    (tmp_path / "modelyard.db").write_bytes(b"x" * 100)
    (tmp_path / "modelyard.db-wal").write_bytes(b"x" * 10)
    (tmp_path / "modelyard.db.before-1").write_bytes(b"x" * 1000)
    walked = asyncio.Event()

    async def uses() -> Mapping[str, int]:
        walked.set()
        return {"logs": 7}

    watch = SelfWatch(tmp_path, "1.2.3", Tallies(), lambda: DiskStatus(low=True), uses)
    found = told(watch.samples())
    assert found["modelyard_build_info", "1.2.3"] == 1
    assert found["modelyard_database_size_bytes",] == 110
    assert found["modelyard_disk_low",] == 1
    assert 0 < found["modelyard_disk_free_bytes",] < found["modelyard_disk_size_bytes",]
    assert found["modelyard_control_plane_memory_bytes",] > 1_000_000
    assert not [key for key in found if "disk_use" in key[0]]  # nobody has looked yet
    measuring = asyncio.create_task(watch.measure())
    await walked.wait()
    await asyncio.sleep(0)
    measuring.cancel()
    await asyncio.gather(measuring, return_exceptions=True)
    assert told(watch.samples())["modelyard_disk_use_bytes", "logs"] == 7


async def test_a_database_elsewhere_has_no_size(tmp_path: Path) -> None:
    found = told(SelfWatch(tmp_path, "1", Tallies(), DiskStatus, no_uses).samples())
    assert not [key for key in found if "database_size" in key[0]]


def test_figures_have_what_everybody_tells() -> None:
    figures = Figures()
    figures.in_flight.append(1.0)
    figures.transaction("read", 0.001)
    figures.tell(lambda: [Sample(BUILD, 1, ("1",))])
    found = told(figures.samples())
    assert found["modelyard_api_in_flight",] == 1
    assert found["modelyard_build_info", "1"] == 1
    assert found["modelyard_database_transaction_seconds_count", "read"] == 1


class Losing:
    """One writer, which loses what nobody collects."""

    def __init__(self, *outputs: Output) -> None:
        self.outputs_ = [*outputs]

    async def outputs(self) -> list[OutputSource]:
        return [OutputSource("i", "s", 1, "m", "1", mark=str(len(self.outputs_)))]

    async def output(self, instance_id: str, after: Position | None, most_bytes: int) -> Output:
        return self.outputs_.pop(0) if self.outputs_ else Output(after or Position())

    async def release(self, instance_id: str, before: Position, *, last: bool = False) -> None:
        pass


async def owner(_source: OutputSource) -> Owner:
    return Owner(Origin("p", "s", "i"))


@pytest.mark.parametrize(
    ("dropped", "lost"), [(0, (0, 0)), (12, (1, 12)), (UNKNOWN_SIZE, (1, 0))], ids=["nothing", "some", "unknown"]
)
async def test_what_was_lost_before_it_was_collected_is_counted(dropped: int, lost: tuple[int, int]) -> None:
    tallies = Tallies()
    output = Output(Position(dropped if dropped > 0 else 0), b"one\n", ((0, 1000),), dropped=dropped)
    collector = Collector(Losing(output), LogKeeper(MemoryLogs()), owner, lambda: 1000, tallies=tallies)
    assert told(tallies.samples())["modelyard_log_gaps_total", "instances"] == 0
    await collector.round()
    found = told(tallies.samples())
    assert found["modelyard_log_read_bytes_total", "instances"] == 4
    gaps, size = (found[f"modelyard_log_{name}_total", "instances"] for name in ("gaps", "lost_bytes"))
    assert (gaps, size) == lost


async def test_how_far_collecting_is_behind() -> None:
    now = [1000]
    writers = Losing(*(Output(Position(n * PIECE_BYTES), b"x" * PIECE_BYTES) for n in range(33)))
    collector = Collector(writers, LogKeeper(MemoryLogs()), owner, lambda: now[0])
    now[0] += 7000
    assert told(collector.samples())["modelyard_log_collector_lag_seconds", "instances"] == 7
    await collector.round()  # 8 MiB, and there is more
    assert told(collector.samples())["modelyard_log_collector_lag_seconds", "instances"] == 7
    await collector.round()
    assert told(collector.samples())["modelyard_log_collector_lag_seconds", "instances"] == 0
