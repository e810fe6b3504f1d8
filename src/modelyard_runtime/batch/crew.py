"""Several rows at a time, on threads that are there for nothing else."""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any


class Crew:
    """Threads that predict beside each other."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        for n in range(count):
            threading.Thread(target=self._run, name=f"predict-{n + 1}", daemon=True).start()

    def each(self, call: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """`call`, which must not raise, of each."""
        results: list[Any] = [None] * len(items)
        done: queue.SimpleQueue[None] = queue.SimpleQueue()

        def step(place: int) -> Callable[[], None]:
            def run() -> None:
                results[place] = call(items[place])
                done.put(None)

            return run

        for place in range(len(items)):
            self._work.put(step(place))
        for _ in items:
            done.get()
        return results

    def _run(self) -> None:
        while True:
            self._work.get()()
