"""Who waits for an image, and whom its registry refused."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.worlds.engines import spec

from modelyard.domain.program import Program
from modelyard.engines.base import FetchingError, StartRefusedError
from modelyard.engines.containers.containers import Containers
from modelyard.engines.containers.images import ImageError
from modelyard.engines.containers.shape import ContainerOptions
from modelyard_runtime.door.docker import Docker

IMAGE = "registry.example.com/iris@sha256:" + "a" * 64


class Images:
    """A registry that lets in who has a login."""

    def here(self, _reference: str) -> None:
        return None

    def pull(self, _reference: str, _progress: Callable[[str], None], login: str) -> None:
        if not login:
            raise ImageError("refused by the registry")

    def give_up(self) -> None: ...


async def test_a_wrong_login_refuses_nobody_else() -> None:
    async def login(service_id: str, _registry: str) -> str:
        return "a login" if service_id == "let in" else ""

    containers: Any = Containers(Docker("/none"), ContainerOptions("0123456789ab", alone=True), login)
    containers._images = Images()
    changed = asyncio.Event()

    async def admitted(service_id: str) -> None:
        asked = spec(1, service_id=service_id, program=Program(image=IMAGE))
        await containers.admit(asked, changed.set)

    with pytest.raises(FetchingError):
        await admitted("kept out")
    await asyncio.wait_for(changed.wait(), 10)
    with pytest.raises(FetchingError):
        await admitted("let in")
    with pytest.raises(StartRefusedError, match="refused"):
        await admitted("kept out")
    await containers.close()
