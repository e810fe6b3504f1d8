"""`modelyard apply` from outside, on a real server: create, change as planned, go back."""

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from examples.demo.stage import Stage, modelyard

pytestmark = pytest.mark.e2e

ECHO = Path(__file__).parents[2] / "examples" / "echo"


def test_a_service_is_as_its_file_says(tmp_path: Path) -> None:
    source = tmp_path / "service.yaml"

    def cli(*arguments: object) -> Any:
        command = modelyard(*arguments, "--data-dir", stage.data_dir, "--json")
        done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr
        return msgspec.json.decode(done.stdout)

    def write(models: str) -> None:
        source.write_text(f"service_name: echo\ndescription: says it again\nmodels: [{models}]\n")

    with Stage() as stage:
        stage.up()
        with stage.client() as yard:
            location = stage.put_object("echo", ECHO)
            for version in ("1.0.0", "2.0.0"):
                yard.models.wait(yard.models.publish("echo", version, location, "Custom"))

        write("echo/1.0.0")
        planned = cli("apply", "-f", source, "--dry-run")
        assert (planned["creates"], planned["room"]["surge"]) == (True, 1)
        created = cli("apply", "-f", source)
        assert (created["status"], created["description"]) == ("running", "says it again")
        again = cli("apply", "-f", source)
        assert again["update_time"] == created["update_time"]

        write("echo/1.0.0=90, echo/2.0.0=10")
        diff = cli("services", "diff", "echo", "-f", source)
        assert [(t["starts"], t["stops"], t["stays"]) for t in diff["instances"]] == [(0, 0, 1), (1, 0, 0)]
        changed = cli("apply", "-f", source)
        assert [entry["weight"] for entry in changed["config"]] == [90, 10]

        states = [(r["number"], r["state"]) for r in cli("services", "revisions", "echo")]
        assert states == [(2, "current"), (1, "earlier")]
        back = cli("services", "rollback", "echo", 1)
        assert ([entry["weight"] for entry in back["config"]], back["status"]) == ([100], "running")
