"""Many files on their way, a few at a time, with a line that tells how far they are: bytes, rate, time left."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Lock

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from modelyard.cli.context import errors
from modelyard.client.files import Progress as Done

AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Transfer:
    """One file: its name for people, its bytes, and what moves it."""

    name: str
    size: int
    move: Callable[[Done], object]


class AbandonedError(Exception):
    """Another file failed."""


def carry_out(title: str, transfers: Sequence[Transfer]) -> None:
    """All of them; what the first that fails raises. The others end soon after it."""
    with _bar(title, sum(one.size for one in transfers)) as moved:
        abandoned = Event()

        def run(one: Transfer) -> None:
            last = 0

            def told(done: int) -> None:
                nonlocal last
                if abandoned.is_set():
                    raise AbandonedError(one.name)
                moved(done - last)
                last = done

            try:
                one.move(told)
            except BaseException:
                abandoned.set()
                raise

        with ThreadPoolExecutor(AT_ONCE, "transfer") as pool:
            try:
                running = [pool.submit(run, one) for one in transfers]
                failures = [error for future in running if (error := future.exception()) is not None]
            except BaseException:  # Ctrl-C
                abandoned.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
    for error in failures:
        if not isinstance(error, AbandonedError):
            raise error


@contextmanager
def _bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """On standard error, and nothing where that is no terminal. What is yielded is told of bytes that moved."""
    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=24),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    lock = Lock()
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(title, total=total)

        def moved(size: int) -> None:
            with lock:
                bar.advance(task, size)

        yield moved
