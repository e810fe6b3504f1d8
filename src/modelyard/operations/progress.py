"""What a reader is told about work under way: percent of a deployment, and a word per variant. Pure.

two variants of 2 instances each, 3 of the 4 ready  → 75
all ready, the verdict still open                   → 99     (100 is said by the status `running`)

A variant with too few ready instances is deploying while the missing ones are on their way, and concerning when
they are not: they failed and are tried again later, or stopped answering. With all of them ready it is deploying
until the gateway reaches them. The worker of a batch service that died at a row is as good as there.
"""

from collections.abc import Iterator
from typing import Literal

from modelyard.domain.batch import Counts
from modelyard.domain.instance import LIVE, Instance, Phase
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.service import InferType, ServiceStatus

VariantStatus = Literal["running", "deploying", "concerning", "failed", "stopped", "finished"]
DEPLOYING = frozenset({ServiceStatus.DEPLOYING, ServiceStatus.PENDING, ServiceStatus.WAITING})


AT_WORK = frozenset({ServiceStatus.RUNNING, ServiceStatus.CONCERNING})


def percent(record: ServiceRecord, revision: Revision) -> int:
    """How far the service is on its way to `revision`: 0 to 99, and 100 when nothing is under way."""
    if record.service.status not in DEPLOYING:
        return 100
    wanted = sum(v.instance_count for v in revision.variants)
    ready = sum(min(ready_count(record, v), v.instance_count) for v in revision.variants)
    return min(99, ready * 100 // wanted) if wanted else 99


def ready_count(record: ServiceRecord, variant: Variant) -> int:
    """Instances of the variant that are able to serve."""
    return sum(instance.phase is Phase.READY for instance in _of(record, variant))


def rows_percent(counts: Counts, *, finished: bool) -> int:
    """How many of the rows that are known have their outcome: 0 to 99 while any is left, 100 once it is over."""
    if finished:
        return 100
    return min(99, (counts.rows_done + counts.rows_failed) * 100 // counts.rows) if counts.rows else 0


def variant_status(record: ServiceRecord, variant: Variant) -> VariantStatus:
    """Of one entry of the config (contract §2, config[].status)."""
    status = record.service.status
    if record.service.infer_type is InferType.BATCH and status in AT_WORK:
        return "running" if status is ServiceStatus.RUNNING else "concerning"
    match status:
        case ServiceStatus.STOPPED | ServiceStatus.STOPPING | ServiceStatus.DELETING:
            return "stopped"
        case ServiceStatus.FAILED:
            return "failed"
        case ServiceStatus.FINISHED:
            return "finished"
    if ready_count(record, variant) >= variant.instance_count:
        return "deploying" if _about_to_be_reached(record) else "running"
    return "deploying" if record.service.status in DEPLOYING or _coming(record, variant) else "concerning"


def _about_to_be_reached(record: ServiceRecord) -> bool:
    """All instances that should be are ready, yet it is not running: the gateway has not heard of them."""
    revision = record.revisions.get(record.service.revision)
    return (
        record.service.status is ServiceStatus.CONCERNING
        and revision is not None
        and all(ready_count(record, each) >= each.instance_count for each in revision.variants)
    )


def _coming(record: ServiceRecord, variant: Variant) -> bool:
    """Whether instances of the variant start, or will at once since none failed: after a crash, after `up`."""
    known = [i for i in _of(record, variant) if i.phase in LIVE or i.phase is Phase.EXITED]
    starting = any(i.phase is Phase.STARTING and i.ready_ms is None for i in known)
    return starting or len(known) < variant.instance_count


def _of(record: ServiceRecord, variant: Variant) -> Iterator[Instance]:
    for instance in record.instances:
        if instance.track == variant.track and instance.template == variant.template.hash:
            yield instance
