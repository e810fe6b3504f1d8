"""What is shipped for systemd, as systemd reads it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "modelyard.service"
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
