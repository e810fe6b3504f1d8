"""Time, as a value that can be passed in.

There are two, both in milliseconds since 1970 UTC:

    wall     what people are shown, what tokens and schedules go by; it may be set at any moment, by any amount
    steady   what decisions go by: it only ever passes. How long an instance started, drained or was quiet, and
             when a try is due again, are differences of two such moments: a jump of the wall clock changes none

The steady clock starts at what the wall clock said when it was first asked after the machine's boot, and then only
counts what passes. It stands still while the machine is suspended; from the wall clock it differs by all the jumps
since.

Rows of instances and the engine's records hold steady moments, rollouts and events those of the wall clock. A new
control plane goes on with the steady time of the last one (`ANCHOR`, good for one boot of one machine). After a
boot, or where one boot cannot be told from another, it begins anew at the wall clock, on the assumption that
nobody has set that since the rows were written. No process outlives a boot; moments in the future count as now
(`core.rollout.decide`). A rollout that an earlier control plane had seen begin is as old as the wall clock says.
"""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from modelyard import files, trees

ANCHOR = "clock.json"
CENTURY_MS = 100 * 366 * 86_400_000
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """The steady time, calls at a moment of it, and the wall clock (see the module)."""

    def now_ms(self) -> int: ...

    def wall_ms(self) -> int: ...

    def call_at(self, when_ms: int, call: Callable[[], None]) -> Timer: ...


class SteadyClock:
    """The machine's clocks. `anchor_ms`: the steady time at which the machine's count of time was 0.

    Calls happen in the running event loop, not before they are due.
    """

    def __init__(
        self,
        anchor_ms: int,
        *,
        passed_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.anchor_ms = anchor_ms
        self._passed_ns = passed_ns
        self._wall_ns = wall_ns

    def now_ms(self) -> int:
        return self.anchor_ms + self._passed_ns() // 1_000_000

    def wall_ms(self) -> int:
        return self._wall_ns() // 1_000_000

    def call_at(self, when_ms: int, call: Callable[[], None]) -> Timer:
        delay_s = max(when_ms - self.now_ms(), 0) / 1000
        return asyncio.get_running_loop().call_later(delay_s, call)


def load_clock(
    data_dir: Path,
    boot_id: Path = BOOT_ID,
    *,
    passed_ns: Callable[[], int] = time.monotonic_ns,
    wall_ns: Callable[[], int] = time.time_ns,
) -> SteadyClock:
    """The clock that goes on where the last one of this boot was. Raises OSError if it cannot be kept."""
    boot, file = _text(boot_id), data_dir / ANCHOR
    anchor_ms = _anchor_ms(file, boot, (wall_ns() - passed_ns()) // 1_000_000)
    if anchor_ms is None:
        anchor_ms = (wall_ns() - passed_ns()) // 1_000_000
        trees.make_way(file)
        files.write(file, json.dumps({"boot": boot, "anchor_ms": anchor_ms}).encode())
    return SteadyClock(anchor_ms, passed_ns=passed_ns, wall_ns=wall_ns)


def _anchor_ms(file: Path, boot: str, otherwise_ms: int) -> int | None:
    """What is kept of this boot, unless it is damaged: nobody sets a clock by a century."""
    try:
        value = files.read_object(file)
    except (OSError, ValueError):
        return None
    if not boot or value.get("boot") != boot:
        return None
    anchor_ms = value.get("anchor_ms")
    if not isinstance(anchor_ms, int) or abs(anchor_ms - otherwise_ms) > CENTURY_MS:
        return None
    return anchor_ms


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
