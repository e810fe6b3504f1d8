"""A whole server (`modelyard up`) as end-to-end tests use one: started, called as its admin, given models."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from examples.demo.stage import Stage

from modelyard.client import Client, Service, Variant

ECHO = Path(__file__).parents[2] / "examples" / "echo"


def stage() -> Iterator[Stage]:
    """A server that runs and answers; it is ended, and removed with its data, after the test.

    The fixture of that name gives each test its own; a module whose tests share one says
    `stage = pytest.fixture(server.stage, scope="module")`, and the same for `yard`.
    """
    with Stage() as started:
        started.up()
        yield started


def yard(stage: Stage) -> Iterator[Client]:
    """Its admin's client."""
    with stage.client() as client:
        yield client


def script_package(directory: Path, script: str, config: Mapping[str, Any]) -> Path:
    """A package whose model is this script; the directory to put into the object store."""
    home = directory / "model"
    home.mkdir(parents=True)
    (home / "customize_service.py").write_text(script)
    (home / "config.json").write_text(json.dumps(config))
    return directory


def published(stage: Stage, yard: Client, name: str, package: Path, version: str = "1.0.0") -> str:
    """The id of a custom model that is published from the package."""
    location = stage.put_object(name, package)
    return yard.models.wait(yard.models.publish(name, version, location, "Custom")).model_id


def deployed(stage: Stage, yard: Client, name: str, package: Path, **variant: Any) -> Service:
    """A service of one model, both of this name, that runs."""
    one = Variant(model_id=published(stage, yard, name, package), **variant)
    return yard.services.wait(yard.services.create(name, [one]))
