"""Several container engines: each by itself, whichever pool names it."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any, cast

import pytest

from modelyard.domain.pools import EngineKind, PoolEngine, Sight
from modelyard.engines.base import StartRefusedError
from modelyard.engines.containers.containers import Containers
from modelyard.engines.containers.several import ContainerEngines, engine_of, user_of
from modelyard.processes.directory import Spec


class Engine:
    def __init__(self, path: str) -> None:
        self.path = path
        self.layers = {"i-1": len(path)}
        self.tended: Callable[[], Collection[str]] | None = None
        self.closed = False

    async def tend(self, living: Callable[[], Collection[str]]) -> None:
        self.tended = living
        await asyncio.Event().wait()

    async def sight(self) -> Sight:
        return Sight(self.path)

    async def close(self) -> None:
        self.closed = True


def engines(own: str = "") -> ContainerEngines:
    return ContainerEngines(lambda path: cast("Containers", Engine(path)), own)


def at(path: str) -> PoolEngine:
    return PoolEngine(EngineKind.CONTAINER, f"unix://{path}")


def test_a_pool_without_an_endpoint_has_the_installations_own() -> None:
    several = engines("/own")
    assert cast("Any", several.of(PoolEngine(EngineKind.CONTAINER))).path == "/own"
    assert cast("Any", several.of(at("/other"))).path == "/other"
    assert several.of(at("/other")) is several.of(at("/other"))
    assert several.own is several.of(at("/own"))


async def test_none_at_all_is_said() -> None:
    several = engines()
    assert several.own is None
    with pytest.raises(StartRefusedError, match="MODELYARD_CONTAINER_ENGINE"):
        several.of(PoolEngine(EngineKind.CONTAINER))
    assert "MODELYARD_CONTAINER_ENGINE" in (await several.look(PoolEngine(EngineKind.CONTAINER))).why
    assert (await several.look(at("/x"))).what == "/x"


async def test_every_engine_is_tended_once_also_one_that_comes_later() -> None:
    several, living = engines("/own"), lambda: ()
    several.tend(living)
    later = cast("Any", several.of(at("/later")))
    several.of(at("/later"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert later.tended is cast("Any", several.own).tended is living
    await several.close()
    assert later.closed
    assert cast("Any", several.own).closed


def test_what_was_written_is_of_whichever_engine_keeps_it() -> None:
    several = engines("/own")
    several.of(at("/longer"))
    assert several.written("i-1") == len("/longer")
    assert several.written("i-2") == 0


@pytest.mark.parametrize(
    ("label", "path", "user"),
    [
        ({}, "", None),
        ({"container": {"engine": "/x", "create": {"User": "1234:1234"}}}, "/x", 1234),
        ({"container": {"engine": "/x", "create": {}}}, "/x", None),
        ({"container": {"engine": 7, "create": {"User": "model"}}}, "", None),
        ({"container": "?"}, "", None),
    ],
)
def test_what_keeps_an_instance_is_in_its_label(label: dict[str, object], path: str, user: int | None) -> None:
    process = Spec((), label=label)
    assert (engine_of(process), user_of(process)) == (path, user)
