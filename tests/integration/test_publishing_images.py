"""Models that are images: what a request may say, what publishing makes of it, and what runs then. No engine is
asked here: what a name means is told by the test."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.worlds.api import api_world
from tests.worlds.publishing import new_publisher

from modelyard.control.publishing import Publisher
from modelyard.core.packages.programs import program
from modelyard.domain.model import Model, ModelStatus
from modelyard.domain.program import Program
from modelyard.engines.containers.images import Image, ImageAwayError, ImageError

DIGEST = "sha256:" + "d" * 64
NAME = "registry.example.com/team/iris:1"
FIXED = f"registry.example.com/team/iris@{DIGEST}"
MODELS = "/v1/p1/models"


def request(**more: Any) -> dict[str, Any]:
    said = {"model_name": "iris", "model_version": "1.0.0", "model_type": "Image", "source_location": NAME}
    return {**said, **more}


class Asked:
    """What names mean: FIXED, or what is raised instead."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, project_id: str, name: str, progress: Callable[[str], None]) -> Image:
        self.asked.append((project_id, name))
        progress(f"pulling image {name}: 50 % of 8 MiB")
        if self.error is not None:
            raise self.error
        return Image(FIXED, 1000)


async def published(
    tmp_path: Path, body: dict[str, Any], asked: Asked | None, *, files: dict[str, str] | None = None
) -> Model:
    """What became of it after one try."""
    for name, content in (files or {}).items():
        path = tmp_path / "objects/models/m/model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    async with api_world(images=True) as world:
        answer = await world.call("POST", MODELS, body)
        assert answer.status_code == 200, answer.text
        publisher: Publisher = new_publisher(world.store, world.clock, tmp_path, images=asked)
        await publisher.publish(answer.json()["model_id"])
        async with world.store.read() as r:
            model = await r.model("p1", answer.json()["model_id"])
    assert model is not None
    return model


async def test_the_image_itself_as_source(tmp_path: Path) -> None:
    asked = Asked()
    health = {"check_method": "EXEC", "command": "true"}
    model = await published(tmp_path, request(cmd=["serve"], port=9000, health=health), asked)
    assert asked.asked == [("p1", NAME)]
    assert (model.status, model.type, model.error) == (ModelStatus.PUBLISHED, "Image", "")
    assert model.install_types == {"real-time", "edge"}
    assert model.size_bytes > 1000
    assert program(model.config) == Program(image=FIXED, command=("serve",), port=9000)
    kept = json.loads((tmp_path / "packages" / model.digest / "model/config.json").read_text())
    assert (kept["swr_location"], kept["image"], kept["health"]) == (NAME, FIXED, health)


async def test_a_package_that_names_it(tmp_path: Path) -> None:
    config = {"model_type": "Image", "swr_location": NAME, "image": "evil", "port": "9001", "cmd": "serve --fast"}
    body = request(model_type="auto", source_location="/models/m")
    files = {"config.json": json.dumps(config), "weights.bin": "1"}
    model = await published(tmp_path, body, Asked(), files=files)
    assert program(model.config) == Program(FIXED, ("/bin/sh", "-c", "serve --fast"), 9001)
    assert (tmp_path / "packages" / model.digest / "model/weights.bin").exists()


async def test_another_content_is_another_digest(tmp_path: Path) -> None:
    first = await published(tmp_path / "1", request(), Asked())
    again = await published(tmp_path / "2", request(), Asked())
    other = await published(tmp_path / "3", request(port=9000), Asked())
    assert first.digest == again.digest != other.digest


@pytest.mark.parametrize(
    ("asked", "status", "text"),
    [
        (
            Asked(ImageError("the image is not at the registry")),
            ModelStatus.FAILED,
            "swr_location: the image is not",
        ),
        (Asked(ImageAwayError("waiting for the registry")), ModelStatus.PUBLISHING, "waiting for the registry"),
        (None, ModelStatus.FAILED, "needs a container engine"),
    ],
    ids=["for good", "for now", "no engine"],
)
async def test_what_cannot_be_had(tmp_path: Path, asked: Asked | None, status: ModelStatus, text: str) -> None:
    model = await published(tmp_path, request(), asked)
    assert model.status is status
    assert text in model.error


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({}, "swr_location: is missing"),
        ({"swr_location": "No Image"}, "swr_location: is 'No Image'"),
        ({"swr_location": NAME, "port": 70000}, "port: is 70000"),
        ({"swr_location": NAME, "apis": [{"url": "/", "protocol": "https"}]}, "apis[0].protocol: is 'https'"),
        ({"swr_location": NAME, "health": {"protocol": "https"}}, "health.protocol: is 'https'"),
        ({"swr_location": NAME, "cmd": 7}, "cmd: is 7"),
    ],
)
async def test_a_config_that_cannot_be(tmp_path: Path, config: dict[str, Any], text: str) -> None:
    files = {"config.json": json.dumps({"model_type": "Image", **config})}
    model = await published(tmp_path, request(source_location="/models/m"), Asked(), files=files)
    assert model.status is ModelStatus.FAILED
    assert text in model.error


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"source_location": "No Image"}, "source_location"),
        ({"swr_location": "No Image"}, "swr_location"),
        ({"install_type": ["batch"]}, "install_type"),
        ({"model_type": "Custom"}, "source_location"),
    ],
)
async def test_what_is_refused_at_once(more: dict[str, Any], field: str) -> None:
    async with api_world(images=True) as world:
        answer = await world.call("POST", MODELS, request(**more))
        assert answer.status_code == 400
        assert field in {detail["field"] for detail in answer.json()["details"]}
        assert (await world.call("GET", MODELS)).json()["total_count"] == 0


async def test_a_server_without_an_engine_says_so_at_once() -> None:
    async with api_world() as world:
        answer = await world.call("POST", MODELS, request())
        assert answer.status_code == 400
        assert "MODELYARD_CONTAINER_ENGINE" in answer.text
