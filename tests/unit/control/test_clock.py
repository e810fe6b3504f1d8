"""The steady clock: it only passes, goes on after a restart, and begins anew after a boot."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelyard.control.clock import ANCHOR, SteadyClock, load_clock

HOUR_MS = 3_600_000


@dataclass
class Machine:
    """Its wall clock, and how long it is up."""

    root: Path
    wall_ms: int = 1_000_000_000
    up_ms: int = 5_000
    boot: str = "first"

    def clock(self) -> SteadyClock:
        (self.root / "boot_id").write_text(f"{self.boot}\n")
        return load_clock(
            self.root,
            self.root / "boot_id" if self.boot else self.root / "none",
            passed_ns=lambda: self.up_ms * 1_000_000,
            wall_ns=lambda: self.wall_ms * 1_000_000,
        )

    def pass_ms(self, ms: int, *, jump_ms: int = 0) -> None:
        self.up_ms += ms
        self.wall_ms += ms + jump_ms


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_its_file_is_for_its_owner(machine: Machine) -> None:
    machine.clock()
    assert [
        (file.name, file.stat().st_mode & 0o777) for file in machine.root.iterdir() if file.name == ANCHOR
    ] == [(ANCHOR, 0o600)]


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS])
def test_it_only_passes(machine: Machine, jump_ms: int) -> None:
    clock = machine.clock()
    begin_ms = clock.now_ms()
    assert begin_ms == clock.wall_ms() == machine.wall_ms
    machine.pass_ms(700, jump_ms=jump_ms)
    assert clock.now_ms() == begin_ms + 700
    assert clock.wall_ms() == begin_ms + 700 + jump_ms


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS])
def test_the_next_control_plane_goes_on_with_it(machine: Machine, jump_ms: int) -> None:
    begin_ms = machine.clock().now_ms()
    machine.pass_ms(700, jump_ms=jump_ms)
    assert machine.clock().now_ms() == begin_ms + 700


@pytest.mark.parametrize(
    ("kept", "boot"),
    [
        pytest.param(None, "second", id="another boot"),
        pytest.param(None, "", id="boots cannot be told apart"),
        pytest.param("", "first", id="an empty file"),
        pytest.param("[1]", "first", id="something else"),
        pytest.param('{"boot": "first", "anchor_ms": "soon"}', "first", id="not a moment"),
    ],
)
def test_it_begins_anew_at_the_wall_clock(machine: Machine, kept: str | None, boot: str) -> None:
    machine.boot = boot or "first"
    machine.clock()
    if kept is not None:
        (machine.root / ANCHOR).write_text(kept)
    machine.boot = "second" if boot == "second" else boot
    machine.pass_ms(700, jump_ms=HOUR_MS)
    machine.up_ms = 100
    if boot == "second":
        (machine.root / ANCHOR).write_text('{"boot": "first", "anchor_ms": 1}')
    assert machine.clock().now_ms() == machine.wall_ms


async def test_a_call_comes_when_it_is_due(machine: Machine) -> None:
    clock = machine.clock()
    called = asyncio.Event()
    clock.call_at(clock.now_ms() - 1, called.set)
    await called.wait()
