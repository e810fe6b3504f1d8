"""Fields of a config entry that only batch or edge services have (contract §2). Such services cannot run yet, but
their fields are validated all the same, so that one refusal names everything that is wrong.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modelyard.domain.errors import Violation
from modelyard.domain.service import InferType
from modelyard.domain.texts import shown

OBJECT_PATH = re.compile(r"(?:(?:obs|s3)://|https?://(?=[^/]+\.)|/)[a-z0-9][^/\s]*(?:/[^\x00-\x1f\\]*)?")
MAPPING_TYPES = ("file", "csv")
MANIFEST = "ManifestFile"
BATCH_FIELDS = ("src_path", "dest_path", "req_uri", "mapping_type", "mapping_rule", "src_type")


@dataclass(frozen=True, slots=True)
class TypedFields:
    """The fields of an entry that are not for real-time services; None where they are absent.

    `mapping_rule` has been parsed: None when it is absent, an object otherwise.
    """

    nodes: tuple[str, ...] | None = None
    src_path: str | None = None
    dest_path: str | None = None
    req_uri: str | None = None
    mapping_type: str | None = None
    mapping_rule: Mapping[str, object] | None = None
    src_type: str | None = None


def violations(path: str, fields: TypedFields, infer_type: InferType) -> Iterator[Violation]:
    """What is wrong with them in a service of this type."""
    if infer_type is not InferType.BATCH:
        for name in BATCH_FIELDS:
            if getattr(fields, name):
                yield Violation(f"{path}.{name}", f"is for batch services, this one is {infer_type}")
    if infer_type is not InferType.EDGE and fields.nodes:
        yield Violation(f"{path}.nodes", f"is for edge services, this one is {infer_type}")
    if infer_type is InferType.BATCH:
        yield from _batch(path, fields)
    if infer_type is InferType.EDGE and not fields.nodes:
        yield Violation(f"{path}.nodes", "is mandatory for edge services")


def _batch(path: str, fields: TypedFields) -> Iterator[Violation]:
    for name in ("src_path", "dest_path", "req_uri", "mapping_type"):
        if not getattr(fields, name):
            yield Violation(f"{path}.{name}", "is mandatory for batch services")
    for name in ("src_path", "dest_path"):
        value = getattr(fields, name)
        if value and (not OBJECT_PATH.fullmatch(value) or ".." in value.split("/")):
            yield Violation(f"{path}.{name}", f"is {shown(value)}, must look like obs://bucket/key", "3572")
    if fields.req_uri and not fields.req_uri.startswith("/"):
        yield Violation(f"{path}.req_uri", f"is {shown(fields.req_uri)}, must be one of the model's API urls")
    if fields.mapping_type and fields.mapping_type not in MAPPING_TYPES:
        yield Violation(f"{path}.mapping_type", f"is {shown(fields.mapping_type)}, must be file or csv")
    if fields.mapping_type == "csv" and fields.mapping_rule is None:
        yield Violation(f"{path}.mapping_rule", "is mandatory for mapping_type csv")
    if fields.src_type not in {None, "", MANIFEST}:
        yield Violation(f"{path}.src_type", f"is {shown(fields.src_type)}, must be {shown(MANIFEST)} or absent")
    elif fields.src_type and fields.src_path and not fields.src_path.endswith(".manifest"):
        yield Violation(f"{path}.src_path", "must end in .manifest for src_type ManifestFile", "3572")
