"""An entry says nothing of another type of service, and all of its own."""

import pytest

from modelyard.core.admission import batch_options
from modelyard.core.admission.batch import FIELDS, BatchFields
from modelyard.core.admission.batch_options import Options, ThresholdRequest
from modelyard.core.admission.infer_types import TypedFields, violations
from modelyard.domain.service import InferType

OPTIONS = Options(False, ",", "utf-8", "txt", ThresholdRequest(count=0), 60, 1)
EVERY = BatchFields("obs://b/in", "obs://b/out", "/", "csv", {"type": "object"}, "ManifestFile", OPTIONS)
EVERY_NAME = [*FIELDS, *(f"additional_properties.{name}" for name in batch_options.NAMES)]
REAL_TIME, BATCH, EDGE = InferType.REAL_TIME, InferType.BATCH, InferType.EDGE

TABLE: dict[str, tuple[InferType, TypedFields, list[str]]] = {
    "real-time": (REAL_TIME, TypedFields(), []),
    "what is empty says nothing": (REAL_TIME, TypedFields((), BatchFields(src_path="", mapping_rule={})), []),
    "batch in real-time": (REAL_TIME, TypedFields(batch=EVERY), EVERY_NAME),
    "nodes in real-time": (REAL_TIME, TypedFields(("n",)), ["nodes"]),
    "batch": (BATCH, TypedFields(batch=EVERY), []),
    "nodes in batch": (BATCH, TypedFields(("n",)), ["nodes"]),
    "edge": (EDGE, TypedFields(("n",)), []),
    "edge without nodes": (EDGE, TypedFields(), ["nodes"]),
    "batch in edge": (EDGE, TypedFields(("n",), EVERY), EVERY_NAME),
}


@pytest.mark.parametrize(("infer_type", "fields", "expected"), TABLE.values(), ids=TABLE.keys())
def test_fields_of_other_types(infer_type: InferType, fields: TypedFields, expected: list[str]) -> None:
    assert [v.field for v in violations("c", fields, infer_type)] == [f"c.{name}" for name in expected]
