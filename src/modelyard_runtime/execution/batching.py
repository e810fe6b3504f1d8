"""When concurrent requests become one call: the decisions, without threads.

A call of n rows costs T(n) = overhead + n * each; both are learned from the calls themselves. Waiting for one more
request can only ever save the overhead of a call, so nobody is kept waiting longer than that, and not at all when
requests come further apart than that:

    idle server, one caller            requests come at least one call apart: no wait, the first one runs at once
    overhead 2 ms, a request each 0.1 ms   wait while they keep coming, 2 ms at most
    overhead 0.1 ms, one each 0.1 ms       nothing to save: run what is there; what arrives meanwhile is next
    `max_delay_s` 0                    never wait; batches are what arrived while the call before ran
    more still come when the wait is over   it was in vain: the next 1, 2, 4 … 64 calls do not wait (`Patience`)

A queue that cannot be answered within `max_wait_s` refuses at once instead of keeping callers until they give up.
"""

from collections.abc import Sequence

from modelyard_runtime.model import Limits

_WEIGHT = 1 / 16
_MOST_SKIPPED = 64
_APART = 2.0  # after this many usual gaps without a request, none is coming
_LOOK = 1 / 8  # at least this share of the savings: a caller just answered needs a moment to ask again


class Costs:
    """A line through what calls of each size class (1, 2–3, 4–7 … rows) cost lately.

    Classes are remembered when they no longer occur: under steady load all calls are of one size, which alone
    could not tell what a larger one would save.
    """

    __slots__ = ("_classes", "each_s", "overhead_s")

    def __init__(self) -> None:
        self._classes: dict[int, list[float]] = {}  # bits of the size: mean rows, mean seconds
        self.each_s = 0.0
        self.overhead_s = 0.0

    def record(self, rows: int, took_s: float) -> None:
        usual = self._classes.get(rows.bit_length())
        if usual is None:
            self._classes[rows.bit_length()] = [float(rows), took_s]
        else:
            usual[0] += (rows - usual[0]) * _WEIGHT
            usual[1] += (took_s - usual[1]) * _WEIGHT
        self._fit(list(self._classes.values()))

    def _fit(self, points: Sequence[Sequence[float]]) -> None:
        count = len(points)
        mean_n = sum([n for n, _ in points]) / count
        mean_t = sum([t for _, t in points]) / count
        usual = mean_t / mean_n if mean_n else 0.0
        spread = sum([(n - mean_n) ** 2 for n, _ in points])
        slope = sum([(n - mean_n) * (t - mean_t) for n, t in points]) / spread if spread else usual
        self.each_s = min(max(slope, 0.0), usual)
        self.overhead_s = max(mean_t - self.each_s * mean_n, 0.0)

    def answered_in_s(self, rows: int, max_size: int) -> float:
        """How long until `rows` are answered, in calls of at most `max_size`."""
        return self.each_s * rows + self.overhead_s * -(-rows // max_size)


class Gaps:
    """The usual time between requests, of those that came soon after another."""

    __slots__ = ("_last_s", "mean_s")

    def __init__(self) -> None:
        self._last_s = float("-inf")
        self.mean_s = 1.0

    def record(self, now_s: float) -> None:
        # Never negative, whatever the caller's clock: a negative pause once stopped every call for good.
        gap = max(min(now_s - self._last_s, 1.0), 0.0)
        self._last_s = max(now_s, self._last_s)
        # Down quickly, up slowly: a burst is recognised by its first requests, a pause between two is no pace.
        self.mean_s += (gap - self.mean_s) * (0.25 if gap < self.mean_s else _WEIGHT)


class Patience:
    """Whether to wait, from what waiting has brought.

    A wait that ends because no more requests come has saved a call. One that ends because it has lasted as long as
    a call costs, while they still come, has saved none, and the model stood still: without it, what comes during
    one call is the next, and receiving one half of the callers overlaps with computing the other half.
    """

    __slots__ = ("_next", "_skip")

    def __init__(self) -> None:
        self._skip = 0
        self._next = 1

    def willing(self) -> bool:
        """Asked once for each call."""
        if self._skip:
            self._skip -= 1
            return False
        return True

    def record(self, *, in_vain: bool) -> None:
        if in_vain:
            self._skip = self._next
            self._next = min(2 * self._next, _MOST_SKIPPED)
        else:
            self._next = 1


def linger_s(rows: int, waited_s: float, gap_s: float, costs: Costs, limits: Limits) -> float:
    """How long to wait now for one more request before calling with `rows`; 0: call."""
    if rows >= limits.max_size:
        return 0.0
    most = min(costs.overhead_s, limits.max_delay_s)
    worth = most - waited_s
    return min(max(_APART * gap_s, most * _LOOK), worth) if gap_s < worth else 0.0
