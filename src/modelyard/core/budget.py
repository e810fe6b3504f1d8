"""How far a rollout may leave the instance count of a track.

n   max_surge  max_unavailable   ceiling  floor
3   1          0                 4        3
10  0.25       0.25              13       8      (surge rounds up, unavailable rounds down)
1   0.1        0.9               2        1      (a fraction of one instance: one more, none less)
4   2          4                 6        1      (never below one while there is something to serve)
"""

import math

from modelyard.domain.revision import Budget


def ceiling(count: int, budget: Budget) -> int:
    """Instances that may hold resources before one more is started."""
    surge = math.ceil(budget.max_surge * count) if budget.max_surge < 1 else math.floor(budget.max_surge)
    return count + max(surge, 1)


def floor(count: int, budget: Budget) -> int:
    """Instances that must go on serving; at least one, unless none is asked for."""
    if count == 0:
        return 0
    part = budget.max_unavailable
    unavailable = math.floor(part * count) if part < 1 else math.floor(part)
    return max(count - unavailable, 1)
