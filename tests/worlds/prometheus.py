"""A real Prometheus over a server of ours, and what expressions of rules and dashboards may say."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from examples.demo.stage import free_ports, until

from modelyard.core.metric_catalogue import CATALOGUE, ORIGINS

FILES = Path(__file__).parents[2] / "src" / "modelyard" / "cli" / "monitoring"
OF_PROMETHEUS = {"up": {"job", "instance"}}
SUFFIXES = ("_bucket", "_sum", "_count")
GRAFANA = {"$__rate_interval": "5m", "$project": ".*", "$service": ".*"}
NAME = re.compile(r"\b(?:modelyard|process)_[a-z_]+\b|\bup\b")
SELECTOR = re.compile(r"\b([a-z_]+)\{([^}]*)\}")
GROUPED = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")


def tool(name: str) -> str:
    """The command; skips, and says so, where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (scripts/prometheus)")
    return found


def promtool(*arguments: object) -> str:
    """What it says; an assertion when it does not end well."""
    done = subprocess.run([tool("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def metrics_of() -> dict[str, set[str]]:
    """The names that an expression may use, and the labels of each."""
    found = dict(OF_PROMETHEUS)
    for family in CATALOGUE:
        labels = {*ORIGINS[family.of], *family.labels, "job", "instance"}
        if family.kind == "histogram":
            found |= {
                f"{family.name}{suffix}": labels | ({"le"} if suffix == "_bucket" else set())
                for suffix in SUFFIXES
            }
        else:
            found[family.name] = labels
    return found


def wrong_with(expression: str) -> list[str]:
    """Names that are in no catalogue, labels that their metrics do not have."""
    known = metrics_of()
    text = re.sub(r'"[^"]*"', '""', expression)
    names = set(NAME.findall(text))
    wrong = [f"{name} is not in the catalogue" for name in names - known.keys()]
    if not names:
        wrong.append("it names no metric")
    for name, selector in SELECTOR.findall(text):
        labels = re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", selector)
        wrong += [f"{name} has no label {one}" for one in labels if one not in known.get(name, {one})]
    everything = set().union(*(known[name] for name in names if name in known))
    grouped = [one for labels in GROUPED.findall(text) for one in re.findall(r"[a-z_]+", labels)]
    return wrong + [f"nothing here has the label {one}" for one in grouped if one not in everything]


class Prometheus:
    """One that runs. `ask` an expression: labels → value."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, expression: str) -> list[tuple[dict[str, str], float]]:
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, answer.text
        return [(one["metric"], float(one["value"][1])) for one in answer.json()["data"]["result"]]

    def value(self, expression: str) -> float | None:
        found = self.ask(expression)
        return found[0][1] if found else None

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.url}/api/v1/{path}").json()["data"]


@contextmanager
def prometheus(config: Path, data: Path) -> Iterator[Prometheus]:
    """With this configuration, until the block ends."""
    (port,) = free_ports(1)
    command = (
        *(tool("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={data}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"),
    )
    with (data.parent / "prometheus.log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        made = Prometheus(port)

        def ready() -> bool:
            assert running.poll() is None, (data.parent / "prometheus.log").read_text()
            try:
                return httpx.get(f"{made.url}/-/ready").status_code == 200
            except httpx.TransportError:
                return False

        until(ready, 30, "Prometheus")
        yield made
    finally:
        running.terminate()
        running.wait(timeout=20)
