"""A deployed model imports what its config.json asked for, from an environment that was built for it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.demo.stage import Stage
from tests.wheels import only_here, wheel

from modelyard.client import OperationFailed, Variant

pytestmark = pytest.mark.e2e

SCRIPT = """
import os
from importlib.metadata import version

import msgspec
import yardstick
from model_service.model_service import SingleNodeService

class Measure(SingleNodeService):
    def _inference(self, data):
        try:
            os.mkdir(os.path.dirname(yardstick.__file__) + "/mine")
            wrote = True
        except OSError:
            wrote = False
        return {"length": yardstick.LENGTH, "version": version("yardstick"), "wrote": wrote}
"""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    wheel(tmp_path / "links", "yardstick", "1.0", "LENGTH = 36\n")
    for name, value in only_here(tmp_path / "links", tmp_path / "cache").items():
        monkeypatch.setenv(name, value)
    with Stage() as started:
        started.up()
        yield started


def put(stage: Stage, directory: Path, version: str) -> str:
    packages = [{"package_name": "yardstick", "package_version": version, "restraint": "EXACT"}]
    config = {"model_type": "Custom", "dependencies": [{"installer": "pip", "packages": packages}]}
    (directory / "model").mkdir(parents=True)
    (directory / "model/customize_service.py").write_text(SCRIPT)
    (directory / "model/config.json").write_text(json.dumps(config))
    return stage.put_object(f"measure-{version}", directory)


def test_an_instance_imports_its_dependencies(stage: Stage, tmp_path: Path) -> None:
    with stage.client() as yard:
        isolated = str(yard.status()["limits"]["user"]).startswith("enforced")
        model = yard.models.wait(
            yard.models.publish("measure", "1.0.0", put(stage, tmp_path / "a", "1.0"), "Custom")
        )
        service = yard.services.wait(yard.services.create("measure", [Variant(model_id=model.model_id)]))
        answer = yard.predict(service, {})
        assert isinstance(answer, dict)
        assert answer == {"length": 36, "version": "1.0", "wrote": not isolated}

        other = yard.models.publish("measure", "2.0.0", put(stage, tmp_path / "b", "2.0"), "Custom")
        with pytest.raises(OperationFailed, match=r"yardstick==2\.0"):
            yard.models.wait(other)
