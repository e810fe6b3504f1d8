"""Which cards there are: by tools that are scripts here, by files in /dev, by hand."""

import os
import signal
import stat
import threading
import time
from pathlib import Path

import pytest

from modelyard.domain.devices import Device, Inventory, Kind, Reading
from modelyard.processes import accelerators, driver_tools, refreshing
from modelyard.processes.accelerators import Accelerators, numbers
from modelyard.processes.driver_tools import Card, ToolError, ToolMissingError, answer, npu_cards, nvidia_cards

TWO = """\
0, GPU-5e1c, 81559, 1024, 17, NVIDIA H100 80GB HBM3
1, GPU-9f00, 81559, 0, [N/A], NVIDIA H100, with a comma
"""
OLD_TABLE = """\
+------------------------------------------------------------------------------+
| npu-smi 21.0.3.1                     Version: 21.0.3.1                       |
+-------------------+-----------------+----------------------------------------+
| NPU     Name      | Health          | Power(W)          Temp(C)              |
| Chip    Device    | Bus-Id          | AICore(%)         Memory-Usage(MB)     |
+===================+=================+========================================+
| 1       310       | OK              | 12.8              54                   |
| 0       4         | 0000:3D:00.0    | 7                 2703 / 8192          |
+-------------------+-----------------+----------------------------------------+
| 1       310       | Alarm           | 12.8              54                   |
| 1       5         | 0000:3E:00.0    | 0                 2703 / 8192          |
+===================+=================+========================================+
"""
TABLE_910B = """\
+------------------------------------------------------------------------------------------------+
| npu-smi 25.5.1                   Version: 25.5.1                                               |
+---------------------------+---------------+----------------------------------------------------+
| NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|
| Chip                      | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |
+===========================+===============+====================================================+
| 0     910B3               | OK            | 93.1        36                0    / 0             |
| 0                         | 0000:C1:00.0  | 40          0    / 0          3435 / 65536         |
+===========================+===============+====================================================+
| 7     910B3               | OK            | 91.0        35                0    / 0             |
| 0                         | 0000:42:00.0  | 0           0    / 0          3421 / 65536         |
+===========================+===============+====================================================+
+---------------------------+---------------+----------------------------------------------------+
| NPU     Chip              | Process id    | Process name             | Process memory(MB)      |
+===========================+===============+====================================================+
| 0       0                 | 4821          | python3                  | 612                     |
| No running processes found in NPU 7                                                            |
+===========================+===============+====================================================+
"""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is."""
    monkeypatch.setattr(refreshing, "PATIENCE_S", 30.0)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tools, and no others."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(driver_tools, "PATH", str(folder))
    return folder


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    (tmp_path / "dev").mkdir()
    return tmp_path / "dev"


def tool(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def says(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.txt").write_text(text)
    tool(folder, name, f"cat {folder}/{name}.txt")


def test_nvidia() -> None:
    assert nvidia_cards(TWO) == (
        Card(0, "GPU-5e1c", "NVIDIA H100 80GB HBM3", 81559, 1024, 0.17),
        Card(1, "GPU-9f00", "NVIDIA H100, with a comma", 81559),
    )
    assert nvidia_cards("No devices were found\n") == nvidia_cards("") == ()


@pytest.mark.parametrize("text", ["Failed to initialize NVML", "0, 1", "x, GPU-1, 1, 1, 1, n", TWO + TWO])
def test_nvidia_that_is_not_understood_is_no_card(text: str) -> None:
    with pytest.raises(ToolError, match="nvidia-smi"):
        nvidia_cards(text)


@pytest.mark.parametrize(
    "script",
    [
        "echo WARNING: infoROM is corrupted at gpu 0000:3B:00.0; cat {}",
        "echo a driver is odd >&2; cat {}",
        "cat {}; echo 'Unable to determine the device handle for GPU0000:5E:00.0: GPU is lost'; exit 15",
        "cat {}; echo '3, [GPU is lost], 1, 1, 1, H100'; exit 15",
    ],
)
def test_one_lost_gpu_takes_no_other_with_it(
    tools: Path, dev: Path, caplog: pytest.LogCaptureFixture, script: str
) -> None:
    driver_tools._complain.cache_clear()
    (dev / "nvidia0").touch()
    (tools / "two").write_text(TWO)
    tool(tools, "nvidia-smi", script.format(tools / "two"))
    found = Accelerators(dev=dev)
    found.look()
    assert [device.uuid for device in found.inventory.devices] == ["GPU-5e1c", "GPU-9f00"]
    assert found.inventory.trouble == ""
    said = [record.getMessage() for record in caplog.records]
    assert said
    assert driver_tools.gpus()
    assert [record.getMessage() for record in caplog.records] == said, "once"


def test_npus() -> None:
    assert npu_cards(OLD_TABLE) == (
        Card(4, "", "310", 8192, 2703, 0.07),
        Card(5, "", "310", 8192, 2703),
    )
    assert npu_cards(TABLE_910B) == (
        Card(0, "", "910B3", 65536, 3435, 0.4),
        Card(7, "", "910B3", 65536, 3421),
    )
    with pytest.raises(ToolError, match="DrvMngGetConsoleLogLevel"):
        npu_cards("DrvMngGetConsoleLogLevel failed")


def test_what_a_tool_says(tools: Path, dev: Path) -> None:
    says(tools, "nvidia-smi", TWO)
    says(tools, "npu-smi", TABLE_910B)
    for name in ("nvidia0", "nvidia1", "nvidiactl", "davinci0", "davinci_manager"):
        (dev / name).touch()
    found = Accelerators(dev=dev, proc=dev)
    found.look()
    assert found.inventory == Inventory(
        (
            Device(Kind.GPU, 0, "GPU-5e1c", "NVIDIA H100 80GB HBM3", 81559, f"{dev}/nvidia0"),
            Device(Kind.GPU, 1, "GPU-9f00", "NVIDIA H100, with a comma", 81559, f"{dev}/nvidia1"),
            Device(Kind.NPU, 0, "", "910B3", 65536, f"{dev}/davinci0"),
            Device(Kind.NPU, 7, "", "910B3", 65536),
        )
    )


def test_a_driver_says_which_file_is_whose(tools: Path, dev: Path, tmp_path: Path) -> None:
    says(tools, "nvidia-smi", TWO)
    for minor, uuid in ((0, "GPU-9f00"), (1, "GPU-5e1c")):
        (dev / f"nvidia{minor}").touch()
        about = tmp_path / "proc/driver/nvidia/gpus" / uuid / "information"
        about.parent.mkdir(parents=True)
        about.write_text(f"Model: \t NVIDIA\nGPU UUID: \t {uuid}\nDevice Minor: \t {minor}\n")
    found = Accelerators(dev=dev, proc=tmp_path / "proc")
    found.look()
    assert [(d.number, Path(d.node).name) for d in found.inventory.devices] == [(0, "nvidia1"), (1, "nvidia0")]


def test_without_a_tool_files_are_counted(tools: Path, dev: Path) -> None:
    for name in ("nvidia2", "nvidiactl", "nvidia-uvm", "davinci1"):
        (dev / name).touch()
    found = Accelerators(dev=dev)
    found.look()
    gpu, npu = Device(Kind.GPU, 2, node=f"{dev}/nvidia2"), Device(Kind.NPU, 1, node=f"{dev}/davinci1")
    assert found.inventory == Inventory((gpu, npu))


def test_by_hand(tools: Path, dev: Path) -> None:
    says(tools, "nvidia-smi", TWO)
    found = Accelerators("1,5", "none", dev=dev)
    found.look()
    assert [(d.number, d.uuid) for d in found.inventory.devices] == [(1, "GPU-9f00"), (5, "")]
    none = Accelerators("none", "0", dev=dev)
    none.look()
    assert [(d.kind, d.number) for d in none.inventory.devices] == [(Kind.NPU, 0)]


@pytest.mark.parametrize("text", ["x", "0,", "-1", "0,0", "1.5", "4096", "none,1", "GPU-1"])
def test_settings_that_mean_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="'"):
        numbers(text)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exec sleep 60", "did not answer in time"),
        ("sleep 60 & exit 0", "did not answer in time"),
        ("while :; do echo flood flood flood flood; done", "says too much"),
        ("exec >&-; exec 2>&-; exec sleep 60", "did not end within"),
    ],
)
def test_a_sick_tool_is_bounded(tools: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str) -> None:
    tool(tools, "sick", script)
    began_s = time.monotonic()
    with pytest.raises(ToolError, match=said):
        answer(("sick",), limit_s=0.5)
    assert time.monotonic() - began_s < 10


def test_a_tool_that_fails_is_quoted(tools: Path) -> None:
    for name, asked in (("nvidia-smi", driver_tools.gpus), ("npu-smi", driver_tools.npus)):
        tool(tools, name, "echo Driver/library; echo version mismatch >&2; exit 18")
        with pytest.raises(ToolError, match=f"{name} exited with status 18: 'Driver/library version mismatch'"):
            asked()


def test_no_tool(tools: Path) -> None:
    with pytest.raises(ToolMissingError):
        answer(("nowhere",))
    (tools / "odd").write_text("not a program")
    (tools / "odd").chmod(stat.S_IXUSR | stat.S_IRUSR)
    with pytest.raises(ToolError, match="odd cannot be run"):
        answer(("odd",))


def test_a_tool_gets_none_of_our_secrets(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_S3_SECRET_KEY", "hush")
    tool(tools, "shows", "env")
    assert "hush" not in answer(("shows",)).text
    assert os.environ["MODELYARD_S3_SECRET_KEY"] == "hush"


async def test_while_nobody_can_tell_it_is_looked_for_again(
    tools: Path, dev: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (dev / "nvidia0").touch()
    tool(tools, "nvidia-smi", "echo no driver; exit 9")
    found = Accelerators(dev=dev)
    found.look()
    assert found.inventory == Inventory((), "nvidia-smi exited with status 9: 'no driver'")
    says(tools, "nvidia-smi", TWO)
    assert not (await found.fresh()).devices, "not at every start"
    monkeypatch.setattr(accelerators, "AGAIN_S", -1.0)
    assert len((await found.fresh()).devices) == 2
    tool(tools, "nvidia-smi", "exit 9")
    assert len((await found.fresh()).devices) == 2, "what was found stays"


def test_a_tool_that_cannot_be_ended_is_not_started_again(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that a driver holds in the kernel."""
    tool(tools, "stuck", f"echo $$ >> {tmp_path}/pids; exec sleep 60")
    monkeypatch.setattr(driver_tools, "END_S", 0.01)
    with monkeypatch.context() as held:
        held.setattr(os, "killpg", lambda *_: None)
        with pytest.raises(ToolError, match="did not answer in time"):
            answer(("stuck",), limit_s=0.5)
        for _ in range(2):
            with pytest.raises(ToolError, match="asked before hangs"):
                answer(("stuck",))
    (pid,) = map(int, (tmp_path / "pids").read_text().split())
    os.kill(pid, signal.SIGKILL)
    driver_tools._left["stuck"].wait(10)
    says(tools, "stuck", "well")
    assert answer(("stuck",)).text == "well"


async def test_nobody_waits_for_a_tool_that_hangs(tools: Path, dev: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(tools, "nvidia-smi", TWO)
    found = Accelerators(dev=dev)
    found.look()
    before = await found.readings()
    assert before
    asked, go_on = [], threading.Event()

    def hangs() -> tuple[Card, ...]:
        asked.append(1)
        go_on.wait(30)
        raise ToolError("nvidia-smi did not answer in time")

    monkeypatch.setattr(accelerators, "ASK", {Kind.GPU: hangs, Kind.NPU: hangs})
    monkeypatch.setattr(accelerators, "READINGS_S", -1.0)
    monkeypatch.setattr(refreshing, "PATIENCE_S", 0.05)
    try:
        for _ in range(3):
            assert await found.readings() == before, "as it was last"
        assert len((await found.fresh()).devices) == 2
        assert len(asked) == 1
    finally:
        go_on.set()
    monkeypatch.setattr(refreshing, "PATIENCE_S", 30.0)
    assert await found.readings() == await found.readings() == {}
    assert len(asked) == 1, "one that failed is left alone for a while"


async def test_no_start_waits_for_a_tool_that_hangs(
    tools: Path, dev: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what one kind has is known while nobody can tell of the other."""
    (dev / "davinci0").touch()
    says(tools, "nvidia-smi", TWO)
    tool(tools, "npu-smi", "echo sick; exit 1")
    found = Accelerators(dev=dev)
    found.look()
    asked, go_on = [], threading.Event()

    def hangs() -> tuple[Card, ...]:
        asked.append(1)
        go_on.wait(30)
        return (Card(0),)

    monkeypatch.setattr(accelerators, "ASK", {Kind.NPU: hangs})
    monkeypatch.setattr(accelerators, "AGAIN_S", -1.0)
    monkeypatch.setattr(refreshing, "PATIENCE_S", 0.05)
    try:
        for _ in range(3):
            seen = await found.fresh()
            assert (len(seen.devices), seen.trouble) == (2, "npu-smi exited with status 1: 'sick'")
        assert len(asked) == 1
    finally:
        go_on.set()
    monkeypatch.setattr(refreshing, "PATIENCE_S", 30.0)
    assert len((await found.fresh()).devices) == 3


async def test_a_tool_without_cards_is_no_trouble(tools: Path, dev: Path) -> None:
    tool(tools, "nvidia-smi", "echo has failed because it could not communicate with the driver; exit 9")
    found = Accelerators(dev=dev)
    found.look()
    assert found.inventory == Inventory()


async def test_what_cards_do(tools: Path, dev: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(tools, "nvidia-smi", TWO)
    says(tools, "npu-smi", TABLE_910B)
    found = Accelerators("", "7", dev=dev)
    found.look()
    gpus = {(Kind.GPU, 0): Reading(0.17, 1024), (Kind.GPU, 1): Reading()}
    assert await found.readings() == {**gpus, (Kind.NPU, 7): Reading(0, 3421)}
    says(tools, "nvidia-smi", TWO.replace("1024, 17", "2048, 50").replace("0, GPU-5e1c", "3, GPU-5e1c"))
    assert (await found.readings())[Kind.GPU, 0] == Reading(0.17, 1024), "asked again after a few seconds only"
    monkeypatch.setattr(accelerators, "READINGS_S", -1.0)
    assert (await found.readings())[Kind.GPU, 0] == Reading(0.5, 2048), "known by its name"
    tool(tools, "nvidia-smi", "exit 1")
    assert await found.readings() == {(Kind.NPU, 7): Reading(0, 3421)}
