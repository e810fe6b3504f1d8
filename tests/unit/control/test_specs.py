"""What the engine is told to start, of what is stored."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.contract.store_samples import INSTANCE, REVISION, SERVICE, model

from modelyard.control.specs import spec
from modelyard.domain.health import PATH
from modelyard.domain.record import ServiceRecord
from modelyard.domain.service import InferType
from modelyard.engines import commands

CONFIG = {"cmd": "./serve", "health": {"url": "/up"}}


class Store:
    """Knows one model."""

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Any]:
        async def found(*_: object) -> Any:
            return model("m1", config=CONFIG)

        yield SimpleNamespace(model=found, pool=found)


async def test_a_package_with_a_command_and_a_script_is_asked_as_earlier_releases_did(tmp_path: Path) -> None:
    service = replace(SERVICE, infer_type=InferType.REAL_TIME)
    instance = replace(INSTANCE, template=REVISION.variants[0].template.hash)
    made = await spec(Store(), ServiceRecord(service, {7: REVISION}), instance)  # type: ignore[arg-type]
    assert made.program is not None
    (tmp_path / "model").mkdir()
    asked = commands.settled(made, tmp_path).health
    assert (asked.startup.path, asked.stalled_s) == ("/up", 0)
    (tmp_path / "model" / "customize_service.py").touch()
    asked = commands.settled(made, tmp_path).health
    assert (asked.startup.path, asked.liveness.path) == (PATH, PATH), "our model server answers no /up"
    assert asked.stalled_s == 2 * service.settings.requests.timeout_s
