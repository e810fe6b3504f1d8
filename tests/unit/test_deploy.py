"""What is shipped for systemd, as systemd reads it, and for the Envoy that ends TLS."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = DEPLOY / "systemd" / "modelyard.service"
SINCE_254 = "DelegateSubgroup"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="THE UNIT IS NOT TESTED: no systemd-analyze")
def test_systemd_knows_everything_in_the_unit(tmp_path: Path) -> None:
    text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text())  # which has to be there
    (tmp_path / UNIT.name).write_text(text)
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / UNIT.name)],
        check=False,
        capture_output=True,
        text=True,
    )
    said = [line for line in found.stderr.splitlines() if UNIT.name in line and SINCE_254 not in line]
    assert (found.returncode, said) == (0, [])


def test_a_restart_leaves_what_serves() -> None:
    text = UNIT.read_text()
    assert "KillMode=process" in text
    assert "ExecStart=/opt/modelyard/bin/modelyard up --data-dir /var/lib/modelyard" in text


def test_envoy_bounds_nothing_that_modelyard_bounds() -> None:
    """Its own 1,024 connections and requests are those of a few hundred who follow a stream."""
    clusters = yaml.safe_load((DEPLOY / "tls" / "envoy.yaml").read_text())["static_resources"]["clusters"]
    assert [cluster["name"] for cluster in clusters] == ["api", "gateway"]
    for cluster in clusters:
        (bounds,) = cluster["circuit_breakers"]["thresholds"]
        assert {bounds[f"max_{what}"] for what in ("connections", "pending_requests", "requests")} == {100_000}
