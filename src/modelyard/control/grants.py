"""Accelerators for an instance that is about to start: chosen and recorded before its engine hears of it.

Promises: no card is granted twice. Who grants reads, in the transaction that writes, what all instances of all
services have; and what those that run have by their engines' word, so that a database that is older than the
processes grants nothing that is in use. Who tries again gets what it was granted before, unless somebody else was
seen with it. A grant is free when its instance has ended, by its row and by its engine, and never sooner.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from modelyard.core import grants
from modelyard.domain.devices import Grant, Inventory
from modelyard.domain.process import ENDED
from modelyard.domain.record import ServiceRecord
from modelyard.engines.base import Engine, InstanceSpec, NoRoomError
from modelyard.store.base import Store


async def no_cards() -> Inventory:
    """Where there are none."""
    return Inventory()


class Granting:
    """Of one machine; `inventory` tells its cards."""

    def __init__(self, store: Store, engine: Engine, inventory: Callable[[], Awaitable[Inventory]]) -> None:
        self._store = store
        self._engine = engine
        self._inventory = inventory

    async def granted(self, record: ServiceRecord, spec: InstanceSpec) -> tuple[Grant, ...]:
        """What the instance of `spec` has from now on. Raises NoRoomError, EngineUnavailableError."""
        if not grants.asked(spec.resources):
            return ()
        inventory = await self._inventory()
        running = await self._running()
        if spec.instance_id in running:
            return running[spec.instance_id]  # it was started: nobody takes that back
        async with self._store.write() as writing:
            stored = await writing.holdings()
            others = grants.held(stored, running, spec.instance_id)
            before = next((one.grants for one in stored if one.instance_id == spec.instance_id), ())
            taken = [grant for some in others.values() for grant in some]
            chosen = grants.granted(inventory, taken, spec.resources, before)
            if chosen.short:
                raise NoRoomError(chosen.short + _by_itself(record, spec, others.keys()))
            if chosen.grants != before and not await writing.grant_devices(spec.instance_id, chosen.grants):
                raise NoRoomError("it is not to run any more")
        return chosen.grants

    async def _running(self) -> Mapping[str, tuple[Grant, ...]]:
        """What those have that have not ended."""
        listing = await self._engine.list()
        return {o.instance_id: o.devices for o in listing.instances if o.process.state not in ENDED}

    async def all(self) -> tuple[Grant, ...]:
        """Everything that is granted now. Raises EngineUnavailableError, StoreUnavailableError."""
        async with self._store.read() as reading:
            stored = await reading.holdings()
        return tuple(g for some in grants.held(stored, await self._running()).values() for g in some)


def _by_itself(record: ServiceRecord, spec: InstanceSpec, others: Iterable[str]) -> str:
    """What to do where the service is in its own way; "" where it is not."""
    if not {instance.id for instance in record.instances}.intersection(others):
        return ""
    variants = (v for r in record.revisions.values() for v in r.variants if v.template.hash == spec.template)
    if max((variant.instance_count for variant in variants), default=1) > 1:
        return "; instances of this service have some: with max_unavailable 1 one makes room for the next"
    return "; the instance before it has some, and serves until it is there: stop the service to change it"
