"""The audit: rows are added and read; they are removed from the oldest on, and by nothing else."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from modelyard.domain.audit import AuditQuery, AuditRow, Cut


class AuditReads(Protocol):
    async def audit(self, query: AuditQuery) -> tuple[int, Sequence[AuditRow]]:
        """(how many match, those of the page)."""

    async def audit_lanes(self) -> Mapping[str, int]:
        """How many rows each lane has."""

    async def audit_cuts(self) -> Sequence[Cut]:
        """What was removed of the lanes of which anything was, by lane."""


class AuditWrites(AuditReads, Protocol):
    async def add_audit(self, rows: Sequence[AuditRow]) -> None: ...

    async def cut_audit(self, lane: str, before_ms: int, keep: int, at_ms: int, most: int) -> int:
        """Remove the rows of a lane that are older than `before_ms`, up to the first that is not, or that are not
        among its newest `keep`; at most so many at once, oldest first; how many. Where the cut was made is
        remembered (`audit_cuts`)."""
