"""PUT /property: other instance counts, and nothing else (contract §2).

Held against what the service is now, in the transaction that writes the change. The counts themselves are judged
like those of any config (`admission.config`).
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from modelyard.core.admission.states import REFUSED
from modelyard.domain.errors import Violation
from modelyard.domain.revision import Revision
from modelyard.domain.service import InferType, Service, ServiceStatus
from modelyard.domain.texts import shown

RESIZABLE = frozenset({ServiceStatus.RUNNING, ServiceStatus.CONCERNING, ServiceStatus.FAILED})


@dataclass(frozen=True, slots=True)
class Count:
    """How many instances of a model there shall be. `at` is where the request says so."""

    at: str
    model_id: str
    instances: int


def violations(counts: Sequence[Count], service: Service, revision: Revision) -> Iterator[Violation]:
    """What forbids these counts now. A state that forbids every count is all that is told then."""
    if service.infer_type is not InferType.REAL_TIME:
        text = f"is for real-time services, this one is {service.infer_type}: change its config by PUT or PATCH"
        yield Violation("changed_property", text, REFUSED)
        return
    if service.status not in RESIZABLE:
        text = f"is {service.status}; instance_count can be changed while it is running, concerning or failed"
        yield Violation("", f"the service {text}", REFUSED)
        return
    present = {variant.model_id: variant.instance_count for variant in revision.variants}
    for count in counts:
        if count.model_id not in present:
            text = f"model {shown(count.model_id)} is not in this service"
            yield Violation(f"{count.at}.model_id", text, "3529")
        elif present[count.model_id] == count.instances:
            yield Violation(f"{count.at}.changed_value", f"is {count.instances}, as it is already")


def resized(counts: Sequence[Count], revision: Revision) -> list[dict[str, Any]]:
    """The config as it was sent, with these counts."""
    wanted = {count.model_id: count.instances for count in counts}
    entries: list[dict[str, Any]] = [deepcopy(dict(variant.raw)) for variant in revision.variants]
    for variant, entry in zip(revision.variants, entries, strict=True):
        if variant.model_id in wanted:
            entry["instance_count"] = wanted[variant.model_id]
    return entries
