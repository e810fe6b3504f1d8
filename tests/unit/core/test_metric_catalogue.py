"""The catalogue keeps Prometheus' conventions, and the reference says what it says."""

import re
from pathlib import Path

import pytest

from modelyard.api import metric_reference
from modelyard.core.metric_catalogue import CATALOGUE, ORIGINS, Family, Of

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
NAMES = re.compile(r"(modelyard|process)(_[a-z]+)+")
UNBOUNDED = {"path", "url", "reference", "address", "user", "trace", "id", "message", "error"}
FROM_BEFORE = {
    *("modelyard_gateway_connected", "modelyard_notifications_waiting", "modelyard_notifications_dead"),
    *("modelyard_notifications_oldest_seconds", "modelyard_instances", "modelyard_invocations_total"),
    *("modelyard_invocations_failed_total", "modelyard_task_rows", "modelyard_task_at_work"),
    *("modelyard_instance_up", "modelyard_instances_silent", "modelyard_requests_total"),
    *("modelyard_answers_total", "modelyard_callers_left_total", "modelyard_refused_total"),
    *("modelyard_in_flight", "modelyard_request_seconds", "modelyard_queue_seconds", "modelyard_batch_rows"),
    *("modelyard_start_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes"),
}
"""What somebody may have written down."""


def test_each_name_is_there_once() -> None:
    names = [family.name for family in CATALOGUE]
    assert len(names) == len(set(names))


def test_names_stay() -> None:
    assert {family.name for family in CATALOGUE} >= FROM_BEFORE


@pytest.mark.parametrize("family", CATALOGUE, ids=lambda family: family.name)
def test_conventions(family: Family) -> None:
    assert NAMES.fullmatch(family.name)
    assert family.kind in {"counter", "gauge", "histogram"}
    assert (family.kind == "counter") == family.name.endswith("_total")
    assert not family.name.endswith(
        ("_ms", "_milliseconds", "_mib", "_kb", "_count", "_sum", "_bucket", "_percent")
    )
    labels = (*ORIGINS[family.of], *family.labels)
    assert len(labels) == len(set(labels))
    assert not UNBOUNDED & set(labels)
    assert not {"le", "job"} & set(labels)
    assert family.about.endswith(".") and "|" not in family.about and "\n" not in family.about
    assert not family.bounds or (family.kind == "histogram" and list(family.bounds) == sorted(family.bounds))


def test_only_instances_are_told_by_instances() -> None:
    assert {f.of for f in CATALOGUE if "instance" in ORIGINS[f.of]} == {Of.INSTANCE}


def test_the_reference_is_up_to_date() -> None:
    assert REFERENCE.read_text() == metric_reference.markdown(), "run make reference"
