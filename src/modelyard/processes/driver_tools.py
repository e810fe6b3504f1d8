"""What the tools of accelerators' drivers say: `nvidia-smi` and `npu-smi`, asked within bounds, and read.

A tool of a sick driver hangs, floods or tells anything: it is given `LIMIT_S`, `MOST_BYTES` and a process group
that is ended, and what cannot be read is an error with the words it said.
"""

import contextlib
import logging
import os
import re
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from modelyard.domain.texts import shown

log = logging.getLogger(__name__)

LIMIT_S = 10.0
MOST_BYTES = 256 * 1024
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/wsl/lib"
"""Where tools are looked for besides our own PATH: what starts servers often sets none."""

NVIDIA = (
    "nvidia-smi",
    "--format=csv,noheader,nounits",
    "--query-gpu=index,uuid,memory.total,memory.used,utilization.gpu,name",
)
NVIDIA_ROW = re.compile(r"(\d+)\s*,\s*(GPU-[^,]*),([^,]*),([^,]*),([^,]*),(.*)")
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


@dataclass(frozen=True, slots=True)
class Said:
    """What a tool said, what it said beside that (on its standard error), and with which status it ended."""

    tool: str
    text: str
    beside: str = ""
    status: int = 0

    def failure(self) -> str:
        """For people; "" where it did not fail."""
        if not self.status or NONE_FOUND in f"{self.text}{self.beside}":
            return ""
        words = " ".join(f"{self.text} {self.beside}".split())
        return f"{self.tool} exited with status {self.status}: {shown(words)}"


def gpus() -> tuple[Card, ...]:
    """Those that can be told of: one that is lost, of which the tool complains, takes no other with it. Raises
    ToolMissingError, ToolError."""
    said = answer(NVIDIA)
    failure = said.failure()
    if failure and not any(map(_nvidia_row, said.text.splitlines())):
        raise ToolError(failure)
    if complaint := failure or said.beside:
        _complain(said.tool, complaint)
    return nvidia_cards(said.text or said.beside)


def npus() -> tuple[Card, ...]:
    """Raises ToolMissingError, ToolError."""
    said = answer(NPU)
    if failure := said.failure():
        raise ToolError(failure)
    return npu_cards(said.text or said.beside)


@lru_cache(maxsize=64)
def _complain(tool: str, words: str) -> None:
    """Once."""
    log.warning("%s said %s", tool, shown(words))


def nvidia_cards(text: str) -> tuple[Card, ...]:
    """From lines like `0, GPU-5e…, 81559, 1024, 17, NVIDIA H100 80GB HBM3`; a value that the card does not tell is
    `[N/A]`. Other lines are warnings, or of cards that are lost. Raises ToolError when there are only such."""
    found, others = [], []
    for line in filter(None, map(str.strip, text.splitlines())):
        if row := _nvidia_row(line):
            number, uuid, total, used, busy, name = map(str.strip, row.groups())
            found.append(Card(int(number), uuid, name, int(_number(total)), _number(used), _number(busy) / 100))
        elif line != NONE_FOUND:
            others.append(line)
    if others and not found:
        raise ToolError(f"nvidia-smi said {shown(others[0])}")
    for line in others:
        _complain("nvidia-smi", line)
    return _sound("nvidia-smi", found)


def _nvidia_row(line: str) -> re.Match[str] | None:
    return NVIDIA_ROW.fullmatch(line.strip())


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


def answer(argv: Sequence[str], *, limit_s: float = LIMIT_S) -> Said:
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
            stderr=subprocess.PIPE,
            env=environ,
            start_new_session=True,
        )
    except OSError as error:
        raise ToolError(f"{argv[0]} cannot be run: {error.strerror}") from None
    try:
        deadline_s = time.monotonic() + limit_s
        text, beside = _read(process, deadline_s, argv[0])
        return Said(argv[0], text, beside, process.wait(max(deadline_s - time.monotonic(), 0.1)))
    except subprocess.TimeoutExpired:
        raise ToolError(f"{argv[0]} did not end within {limit_s:g} s") from None
    finally:
        _end(process, argv[0])


def _read(process: "subprocess.Popen[bytes]", deadline_s: float, name: str) -> tuple[str, str]:
    """(its output, its errors), to the end of both."""
    assert process.stdout is not None
    assert process.stderr is not None
    pipes = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            if (left_s := deadline_s - time.monotonic()) <= 0:
                raise ToolError(f"{name} did not answer in time")
            for key, _ in selector.select(left_s):
                some = os.read(key.fd, 65536)
                pipes[key.fd] += some
                if not some:
                    selector.unregister(key.fd)
            if sum(map(len, pipes.values())) > MOST_BYTES:
                raise ToolError(f"{name} says too much: more than {MOST_BYTES} bytes")
    text, beside = (data.decode("utf-8", "replace") for data in pipes.values())
    return text, beside


def _end(process: "subprocess.Popen[bytes]", name: str) -> None:
    """Whatever it started too. One that a driver holds in the kernel cannot be ended: it is left behind, and no
    other is started as long as it is there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        _left[name] = process
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
