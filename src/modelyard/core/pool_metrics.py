"""What is counted of pools. Pure."""

from collections.abc import Iterator

from modelyard.core.metric_catalogue import POOL_CAPACITY, POOL_HEALTHY, POOL_USED
from modelyard.core.tallies import Sample
from modelyard.domain.resources import Capacity, Resources

PARTS = (("cpu", "cpu"), ("memory_mib", "memory_mib"), ("gpus", "gpus"), ("npus", "npus"))


def samples(pool: str, there: Capacity, used: Resources, *, healthy: bool) -> Iterator[Sample]:
    """Of one pool. What nobody knows of its capacity is absent."""
    yield Sample(POOL_HEALTHY, int(healthy), (pool,))
    for name, part in PARTS:
        yield Sample(POOL_USED, getattr(used, part), (pool, name))
        if (most := getattr(there, part)) is not None:
            yield Sample(POOL_CAPACITY, most, (pool, name))
