"""What instances were granted, over every store."""

from dataclasses import replace

from tests.contract import store_samples as a

from modelyard.domain.devices import Grant, Holding, Kind
from modelyard.domain.instance import Phase
from modelyard.domain.record import Changes
from modelyard.store.sql import SqlStore

HALF = (Grant(Kind.GPU, 1, 0.5, "GPU-1"),)
STARTING = a.instance("i1", "s1", Phase.STARTING)


async def holdings(store: SqlStore) -> list[Holding]:
    async with store.read() as r:
        return sorted(await r.holdings(), key=lambda one: one.instance_id)


async def written(store: SqlStore, *instances: object) -> None:
    async with store.write() as w:
        assert await w.apply("s1", Changes(1, instances=instances))  # type: ignore[arg-type]


async def test_a_grant_is_had_until_its_instance_has_ended(store: SqlStore) -> None:
    await a.filled(store, a.service("s1"))
    await written(store, STARTING, a.instance("other", "s1"))
    assert await holdings(store) == []
    async with store.write() as w:
        assert await w.grant_devices("i1", HALF)
    assert await holdings(store) == [Holding("i1", HALF)]
    for phase in (Phase.READY, Phase.DRAINING, Phase.STOPPING):
        await written(store, replace(STARTING, phase=phase, devices=HALF))
        assert await holdings(store) == [Holding("i1", HALF)], phase
    await written(store, replace(STARTING, phase=Phase.EXITED, devices=HALF))
    assert await holdings(store) == [Holding("i1", HALF, holds=False)]
    await written(store, replace(STARTING, phase=Phase.GONE))
    assert await holdings(store) == []


async def test_who_read_it_before_takes_no_grant_away(store: SqlStore) -> None:
    await a.filled(store, a.service("s1"))
    await written(store, STARTING)
    async with store.write() as w:
        assert await w.grant_devices("i1", HALF)
    await written(store, replace(STARTING, phase=Phase.READY), a.instance("i2", "s1"))
    async with store.read() as r:
        record = await r.record("s1")
    assert record is not None
    assert {i.id: (i.phase, i.devices) for i in record.instances} == {
        "i1": (Phase.READY, HALF),
        "i2": (Phase.READY, ()),
    }


async def test_who_read_another_grant_does_not_bring_it_back(store: SqlStore) -> None:
    """A note that was read before a grant was replaced, and written after."""
    await a.filled(store, a.service("s1"))
    other = (Grant(Kind.GPU, 0, 1, "GPU-0"),)
    await written(store, replace(STARTING, devices=other))
    assert await holdings(store) == [Holding("i1", other)], "who is adopted comes with its cards"
    async with store.write() as w:
        assert await w.grant_devices("i1", HALF)
    await written(store, replace(STARTING, devices=other), a.instance("i2", "s1"))
    assert await holdings(store) == [Holding("i1", HALF)]


async def test_only_who_starts_is_granted_anything(store: SqlStore) -> None:
    await a.filled(store, a.service("s1"))
    await written(store, STARTING, *(a.instance(phase, "s1", phase) for phase in Phase if phase != Phase.GONE))
    async with store.write() as w:
        for phase in Phase:
            assert await w.grant_devices(phase, HALF) is (phase is Phase.STARTING)
        assert not await w.grant_devices("unknown", HALF)
        assert await w.grant_devices("i1", HALF)
        assert await w.grant_devices("i1", ())
    assert [one.instance_id for one in await holdings(store)] == [Phase.STARTING]
