"""Which page of a list is asked for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """`offset` is a page index (row = offset x limit), contract §1.7."""

    offset: int = 0
    limit: int = 1000
    sort_by: str = ""
    descending: bool = True
