"""Room in pools: what services take of each, held against what each may give to all its instances together. Pure.

A service takes what the revision that it is to run asks for (a stopped one and a batch that ended: nothing), or
what runs of it in the pool, whichever is more: until an instance has ended, nobody else has its room, also while
its service moves to another pool. The exchange of a rollout, in which old and new instances run side by side for a
while (`max_surge`), is not counted beside that.

    a pool of 10 cores, others take 4, asked 4 × 2    → refused: takes 8 cores, of which 6 are free
    the same, and the service had 5 × 2 before        → allowed: it lowers
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from modelyard.core.admission.catalog import Pool
from modelyard.core.admission.totals import THERE
from modelyard.core.size import crowded
from modelyard.domain.errors import Violation
from modelyard.domain.record import ServiceRecord
from modelyard.domain.resources import Resources
from modelyard.domain.revision import Variant
from modelyard.domain.texts import shown

Room = Mapping[str, Resources]
"""By the id of a pool."""


def asked(variants: Iterable[Variant]) -> Room:
    """By all instances of a config."""
    found: dict[str, Resources] = {}
    for variant in variants:
        if pool_id := variant.template.pool:
            amount = variant.template.resources.times(variant.instance_count)
            found[pool_id] = found.get(pool_id, Resources()) + amount
    return found


def wanted(record: ServiceRecord) -> Room:
    """By what a service is to run now."""
    service = record.service
    return asked(record.revisions[service.revision].variants) if service.takes_room else {}


def taken(records: Iterable[ServiceRecord], but: str = "") -> Room:
    """By services, `but` one. See the module."""
    total: dict[str, Resources] = {}
    for record in records:
        if record.service.id == but:
            continue
        meant, there = wanted(record), _live(record)
        for pool_id in {*meant, *there}:
            own = _most(meant.get(pool_id, Resources()), there.get(pool_id, Resources()))
            total[pool_id] = total.get(pool_id, Resources()) + own
    return total


def violations(
    field: str, amounts: Room, pools: Mapping[str, Pool], others: Room, before: Room
) -> Iterator[Violation]:
    """`others`: what other services take; `before`: what this one was to run until now. Whoever takes no more of a
    pool than before is not refused."""
    for pool_id, amount in amounts.items():
        pool = pools.get(pool_id)
        if pool is None or _within(amount, before.get(pool_id, Resources())):
            continue
        if short := crowded(amount, pool.capacity, others.get(pool_id, Resources())):
            yield Violation(field, f"does not fit into the pool {shown(pool.name)}: it takes {short}")


def bounded(pools: Iterable[Pool], named: Collection[str]) -> bool:
    """Whether any of those named has a capacity: otherwise nobody needs to count."""
    return any(pool.bounded for pool in pools if pool.id in named)


def _live(record: ServiceRecord) -> Room:
    templates = {v.template.hash: v.template for revision in record.revisions.values() for v in revision.variants}
    found: dict[str, Resources] = {}
    for instance in record.instances:
        template = templates.get(instance.template) if instance.phase in THERE else None
        if template is not None and template.pool:
            found[template.pool] = found.get(template.pool, Resources()) + template.resources
    return found


def _most(one: Resources, other: Resources) -> Resources:
    return Resources(
        max(one.cpu, other.cpu),
        max(one.memory_mib, other.memory_mib),
        max(one.pids, other.pids),
        max(one.open_files, other.open_files),
        max(one.gpus, other.gpus),
        max(one.npus, other.npus),
    )


def _within(amount: Resources, before: Resources) -> bool:
    pairs = (
        (amount.cpu, before.cpu),
        (amount.memory_mib, before.memory_mib),
        (amount.gpus, before.gpus),
        (amount.npus, before.npus),
    )
    return all(round(now - was, 6) <= 0 for now, was in pairs)
