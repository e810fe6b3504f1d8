"""What the tools of accelerators' drivers say: `nvidia-smi` and `npu-smi`, asked within bounds, and read.

A tool of a sick driver hangs, floods or tells anything: it is given `LIMIT_S`, `MOST_BYTES` and a process group
that is ended, and what cannot be read is an error with the words it said.
"""

import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from modelyard.domain.texts import shown

LIMIT_S = 10.0
MOST_BYTES = 256 * 1024
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/wsl/lib"
"""Where tools are looked for besides our own PATH: what starts servers often sets none."""

NVIDIA = (
    "nvidia-smi",
    "--format=csv,noheader,nounits",
    "--query-gpu=index,uuid,memory.total,memory.used,utilization.gpu,name",
)
NPU = ("npu-smi", "info")
NONE_FOUND = "No devices were found"
END_S = 1.0
"""What was killed ends within this, unless a driver holds it in the kernel."""

_left: dict[str, "subprocess.Popen[bytes]"] = {}
"""By tool, one that was killed and has not ended."""


class ToolMissingError(Exception):
    """There is no such tool."""


class ToolError(Exception):
    """It was asked, and its answer is of no use; the message names it, for people."""


@dataclass(frozen=True, slots=True)
class Card:
    """As its tool shows it. `busy` 0..1; sizes in MiB."""

    number: int
    uuid: str = ""
    name: str = ""
    memory_mib: int = 0
    used_mib: float = 0.0
    busy: float = 0.0


def gpus() -> tuple[Card, ...]:
    """Raises ToolMissingError, ToolError."""
    return nvidia_cards(answer(NVIDIA))


def npus() -> tuple[Card, ...]:
    """Raises ToolMissingError, ToolError."""
    return npu_cards(answer(NPU))


def nvidia_cards(text: str) -> tuple[Card, ...]:
    """From lines like `0, GPU-5e…, 81559, 1024, 17, NVIDIA H100 80GB HBM3`; a value that the card does not tell is
    `[N/A]`. Raises ToolError."""
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if line == NONE_FOUND:
            continue
        parts = [part.strip() for part in line.split(",", 5)]
        if len(parts) != 6 or not parts[0].isdigit() or not parts[1].startswith("GPU-"):
            raise ToolError(f"nvidia-smi said {shown(line)}")
        number, uuid, total, used, busy, name = parts
        found.append(Card(int(number), uuid, name, int(_number(total)), _number(used), _number(busy) / 100))
    return _sound("nvidia-smi", found)


def npu_cards(text: str) -> tuple[Card, ...]:
    """From the table of `npu-smi info`: two rows of three cells for each chip, `| NPU Name | Health | … |` and
    `| Chip [Device] | Bus-Id | AICore(%) Memory-Usage(MB) [HBM-Usage(MB)] |`. Where no device is shown a board has
    one chip, whose number is the board's. Raises ToolError."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines() if "|" in line
    ]
    if not any(row[0].startswith("NPU ") for row in rows):
        raise ToolError(f"npu-smi said {shown(text[:200])}")
    found = []
    for board, chip in _pairs(rows):
        said = chip[0].split()
        number = int(said[1] if len(said) > 1 else board[0].split()[0])
        amounts = re.findall(r"(\d+)\s*/\s*(\d+)", chip[2])
        used, total = next(((a, b) for a, b in reversed(amounts) if int(b)), ("0", "0"))
        busy = _number(chip[2].split()[0]) / 100
        found.append(Card(number, "", board[0].split(maxsplit=1)[1], int(total), float(used), busy))
    return _sound("npu-smi", found)


def _pairs(rows: Sequence[Sequence[str]]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Until the table of processes begins."""
    whole = [row for row in rows if len(row) == 3]
    for board, chip in pairwise(whole):
        if not (re.fullmatch(r"\d+\s+\S.*", board[0]) and re.fullmatch(r"[A-Za-z]+", board[1])):
            continue
        if re.fullmatch(r"\d+(\s+\d+)?", chip[0]) and re.match(r"NA|[0-9A-Fa-f]{4,8}:", chip[1]) and chip[2]:
            yield board, chip


def _sound(tool: str, found: list[Card]) -> tuple[Card, ...]:
    if len({card.number for card in found}) != len(found):
        raise ToolError(f"{tool} tells of two cards with one number")
    return tuple(sorted(found, key=lambda card: card.number))


def _number(text: str) -> float:
    try:
        return max(float(text), 0.0)
    except ValueError:
        return 0.0  # [N/A], [Not Supported]


def answer(argv: Sequence[str], *, limit_s: float = LIMIT_S) -> str:
    """All that it says. One tool is asked by one thread at a time. Raises ToolMissingError, ToolError."""
    found = shutil.which(argv[0]) or shutil.which(argv[0], path=PATH)
    if found is None:
        raise ToolMissingError(argv[0])
    if (before := _left.pop(argv[0], None)) is not None and before.poll() is None:
        _left[argv[0]] = before
        raise ToolError(f"{argv[0]} that was asked before hangs (process {before.pid})")
    environ = {"PATH": os.pathsep.join([os.environ.get("PATH", ""), PATH]), "LC_ALL": "C"}
    if libraries := os.environ.get("LD_LIBRARY_PATH"):
        environ["LD_LIBRARY_PATH"] = libraries
    try:
        process = subprocess.Popen(
            [found, *argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environ,
            start_new_session=True,
        )
    except OSError as error:
        raise ToolError(f"{argv[0]} cannot be run: {error.strerror}") from None
    try:
        deadline_s = time.monotonic() + limit_s
        text = _read(process, deadline_s, argv[0])
        code = process.wait(max(deadline_s - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        raise ToolError(f"{argv[0]} did not end within {limit_s:g} s") from None
    finally:
        _end(process, argv[0])
    if code and NONE_FOUND not in text:
        raise ToolError(f"{argv[0]} exited with status {code}: {shown(' '.join(text.split()))}")
    return text


def _read(process: "subprocess.Popen[bytes]", deadline_s: float, name: str) -> str:
    assert process.stdout is not None
    data = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left_s := deadline_s - time.monotonic()) > 0:
            if not selector.select(left_s):
                break
            some = os.read(process.stdout.fileno(), 65536)
            data += some
            if not some:
                return data.decode("utf-8", "replace")
            if len(data) > MOST_BYTES:
                raise ToolError(f"{name} says too much: more than {MOST_BYTES} bytes")
    raise ToolError(f"{name} did not answer in time")


def _end(process: "subprocess.Popen[bytes]", name: str) -> None:
    """Whatever it started too. One that a driver holds in the kernel cannot be ended: it is left behind, and no
    other is started as long as it is there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        _left[name] = process
    if process.stdout is not None:
        process.stdout.close()
