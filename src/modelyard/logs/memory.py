"""A store of lines that is a list, for tests: it keeps the port's contract, and can be away or full.

logs.away = True     every call raises LogsUnavailableError
logs.full = True     `append` does
logs.looks = 10      `search` gives up for now after so many lines (0: never)
logs.broken = {…}    `append` and `search` do of these services
logs.texts(service)  what is kept of it, in order
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from modelyard.core.logs import matches
from modelyard.domain.logs import Found, Kept, Line, LogQuery, Origin
from modelyard.logs.base import LogsUnavailableError


@dataclass(slots=True)
class _Service:
    """`batches`: each of an `append`, as a segment of files would be."""

    batches: list[tuple[Line, ...]] = field(default_factory=list)
    positions: dict[str, str] = field(default_factory=dict)
    last: int = 0
    kept: Kept = Kept()


class MemoryLogs:
    """`away`, `full`, `looks`, `broken`: see the module."""

    def __init__(self) -> None:
        self.away = False
        self.full = False
        self.looks = 0
        self.broken: set[str] = set()
        self._services: dict[str, _Service] = {}

    def texts(self, service_id: str) -> list[str]:
        return [line.text for line in self._lines(service_id)]

    async def open(self) -> None:
        self._asked()

    async def close(self) -> None:
        pass

    async def append(self, origin: Origin, lines: Sequence[Line], position: str) -> int:
        self._asked(origin.service_id)
        if self.full:
            raise LogsUnavailableError("no space left on device")
        service = self._services.setdefault(origin.service_id, _Service())
        first = service.last + 1
        if lines:
            numbered = (replace(line, number=first + i, origin=origin) for i, line in enumerate(lines))
            service.batches.append(tuple(numbered))
        service.last += len(lines)
        service.positions[origin.instance_id] = position
        return service.last

    async def position(self, origin: Origin) -> str:
        self._asked()
        service = self._services.get(origin.service_id)
        return service.positions.get(origin.instance_id, "") if service else ""

    async def search(self, service_id: str, query: LogQuery) -> Found:
        self._asked(service_id)
        between = LogQuery(after=query.after, before=query.before)
        lines = [line for line in self._lines(service_id) if matches(between, line)]
        if query.newest_first:
            lines.reverse()
        looked_at = lines[: self.looks or len(lines)]
        found = [line for line in looked_at if matches(query, line)]
        if len(found) <= query.limit and len(looked_at) < len(lines):
            return Found(tuple(found), complete=False, cursor=looked_at[-1].number)
        if len(found) <= query.limit:
            return Found(tuple(found))
        few = tuple(found[: query.limit])
        start = query.before if query.newest_first else query.after
        return Found(few, cursor=few[-1].number if few else start)

    async def kept(self, service_id: str) -> Kept:
        self._asked()
        service = self._services.get(service_id, _Service())
        lines = self._lines(service_id)
        oldest = min((line.at_ms for line in lines), default=None)
        return replace(service.kept, lines=len(lines), bytes=_size(lines), oldest_ms=oldest)

    async def services(self) -> Sequence[str]:
        self._asked()
        return sorted(self._services)

    async def bound(self, service_id: str, most_bytes: int, oldest_ms: int) -> None:
        self._asked()
        service = self._services.get(service_id)
        while service and service.batches:
            oldest = service.batches[0]
            old = max(line.at_ms for line in oldest) < oldest_ms
            many = most_bytes and len(service.batches) > 1 and sum(map(_size, service.batches)) > most_bytes
            if not old and not many:
                return
            del service.batches[0]
            service.kept = replace(
                service.kept,
                cut_lines=service.kept.cut_lines + len(oldest),
                cut_bytes=service.kept.cut_bytes + _size(oldest),
                cut_until_ms=max(line.at_ms for line in oldest),
            )

    async def remove(self, service_id: str) -> None:
        self._asked()
        self._services.pop(service_id, None)

    def _lines(self, service_id: str) -> list[Line]:
        service = self._services.get(service_id)
        return [line for batch in service.batches for line in batch] if service else []

    def _asked(self, service_id: str = "") -> None:
        if self.away or service_id in self.broken:
            raise LogsUnavailableError("the logs are away")


def _size(lines: Sequence[Line]) -> int:
    return sum(len(line.text.encode()) for line in lines)
