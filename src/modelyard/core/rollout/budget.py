"""How far a rollout may leave the instance count of a track.

n   max_surge  max_unavailable   ceiling  floor
3   1          0                 4        3
10  0.25       0.25              13       8      (surge rounds up, unavailable rounds down)
100 0.07       0.29              107      71     (computed as decimals, not as floats)
1   0.1        0.9               2        1      (a fraction of one instance: one more, none fewer)
4   2          4                 6        1      (never below one while there is something to serve)
"""

import math
from fractions import Fraction

from modelyard.domain.revision import Budget


def ceiling(count: int, budget: Budget) -> int:
    """A new instance may start while fewer than this hold resources."""
    return count + max(math.ceil(_part(budget.max_surge, count)), 1)


def floor(count: int, budget: Budget) -> int:
    """How many must go on serving; at least one, unless none is asked for."""
    if count == 0:
        return 0
    return max(count - math.floor(_part(budget.max_unavailable, count)), 1)


def _part(share: float, count: int) -> Fraction:
    exact = Fraction(str(share))
    return exact * count if exact < 1 else exact
