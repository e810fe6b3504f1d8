"""A real Prometheus scrapes a real server, as the how-to says, and its answers are what really happened."""

import json
import subprocess
from collections.abc import Iterator

import httpx
import pytest
import yaml
from examples.demo.stage import Stage, modelyard, until
from prometheus_client.parser import text_string_to_metric_families
from tests.worlds import server
from tests.worlds.prometheus import Prometheus, metrics_of, prometheus, promtool, tool

from modelyard.client import ApiError, Client, OperationFailed, Service
from modelyard.core.metric_catalogue import CATALOGUE, OF_CARDS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

CALLS = 23
BROKEN = server.ECHO.parent / "broken"
NOT_IN_THIS_SCENERY = {
    "modelyard_log_export_lines_total",  # no receiver of lines is named
    "modelyard_log_export_away",
    "modelyard_log_export_oldest_seconds",
    "modelyard_trace_export_spans_total",  # nor of traces
    "modelyard_trace_export_away",
    "modelyard_backup_last_success_timestamp_seconds",  # there was no backup
    "modelyard_backup_last_size_bytes",
    "modelyard_rollout_age_seconds",  # no change is under way
    "modelyard_task_rows",  # there is no batch service
    "modelyard_task_at_work",
    "modelyard_task_state",
    *(family.name for family in OF_CARDS),  # no card is in this machine
    *("modelyard_pool_healthy", "modelyard_pool_capacity", "modelyard_pool_used"),  # and there is no pool
}

stage = pytest.fixture(server.stage, scope="module")


@pytest.fixture(scope="module")
def yard(stage: Stage) -> Iterator[Client]:
    yield from server.yard(stage)


@pytest.fixture(scope="module")
def called(stage: Stage, yard: Client) -> Service:
    """A service that was called CALLS times, and once more in vain."""
    service = server.deployed(stage, yard, "echo", server.ECHO, instance_count=2)
    headers = {"X-Auth-Token": yard.session.token()}
    for _ in range(CALLS):
        assert httpx.post(service.access_address, json={"a": 1}, headers=headers).status_code == 200
    assert httpx.post(service.access_address, json={"a": 1}).status_code == 401
    return service


@pytest.fixture(scope="module")
def broken(stage: Stage, yard: Client) -> str:
    """A service whose instances end at once: its name."""
    with pytest.raises(OperationFailed):
        server.deployed(stage, yard, "broken", BROKEN, deploy_timeout_in_seconds=15)
    return "broken"


@pytest.fixture(scope="module")
def watched(stage: Stage, yard: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus with the files that `modelyard admin monitoring-files` writes, and the how-to's token."""
    for name in ("prometheus", "promtool", "curl"):
        tool(name)
    files = tmp_path_factory.mktemp("prometheus") / "files"
    api = stage.ports[0]
    run = [*modelyard("admin", "monitoring-files", files), "--target", f"127.0.0.1:{api}"]
    subprocess.run(run, check=True, capture_output=True)
    made = subprocess.run(
        modelyard("admin", "users", "create", "prometheus", "--data-dir", stage.data_dir),
        check=True,
        capture_output=True,
        text=True,
    )
    password = json.loads(made.stdout)["password"]
    grant = modelyard("admin", "grant", "prometheus", "admin", "--installation", "--data-dir", stage.data_dir)
    subprocess.run(grant, check=True, capture_output=True)
    user = {"name": "prometheus", "password": password}
    login = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    (files / "modelyard-login.json").write_text(json.dumps(login))
    subprocess.run([files / "modelyard-token.sh"], check=True)
    assert (files / "modelyard-token").stat().st_mode & 0o077 == 0
    config = yaml.safe_load((files / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}  # tests wait for nothing
    (files / "prometheus.yml").write_text(yaml.safe_dump(config))
    promtool("check", "config", files / "prometheus.yml")
    with prometheus(files / "prometheus.yml", files.parent / "data") as running:
        yield running


def page(stage: Stage, yard: Client) -> str:
    answer = httpx.get(
        f"http://127.0.0.1:{stage.ports[0]}/metrics", headers={"X-Auth-Token": yard.session.token()}
    )
    assert answer.status_code == 200, answer.text
    return answer.text


def test_prometheus_has_what_really_happened(called: Service, watched: Prometheus) -> None:
    mine = f'service_id="{called.service_id}"'
    until(lambda: watched.value('up{job="modelyard"}') == 1, 30, "the first scrape")
    total = f"modelyard_invocations_total{{{mine}}}"
    until(lambda: watched.value(total) == CALLS + 1, 30, "all calls as the gateway counts them")
    assert watched.value(f"sum(modelyard_requests_total{{{mine}}})") == CALLS
    answered = f'modelyard_gateway_request_seconds_count{{{mine},model_name="echo",model_version="1.0.0"}}'
    until(lambda: watched.value(f"sum({answered})") == CALLS, 30, "the gateway's times of answers")
    assert [labels["status"] for labels, _ in watched.ask(answered)] == ["2xx"]
    refused = watched.ask(f'modelyard_gateway_request_seconds_count{{{mine},model_name=""}}')
    assert [(labels["status"], value) for labels, value in refused] == [("4xx", 1)]
    slowest = watched.value(
        f"histogram_quantile(0.99, sum by (le) (modelyard_gateway_request_seconds_bucket{{{mine},status='2xx'}}))"
    )
    assert slowest is not None and 0 < slowest < 5
    revisions = watched.ask(f"count by (revision, instance) (modelyard_instance_up{{{mine}}} == 1)")
    assert [labels["revision"] for labels, _ in revisions] == ["1", "1"]
    assert watched.value(f'modelyard_service_status{{{mine},status="running"}}') == 1
    assert watched.get("targets")["activeTargets"][0]["lastError"] == ""


def test_a_rule_fires_for_a_service_that_failed(broken: str, watched: Prometheus) -> None:
    failed = f'ALERTS{{alertname="ModelyardRolloutFailed",alertstate="firing",service_name="{broken}"}}'
    until(lambda: watched.value(failed) == 1, 30, "the alert")
    nothing = f'ALERTS{{alertname="ModelyardNothingReady",service_name="{broken}"}}'
    until(lambda: watched.value(nothing) == 1, 30, "the other alert, which waits two minutes before it fires")
    rules = [rule for group in watched.get("rules")["groups"] for rule in group["rules"]]
    assert {rule["health"] for rule in rules} == {"ok"}
    assert not watched.ask('ALERTS{alertname="ModelyardDown"}')


def test_the_page_is_the_catalogue(stage: Stage, yard: Client, called: Service, broken: str) -> None:
    """Nothing else is on it, and nothing is missing that this scenery has; by two parsers that are not ours."""
    with pytest.raises(ApiError):
        yard.services.get("00000000-0000-4000-8000-000000000000")  # a refusal has a code
    until(lambda: "modelyard_gateway_request_seconds" in page(stage, yard), 20, "the gateway's times of answers")
    until(lambda: "modelyard_disk_use_bytes" in page(stage, yard), 20, "the first walk over the disk")
    text = page(stage, yard)
    known = {family.name: family for family in CATALOGUE}
    labels = metrics_of()
    seen = set()
    for family in text_string_to_metric_families(text):
        name = family.name if family.name in known else f"{family.name}_total"
        assert name in known, name
        assert (family.type, family.documentation) == (known[name].kind, known[name].about)
        seen.add(name)
        for sample in family.samples:
            assert set(sample.labels) <= labels[sample.name], sample
            assert {*known[name].labels} <= set(sample.labels), sample
    assert known.keys() - seen == NOT_IN_THIS_SCENERY
    checked = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
