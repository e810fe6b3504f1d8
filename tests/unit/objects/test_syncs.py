"""A directory is synced for everybody who asks before its sync begins."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modelyard.objects.syncs import SharedSyncs

PLACE = Path("/somewhere")


def test_one_that_is_running_is_not_enough_and_the_next_is_for_all() -> None:
    running, go = threading.Semaphore(0), threading.Semaphore(0)
    begun: list[Path] = []

    def sync(directory: Path) -> None:
        begun.append(directory)
        running.release()
        go.acquire()

    shared = SharedSyncs(sync)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(shared.sync, PLACE)
        running.acquire()
        others = [pool.submit(shared.sync, PLACE) for _ in range(5)]
        while shared._directories[PLACE].asking < 6:
            pass
        go.release()
        first.result(5)
        running.acquire()
        assert not any(other.done() for other in others)
        go.release()
        for other in others:
            other.result(5)
    assert begun == [PLACE, PLACE]
    assert not shared._directories


def test_what_fails_fails_and_the_next_one_tries() -> None:
    broken = [True]

    def sync(_: Path) -> None:
        if broken and broken.pop():
            raise OSError("full")

    shared = SharedSyncs(sync)
    with pytest.raises(OSError, match="full"):
        shared.sync(PLACE)
    shared.sync(PLACE)
    assert not shared._directories
