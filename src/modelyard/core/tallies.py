"""What a process counts of itself: counters and histograms, kept in memory from its start to its end.

One thread adds (the event loop's), and nobody waits. Only families of the catalogue are kept, and as many samples
as their labels have values.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from modelyard.core.metric_catalogue import Family

Values = tuple[str, ...]
"""Of a family's labels, in their order."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One number of a family. `part`: which of a histogram (`bucket`, `sum`, `count`), `le`: a bucket's bound."""

    family: Family
    value: float
    values: Values = ()
    part: str = ""
    le: str = ""


@dataclass(slots=True)
class Histogram:
    """`counts`: by bucket, those beyond the last bound at the end."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(slots=True)
class Tallies:
    """See the module."""

    _counters: dict[Family, dict[Values, float]] = field(default_factory=dict)
    _histograms: dict[Family, dict[Values, Histogram]] = field(default_factory=dict)

    def add(self, family: Family, *values: str, by: float = 1) -> None:
        """To a counter. `values`: of its labels. `by` 0: it is told from now on."""
        of = self._counters.setdefault(family, {})
        of[values] = of.get(values, 0) + by

    def observe(self, family: Family, value: float, *values: str) -> None:
        """In a histogram."""
        of = self._histograms.setdefault(family, {})
        if values not in of:
            of[values] = Histogram(family.bounds)
        of[values].add(value)

    def samples(self) -> Iterator[Sample]:
        for family, counters in self._counters.items():
            for values, value in counters.items():
                yield Sample(family, value, values)
        for family, histograms in self._histograms.items():
            for values, histogram in histograms.items():
                yield from of_histogram(family, values, histogram.bounds, histogram.counts, histogram.total)


def of_histogram(
    family: Family, values: Values, bounds: Sequence[float], counts: Sequence[int], total: float
) -> Iterator[Sample]:
    """`counts`: of each bucket alone, with one more at the end for what is beyond the last bound."""
    so_far = 0
    for bound, count in zip((*bounds, "+Inf"), counts, strict=True):
        so_far += count
        yield Sample(family, so_far, values, "bucket", str(bound))
    yield Sample(family, total, values, "sum")
    yield Sample(family, so_far, values, "count")
