"""What the page says of a service and of a project."""

from dataclasses import replace

from modelyard.control import span_export
from modelyard.control.exporting import exported
from modelyard.control.sending import Sent
from modelyard.core.admission.catalog import Quotas
from modelyard.core.service_metrics import quotas, samples
from modelyard.core.tallies import Sample
from modelyard.domain.batch import Counts, Task, TaskState
from modelyard.domain.record import ServiceRecord
from modelyard.domain.service import (
    Counter,
    Desired,
    InferType,
    Invocations,
    Rollout,
    RolloutKind,
    RolloutState,
    Service,
)

SERVICE = Service("s", "p", "iris", InferType.REAL_TIME, "u", 0, Desired.STOPPED, revision=3)
RECORD = ServiceRecord(SERVICE, {})
ROLLOUT = Rollout("r", "s", RolloutKind.UPDATE, target=3, base=2, started_ms=1000)


def told(found: object) -> dict[tuple[str, ...], float]:
    assert hasattr(found, "__iter__")
    return {(one.family.name, *one.values): one.value for one in found if isinstance(one, Sample)}


def test_a_change_under_way_has_an_age_and_one_state() -> None:
    page = told(samples(RECORD, Counter(Invocations(5, 1)), None, ROLLOUT, 61_000))
    assert page["modelyard_rollout_age_seconds",] == 60
    states = {key[1]: value for key, value in page.items() if key[0] == "modelyard_rollout_state"}
    assert states == {"running": 1, "rolling_back": 0, "success": 0, "fail": 0, "cancelled": 0}
    assert page["modelyard_service_revision",] == 3
    assert (page["modelyard_invocations_total",], page["modelyard_invocations_failed_total",]) == (5, 1)


def test_what_is_over_has_no_age_and_what_never_was_no_state() -> None:
    over = told(samples(RECORD, Counter(), None, replace(ROLLOUT, state=RolloutState.FAIL), 61_000))
    assert ("modelyard_rollout_age_seconds",) not in over
    assert over["modelyard_rollout_state", "fail"] == 1
    never = told(samples(RECORD, Counter(), None, None, 61_000))
    assert not [key for key in never if "rollout" in key[0] or "task" in key[0]]


def test_a_clock_that_jumps_makes_no_age_negative() -> None:
    assert told(samples(RECORD, Counter(), None, ROLLOUT, 0))["modelyard_rollout_age_seconds",] == 0


def test_a_batch_service_has_rows_and_a_state_and_no_calls() -> None:
    counts = Counts(rows=10, rows_done=6, rows_failed=1)
    task = Task("t", "s", 1, 3, "r", 0, state=TaskState.FAILED, counts=counts)
    batch = replace(RECORD, service=replace(SERVICE, infer_type=InferType.BATCH))
    page = told(samples(batch, Counter(), task, None, 0))
    rows = {key[1]: value for key, value in page.items() if key[0] == "modelyard_task_rows"}
    assert rows == {"successful": 6, "failed": 1, "none yet": 3}
    assert (page["modelyard_task_at_work",], page["modelyard_task_state", "failed"]) == (0, 1)
    assert page["modelyard_task_state", "active"] == 0
    assert ("modelyard_invocations_total",) not in page


def test_a_quota_that_nobody_set_has_no_limit() -> None:
    other = replace(RECORD, service=replace(SERVICE, project_id="q"))
    page = told(quotas([RECORD, RECORD, other], "p", Quotas(total_cpu=16), 0))
    assert page["modelyard_quota_used", "real_time_services"] == 2
    assert page["modelyard_quota_limit", "real_time_services"] == 20
    assert (page["modelyard_quota_used", "total_cpu"], page["modelyard_quota_limit", "total_cpu"]) == (0, 16)
    assert ("modelyard_quota_limit", "total_memory_mib") not in page
    assert page["modelyard_quota_used", "total_memory_mib"] == 0


def test_what_became_of_spans_is_told_by_outcome() -> None:
    state = Sent(sent=3, refused=1, lost=7, away="no answer")
    assert told(span_export.exported(state)) == {
        ("modelyard_trace_export_spans_total", "sent"): 3,
        ("modelyard_trace_export_spans_total", "refused"): 1,
        ("modelyard_trace_export_spans_total", "dropped"): 7,
        ("modelyard_trace_export_away",): 1,
    }
    assert told(span_export.exported(Sent()))["modelyard_trace_export_away",] == 0


def test_how_old_lines_are_that_wait_for_their_receiver_is_told_only_where_it_is_known() -> None:
    name = "modelyard_log_export_oldest_seconds"
    assert told(exported(Sent(sent=3), 9000)) == {
        ("modelyard_log_export_lines_total", "sent"): 3,
        ("modelyard_log_export_lines_total", "refused"): 0,
        ("modelyard_log_export_lines_total", "missed"): 0,
        ("modelyard_log_export_away",): 0,
        (name,): 0,
    }
    away = told(exported(Sent(away="no answer", waiting_ms=4000), 9000))
    assert (away["modelyard_log_export_away",], away[name,]) == (1, 5)
    assert (name,) not in told(exported(Sent(away="no answer"), 9000))
