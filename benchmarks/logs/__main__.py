"""Append realistic lines, then search them; prints tables.

    python -m benchmarks.logs [--gigabytes 1] [--dir DIR] [--keep]

Sizes are of the lines' own text. What is measured of appending is the time of the whole process without the time
that making the lines takes. Each search runs once on files that the system has forgotten (where it lets us ask for
that) and then five times more.
"""

import argparse
import asyncio
import os
import random
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from modelyard.domain.logs import Line, LogQuery, Origin
from modelyard.logs.local import LocalLogs

SERVICE = "service"
BATCH = 2000
START_MS = 1_800_000_000_000
WORDS = """
loading model weights from checkpoint tensor shape batch request predict finished started retry connection
pool timeout deprecated cache hit miss queue depth worker instance healthy probe latency memory allocated
released thread scheduler token stream embedding attention layer norm forward backward gradient device host
pinned buffer copy decode encode prompt completion sequence length exceeded truncated input output field
validation schema missing optional default value config reload signal
""".split()  # noqa: SIM905
LEVELS = ("INFO",) * 12 + ("DEBUG", "WARNING", "ERROR")
RARE = "OutOfMemoryError"
ORIGINS = tuple(Origin("project", SERVICE, f"instance-{n}", 1 + n // 2, "model:0.0.1") for n in range(4))


@dataclass
class Lines:
    """Made up of 20,000 messages, each with a time and a number of its own; two of five are a request's."""

    choose: random.Random = field(default_factory=lambda: random.Random(7))
    made: int = 0
    size: int = 0
    reference: str = ""

    def __post_init__(self) -> None:
        choose = self.choose
        self.messages = [
            f"{choose.choice(LEVELS)} model.{choose.choice(WORDS)}:{choose.randrange(400)} "
            + " ".join(choose.choices(WORDS, k=choose.randrange(4, 14)))
            for _ in range(20_000)
        ]

    def batch(self, rare_every: int) -> list[Line]:
        choose, lines = self.choose, []
        for _ in range(BATCH):
            self.made += 1
            at_ms, reference = START_MS + self.made // 20, ""
            seconds, ms = divmod(at_ms, 1000)
            stamp = f"2027-01-15 {seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d},{ms:03d}"
            if choose.random() < 0.4:
                x = f"{choose.getrandbits(128):032x}"
                reference = f"{x[:8]}-{x[8:12]}-{x[12:16]}-{x[16:20]}-{x[20:]}"
                text = f"{stamp} INFO access POST /predict 200 {x[3:6]}us {x[9:13]}B ref={reference}"
            else:
                text = f"{stamp} {choose.choice(self.messages)} took={choose.random():.4f} step={self.made}"
            if self.made % rare_every == rare_every // 2:
                text += f" {RARE}: nothing left"
                self.reference = reference or self.reference
            lines.append(Line(0, at_ms, text, ORIGINS[0], reference))
            self.size += len(text) + 1
        return lines


async def fill(logs: LocalLogs, size: int) -> Lines:
    """Print how fast it went."""
    lines, making, busy = Lines(), 0.0, 0.0
    rare_every = max(size // 128 // 10, BATCH)
    cpu = time.process_time()
    while lines.size < size:
        before = time.thread_time()
        batches = [lines.batch(rare_every) for _ in ORIGINS]
        making += time.thread_time() - before
        began = time.perf_counter()
        await asyncio.gather(*(logs.append(o, b, str(lines.made)) for o, b in zip(ORIGINS, batches, strict=True)))
        busy += time.perf_counter() - began
    cpu = time.process_time() - cpu - making
    kept = await logs.kept(SERVICE)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("| lines | text | on disk | lines/s | CPU s per million lines | largest memory of the process |")
    print("| --- | --- | --- | --- | --- | --- |")
    print(
        f"| {lines.made:,} | {lines.size / 1e9:.2f} GB | {kept.bytes / 1e9:.2f} GB | {lines.made / busy:,.0f} "
        f"| {cpu / lines.made * 1e6:.1f} | {memory:.0f} MiB |\n"
    )
    return lines


def queries(lines: Lines) -> Iterator[tuple[str, LogQuery]]:
    newest = {"newest_first": True, "limit": 100}
    middle = START_MS + lines.made // 40
    yield "newest page", LogQuery(**newest)  # type: ignore[arg-type]
    yield "common word, newest page", LogQuery(words=("gradient",), **newest)  # type: ignore[arg-type]
    yield "common word, oldest page", LogQuery(words=("gradient",), limit=100)
    yield "part of a common word, any case", LogQuery(words=("RADIEN",), **newest)  # type: ignore[arg-type]
    yield "two common words", LogQuery(words=("gradient", "checkpoint"), **newest)  # type: ignore[arg-type]
    yield "a phrase of common words", LogQuery(words=("reload signal loading model",), **newest)  # type: ignore[arg-type]
    yield f"rare word ({RARE})", LogQuery(words=(RARE,), **newest)  # type: ignore[arg-type]
    yield "rare word of one instance", LogQuery(words=(RARE,), instance_id="instance-2", **newest)  # type: ignore[arg-type]
    yield "absent word", LogQuery(words=("segmentationfault",), **newest)  # type: ignore[arg-type]
    yield "absent identifier", LogQuery(words=("deadbeef-0bad-f00d",), **newest)  # type: ignore[arg-type]
    yield "reference", LogQuery(reference=lines.reference, **newest)  # type: ignore[arg-type]
    yield "identifier as a word", LogQuery(words=(lines.reference,), **newest)  # type: ignore[arg-type]
    yield "one second in the middle", LogQuery(since_ms=middle, until_ms=middle + 1000, limit=100)
    yield "word in that second", LogQuery(since_ms=middle, until_ms=middle + 1000, words=("gradient",), limit=100)
    yield "absent, of two characters", LogQuery(words=("§§",), **newest)  # type: ignore[arg-type]


async def search(logs: LocalLogs, directory: Path, lines: Lines) -> None:
    print("| search | lines found | first, ms | then, ms (median) | complete |")
    print("| --- | --- | --- | --- | --- |")
    for name, query in queries(lines):
        forget(directory)
        times = []
        for _ in range(6):
            began = time.perf_counter()
            found = await logs.search(SERVICE, query)
            times.append((time.perf_counter() - began) * 1000)
        print(
            f"| {name} | {len(found.lines)} | {times[0]:.0f} | {statistics.median(times[1:]):.0f} "
            f"| {'yes' if found.complete else 'no'} |",
            flush=True,
        )


def forget(directory: Path) -> None:
    """Ask the system to forget what it has in memory of the files."""
    for path in directory.rglob("*.db"):
        with path.open("rb") as file:
            os.fdatasync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=1)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    directory = Path(tempfile.mkdtemp(dir=given.dir))
    size = int(given.gigabytes * 1e9)
    if shutil.disk_usage(directory).free < 2 * size:
        raise SystemExit(f"{directory} has no room for it")
    logs = LocalLogs(directory / "logs", most_bytes=2 * size)
    try:
        await logs.open()
        lines = await fill(logs, size)
        await search(logs, directory, lines)
    finally:
        await logs.close()
        if not given.keep:
            shutil.rmtree(directory)


if __name__ == "__main__":
    asyncio.run(main())
