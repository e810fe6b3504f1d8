"""The files for Prometheus and Grafana: written as they are shipped, and true to the catalogue of metrics."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import typer
import yaml
from tests.worlds.prometheus import FILES, GRAFANA, promtool, wrong_with
from typer.testing import CliRunner

from modelyard.cli import monitoring_files

NAMES = ["modelyard-alerts.yml", "modelyard-dashboard.json", "modelyard-token.sh", "prometheus.yml"]
RULES = yaml.safe_load((FILES / "modelyard-alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((FILES / "modelyard-dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


@pytest.fixture
def run() -> Any:
    app = typer.Typer()
    monitoring_files.register(app)
    app.command("other")(lambda: None)
    return lambda *arguments: CliRunner().invoke(app, ["monitoring-files", *map(str, arguments)])


def test_they_are_written_where_somebody_wants_them(run: Any, tmp_path: Path) -> None:
    there = tmp_path / "new" / "folder"
    done = run(there, "--target", "yard.example:9470")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in there.iterdir()) == NAMES
    assert '"yard.example:9470"' in (there / "prometheus.yml").read_text()
    assert "yard.example:9470" in (there / "modelyard-token.sh").read_text()
    assert (there / "modelyard-token.sh").stat().st_mode & 0o111
    assert (there / "modelyard-alerts.yml").read_text() == (FILES / "modelyard-alerts.yml").read_text()
    assert run(there, "--target", "yard.example:9470").exit_code == 0  # nothing differs


@contextmanager
def identity(status: int, headers: dict[str, str], body: bytes) -> Iterator[str]:
    """A server that answers every login so; its URL."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is said of requests."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def fetch_token(there: Path, url: str) -> subprocess.CompletedProcess[str]:
    (there / "modelyard-token.sh").write_text((FILES / "modelyard-token.sh").read_text())
    command = ["sh", str(there / "modelyard-token.sh")]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, "MODELYARD_URL": url}
    )


def test_the_token_is_written_for_its_user_only(tmp_path: Path) -> None:
    (tmp_path / "modelyard-login.json").write_text("{}")
    with identity(201, {"X-Subject-Token": "gAAA"}, b"{}") as url:
        done = fetch_token(tmp_path, url)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "modelyard-token").read_text() == "gAAA"
    assert (tmp_path / "modelyard-token").stat().st_mode & 0o077 == 0
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("login", [True, False], ids=["refused", "no login"])
def test_a_refused_login_says_why_and_leaves_the_token_and_no_rest(tmp_path: Path, login: bool) -> None:
    (tmp_path / "modelyard-token").write_text("the one before")
    if login:
        (tmp_path / "modelyard-login.json").write_text("{}")
    with identity(401, {}, b"Incorrect username or password.") as url:
        done = fetch_token(tmp_path, url)
    assert done.returncode == 1
    assert ("401\nIncorrect username" if login else "modelyard-login.json cannot be read") in done.stderr
    assert (tmp_path / "modelyard-token").read_text() == "the one before"
    assert len(list(tmp_path.iterdir())) == (3 if login else 2)


def test_what_somebody_changed_stays(run: Any, tmp_path: Path) -> None:
    (tmp_path / "modelyard-alerts.yml").write_text("mine")
    done = run(tmp_path)
    assert done.exit_code != 0
    assert "modelyard-alerts.yml" in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["modelyard-alerts.yml"]
    assert (tmp_path / "modelyard-alerts.yml").read_text() == "mine"
    assert run(tmp_path, "--force").exit_code == 0
    assert (tmp_path / "modelyard-alerts.yml").read_text() != "mine"


@pytest.mark.parametrize(
    "target",
    [
        "http://h:1",
        "h",
        "h:0",
        "h:65536",
        ":80",
        'h":1',
        "h h:1",
        "h:x",
        "$(id):1",
        "h;id:1",
        "h\n:1",
        "-h:1",
        "::1:1",
    ],
)
def test_a_target_that_is_none(run: Any, tmp_path: Path, target: str) -> None:
    done = run(tmp_path / "x", "--target", target)
    assert done.exit_code == 2
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_what_there_is_and_says_what_to_do(rule: dict[str, Any]) -> None:
    assert wrong_with(rule["expr"]) == []
    assert rule["alert"].startswith("Modelyard")
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "description"}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: f"{panel['id']} {panel['title']}")
def test_a_panel_asks_for_what_there_is(panel: dict[str, Any]) -> None:
    assert panel["type"] in {"timeseries", "stat"}
    assert panel["title"]
    assert panel["fieldConfig"]["defaults"]["unit"] in {"none", "s", "bytes", "Bps", "reqps", "percentunit"}
    assert panel["targets"]
    for target in panel["targets"]:
        assert wrong_with(plain(target["expr"])) == []
        assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert target["legendFormat"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    assert DASHBOARD["schemaVersion"] >= 36
    assert DASHBOARD["uid"] == "modelyard"
    assert "id" not in DASHBOARD  # Grafana gives it
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not taken & cells
        taken |= cells
    names = [one["name"] for one in DASHBOARD["templating"]["list"]]
    assert names == ["datasource", "project", "service"]
    for one in DASHBOARD["templating"]["list"][1:]:
        asked = one["query"]["query"].removeprefix("label_values(").removesuffix(")")
        metric, _, label = asked.rpartition(", ")
        assert wrong_with(plain(f"sum by ({label}) ({metric})")) == []


def test_every_metric_of_services_and_gateway_that_matters_is_on_it() -> None:
    shown = " ".join(target["expr"] for panel in PANELS for target in panel["targets"])
    for name in ("invocations_total", "gateway_request_seconds_bucket", "in_flight", "event_loop_lag", "disk_use"):
        assert f"modelyard_{name}" in shown


def test_every_expression_is_one(tmp_path: Path) -> None:
    """By Prometheus' own parser."""
    promtool("check", "rules", FILES / "modelyard-alerts.yml")
    recorded = [
        {"record": f"panel:{panel['id']}:{target['refId']}", "expr": plain(target["expr"])}
        for panel in PANELS
        for target in panel["targets"]
    ]
    rules = tmp_path / "panels.yml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    assert f"{len(recorded)} rules found" in promtool("check", "rules", rules)
    for name in NAMES:
        (tmp_path / name).write_text((FILES / name).read_text())
    (tmp_path / "modelyard-token").write_text("x")
    promtool("check", "config", tmp_path / "prometheus.yml")


@pytest.mark.parametrize(("failed", "share"), [(None, 0), ("0+10x20", 0.25)], ids=["none yet", "some"])
def test_a_version_that_never_failed_is_shown_as_such(failed: str | None, share: float, tmp_path: Path) -> None:
    (panel,) = [panel for panel in PANELS if panel["title"] == "Share that fails by version"]
    labels = 'service_name="iris",model_name="m",model_version="1"'
    name = f'modelyard_gateway_request_seconds_count{{project_id="p",{labels},status='
    series = {f'{name}"2xx"}}': "0+30x20", **({f'{name}"5xx"}}': failed} if failed else {})}
    asked = {
        "expr": plain(panel["targets"][0]["expr"]),
        "eval_time": "15m",
        "exp_samples": [{"labels": f"{{{labels}}}", "value": share}],
    }
    case = {
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "promql_expr_test": [asked],
    }
    path = tmp_path / "tests.yml"
    path.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [case]}))
    assert "SUCCESS" in promtool("test", "rules", path)


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("modelyard_nothing > 1", "not in the catalogue"),
        ('modelyard_in_flight{path="x"} > 1', "no label path"),
        ("sum by (reference) (modelyard_in_flight)", "label reference"),
        ("modelyard_request_seconds > 1", "not in the catalogue"),
        ("1 > 0", "names no metric"),
    ],
)
def test_the_check_of_expressions_finds_what_is_wrong(expression: str, wrong: str) -> None:
    assert any(wrong in one for one in wrong_with(expression))


def plain(expression: str) -> str:
    for name, value in GRAFANA.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression
