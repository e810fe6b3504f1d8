"""Fields of a config entry that only some types of services have (contract §2): an entry says none of another
type's, and all of its own. Edge services cannot run yet, but their fields are validated all the same, so that one
refusal names everything that is wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from modelyard.core.admission import batch, batch_options
from modelyard.core.admission.batch import BatchFields
from modelyard.domain.errors import Violation
from modelyard.domain.service import InferType


@dataclass(frozen=True, slots=True)
class TypedFields:
    """The fields of an entry that are not for real-time services; None where they are absent."""

    nodes: tuple[str, ...] | None = None
    batch: BatchFields = BatchFields()


def violations(path: str, fields: TypedFields, infer_type: InferType) -> Iterator[Violation]:
    """What the entry says that belongs to another type, and what it lacks of an edge service. What a batch service
    needs is judged by `admission.batch`."""
    if infer_type is not InferType.BATCH:
        said = [name for name in batch.FIELDS if getattr(fields.batch, name)]
        said += [f"additional_properties.{name}" for name in batch_options.said(fields.batch.options)]
        for name in said:
            yield Violation(f"{path}.{name}", f"is for batch services, this one is {infer_type}")
    if infer_type is not InferType.EDGE and fields.nodes:
        yield Violation(f"{path}.nodes", f"is for edge services, this one is {infer_type}")
    if infer_type is InferType.EDGE and not fields.nodes:
        yield Violation(f"{path}.nodes", "is mandatory for edge services")
