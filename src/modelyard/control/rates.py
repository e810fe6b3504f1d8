"""How many requests came in the last minute, from readings of counters that only grow. Values in, a number out."""

from collections import deque

WINDOW_MS = 60_000


class Minute:
    """Remembers what came when. Holds at most a minute of readings of each service that had requests in it."""

    def __init__(self) -> None:
        self._came: dict[str, deque[tuple[int, int]]] = {}

    def note(self, service_id: str, requests: int, now_ms: int) -> None:
        """So many more requests were seen now."""
        if requests > 0:
            self._came.setdefault(service_id, deque()).append((now_ms, requests))
        self._forget(service_id, now_ms)

    def requests(self, service_id: str, now_ms: int) -> int:
        """Those of the last minute."""
        self._forget(service_id, now_ms)
        return sum(count for _, count in self._came.get(service_id, ()))

    def _forget(self, service_id: str, now_ms: int) -> None:
        came = self._came.get(service_id)
        while came and came[0][0] <= now_ms - WINDOW_MS:
            came.popleft()
        if came is not None and not came:
            del self._came[service_id]
