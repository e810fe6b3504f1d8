"""Each alert rule fires on what it is for, and not on what is near it: by promtool, with series of seconds."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.worlds.prometheus import FILES, promtool

RULES = {
    rule["alert"]: rule
    for rule in yaml.safe_load((FILES / "modelyard-alerts.yml").read_text())["groups"][0]["rules"]
}
SERVICE = 'project_id="p",service_id="s",service_name="iris"'
MINUTES = 30

Series = dict[str, str]


def instances(ready: str, status: str, *, batch: bool = False) -> Series:
    """A service with so many ready instances."""
    calls = {} if batch else {f"modelyard_invocations_total{{{SERVICE}}}": "0x60"}
    return {
        f'modelyard_instances{{{SERVICE},phase="ready"}}': ready,
        f'modelyard_instances{{{SERVICE},phase="starting"}}': "1x60",
        f'modelyard_service_status{{{SERVICE},status="{status}"}}': "1x60",
        f'modelyard_service_status{{{SERVICE},status="stopped"}}': "0x60",
        **calls,
    }


def calls(failed: str) -> Series:
    return {
        f"modelyard_invocations_total{{{SERVICE}}}": "0+600x60",
        f"modelyard_invocations_failed_total{{{SERVICE}}}": failed,
    }


def answers(within_5: str, status: str = "2xx") -> Series:
    """600 answers a minute, so many of them within 5 s."""
    labels = f'{SERVICE},model_name="iris",model_version="1",status="{status}"'
    return {
        f'modelyard_gateway_request_seconds_bucket{{{labels},le="5.0"}}': within_5,
        f'modelyard_gateway_request_seconds_bucket{{{labels},le="10.0"}}': "0+600x60",
        f'modelyard_gateway_request_seconds_bucket{{{labels},le="+Inf"}}': "0+600x60",
    }


def lag(within: str) -> Series:
    name = "modelyard_event_loop_lag_seconds_bucket"
    return {f'{name}{{le="0.5"}}': within, f'{name}{{le="1.0"}}': "0+240x60", f'{name}{{le="+Inf"}}': "0+240x60"}


def api(faults: str) -> Series:
    name = "modelyard_api_requests_total"
    return {f'{name}{{method="GET",status="2xx"}}': "0+100x60", f'{name}{{method="PUT",status="5xx"}}': faults}


def disk(free: str) -> Series:
    return {"modelyard_disk_free_bytes": free, "modelyard_disk_size_bytes": "100x60"}


def quota(used: str) -> Series:
    labels = '{project_id="p",quota="total_cpu"}'
    return {f"modelyard_quota_used{labels}": used, f"modelyard_quota_limit{labels}": "16x60"}


def spans(outcome: str, values: str) -> Series:
    return {f'modelyard_trace_export_spans_total{{outcome="{outcome}"}}': values}


def one(name: str, values: str) -> Series:
    return {name: values}


ROLLOUT = f"modelyard_rollout_state{{{SERVICE},state="
TASK = f"modelyard_task_state{{{SERVICE},state="
FIRES: dict[str, tuple[Series, ...]] = {
    "ModelyardNothingReady": (instances("0x60", "failed"), instances("0x60", "concerning")),
    "ModelyardErrors": (calls("0+60x60"),),
    "ModelyardSlow": (answers("0+550x60"),),
    "ModelyardInstanceSilent": (one(f'modelyard_instance_up{{{SERVICE},instance="i"}}', "0x60"),),
    "ModelyardRolloutFailed": (one(f'{ROLLOUT}"fail"}}', "1x60"),),
    "ModelyardRolloutLong": (one(f"modelyard_rollout_age_seconds{{{SERVICE}}}", "3000+60x60"),),
    "ModelyardTaskFailed": (one(f'{TASK}"failed"}}', "1x60"),),
    "ModelyardDown": (one('up{job="modelyard",instance="h:1"}', "0x60"),),
    "ModelyardGatewayDown": (one("modelyard_gateway_up", "0x60"),),
    "ModelyardGatewayDisconnected": (one("modelyard_gateway_connected", "0x60"),),
    "ModelyardDatabaseDown": (one("modelyard_database_up", "0x60"),),
    "ModelyardLoopLag": (lag("0+220x60"),),
    "ModelyardPassesFail": (one('modelyard_failing_keys{worker="service"}', "2x60"),),
    "ModelyardApiErrors": (api("0+10x60"),),
    "ModelyardDiskNearlyFull": (disk("9x60"),),
    "ModelyardDiskFull": (one("modelyard_disk_low", "1x60"),),
    "ModelyardNotificationsOld": (one("modelyard_notifications_oldest_seconds", "3000+60x60"),),
    "ModelyardDeadLetters": (one("modelyard_notifications_dead", "1x60"),),
    "ModelyardLogsLost": (one('modelyard_log_gaps_total{source="instances"}', "0x20 1x40"),),
    "ModelyardLogsBehind": (one('modelyard_log_collector_lag_seconds{source="gateway"}', "0+60x60"),),
    "ModelyardLogExportAway": (one("modelyard_log_export_away", "1x60"),),
    "ModelyardTraceExportAway": (one("modelyard_trace_export_away", "1x60"),),
    "ModelyardSpansLost": (spans("dropped", "0x20 3x40"), spans("refused", "0x20 3x40")),
    "ModelyardAuditLost": (one("modelyard_audit_lost_total", "0x20 3x40"),),
    "ModelyardBackupOld": (one("modelyard_backup_last_success_timestamp_seconds", "-200000x60"),),
    "ModelyardPoolAbnormal": (one('modelyard_pool_healthy{project_id="p",pool="lab"}', "0x60"),),
    "ModelyardQuotaNearlyUsed": (quota("15x60"),),
}
QUIET: dict[str, tuple[Series, ...]] = {
    "ModelyardNothingReady": (
        instances("1x60", "running"),
        instances("0x60", "deploying"),
        instances("0x60", "running", batch=True),
        instances("1x28 0x30", "running"),
        {f'modelyard_instances{{{SERVICE},phase="ready"}}': "0x60"},
    ),
    "ModelyardErrors": (calls("0+20x60"), calls("0x25 100x35"), {}),
    "ModelyardSlow": (answers("0+599x60"), answers("0x60", "5xx"), {}),
    "ModelyardInstanceSilent": (one(f'modelyard_instance_up{{{SERVICE},instance="i"}}', "1x27 0x30"),),
    "ModelyardRolloutFailed": (one(f'{ROLLOUT}"fail"}}', "0x60"), one(f'{ROLLOUT}"cancelled"}}', "1x60")),
    "ModelyardRolloutLong": (one(f"modelyard_rollout_age_seconds{{{SERVICE}}}", "0+60x60"),),
    "ModelyardTaskFailed": (one(f'{TASK}"finished"}}', "1x60"), one(f'{TASK}"failed"}}', "0x60")),
    "ModelyardDown": (one('up{job="modelyard",instance="h:1"}', "1x29 0x30"), one('up{job="other"}', "0x60")),
    "ModelyardGatewayDown": (one("modelyard_gateway_up", "1x60"),),
    "ModelyardGatewayDisconnected": (one("modelyard_gateway_connected", "1x60"),),
    "ModelyardDatabaseDown": (one("modelyard_database_up", "1x60"),),
    "ModelyardLoopLag": (lag("0+239x60"), {}),
    "ModelyardPassesFail": (one('modelyard_failing_keys{worker="service"}', "0x25 2x35"),),
    "ModelyardApiErrors": (api("0+2x60"), {}),
    "ModelyardDiskNearlyFull": (disk("11x60"),),
    "ModelyardDiskFull": (one("modelyard_disk_low", "0x60"),),
    "ModelyardNotificationsOld": (one("modelyard_notifications_oldest_seconds", "0+60x60"),),
    "ModelyardDeadLetters": (one("modelyard_notifications_dead", "0x60"),),
    "ModelyardLogsLost": (
        one('modelyard_log_gaps_total{source="instances"}', "7x60"),
        one('modelyard_log_gaps_total{source="instances"}', "7x20 0x40"),
    ),
    "ModelyardLogsBehind": (one('modelyard_log_collector_lag_seconds{source="gateway"}', "30x60"),),
    "ModelyardLogExportAway": (one("modelyard_log_export_away", "0x20 1x40"), {}),
    "ModelyardTraceExportAway": (one("modelyard_trace_export_away", "0x20 1x40"), {}),
    "ModelyardSpansLost": (spans("dropped", "7x60"), spans("dropped", "7x20 0x40"), spans("sent", "0+9x60")),
    "ModelyardAuditLost": (one("modelyard_audit_lost_total", "3x60"),),
    "ModelyardBackupOld": (one("modelyard_backup_last_success_timestamp_seconds", "-100000x60"), {}),
    "ModelyardPoolAbnormal": (one('modelyard_pool_healthy{project_id="p",pool="lab"}', "1x28 0x30"), {}),
    "ModelyardQuotaNearlyUsed": (
        quota("14x60"),
        one('modelyard_quota_used{project_id="p",quota="total_cpu"}', "9x60"),
    ),
}
"""`1x28 0x30` is 1 for 28 minutes and then 0. Each is looked at after 30 minutes."""


def test_each_rule_has_what_it_fires_on_and_what_not() -> None:
    assert RULES.keys() == FIRES.keys() == QUIET.keys()


@pytest.mark.parametrize("name", sorted(RULES))
def test_it_fires_and_does_not(name: str, tmp_path: Path) -> None:
    cases = [*((series, 1) for series in FIRES[name]), *((series, 0) for series in QUIET[name])]
    page = {
        "rule_files": [str(FILES / "modelyard-alerts.yml")],
        "evaluation_interval": "1m",
        "tests": [case(name, series, fires) for series, fires in cases],
    }
    path = tmp_path / "tests.yml"
    path.write_text(yaml.safe_dump(page))
    assert "SUCCESS" in promtool("test", "rules", path)


def case(name: str, series: Series, fires: int) -> dict[str, Any]:
    expression = f'count by (alertname) (ALERTS{{alertname="{name}",alertstate="firing"}})'
    wanted = [{"labels": f'{{alertname="{name}"}}', "value": 1}] if fires else []
    return {
        "interval": "1m",
        "input_series": [{"series": of, "values": values} for of, values in series.items()],
        "promql_expr_test": [{"expr": expression, "eval_time": f"{MINUTES}m", "exp_samples": wanted}],
    }
