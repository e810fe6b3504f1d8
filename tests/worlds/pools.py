"""Engines of pools that tests say how they are."""

import asyncio
from dataclasses import dataclass, field

from modelyard.domain.pools import EngineKind, Node, PoolEngine, Sight
from modelyard.domain.resources import Capacity

HERE = Node("here", Capacity(4, 4096, 1, 0))
PROCESSES = PoolEngine()
CONTAINERS = PoolEngine(EngineKind.CONTAINER, "unix:///run/one.sock")
OTHERS = PoolEngine(EngineKind.CONTAINER, "unix:///run/two.sock")


@dataclass
class FakePools:
    """A `PoolEngines`. What is not in `sights` is well, and has the one node HERE. `hangs`: engines that answer
    when `released` is set. `began` and `answered`: an engine was asked, and one answered."""

    sights: dict[PoolEngine, Sight] = field(default_factory=dict)
    hangs: set[PoolEngine] = field(default_factory=set)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[PoolEngine] = field(default_factory=list)

    async def look(self, engine: PoolEngine) -> Sight:
        self.asked.append(engine)
        self.began.set()
        if engine in self.hangs:
            await self.released.wait()
        self.answered.set()
        return self.sights.get(engine, Sight("a fake engine", "", (HERE,)))

    def away(self, engine: PoolEngine, why: str = "connection refused") -> None:
        self.sights[engine] = Sight(why=why)

    def back(self, engine: PoolEngine) -> None:
        self.sights.pop(engine, None)
