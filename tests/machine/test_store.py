"""The store against a model of it: any order of changes, and the same answers as from plain dictionaries.

Invariants after every step: every record is what was written; a stale decision changes nothing; at most one
rollout of a service is active; nothing of a deleted service is left.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from tests.contract import store_samples as a

from modelyard.domain.errors import AlreadyExists
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.record import Changes
from modelyard.domain.service import Rollout, RolloutState, Service
from modelyard.domain.texts import sound
from modelyard.store.base import ReadTransaction, WriteTransaction
from modelyard.store.sql import SqlStore, convert

T = TypeVar("T")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=())), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(JSON)
@settings(max_examples=300, deadline=None)
def test_json_comes_back_as_it_was(value: object) -> None:
    again = convert.from_json(convert.to_json(value))
    assert again == sound(value)
    assert repr(again) == repr(sound(value)), "order of keys, 1 and 1.0"


class Stored(RuleBasedStateMachine):
    keys = Bundle("keys")

    @initialize()
    def start(self) -> None:
        self.runner = asyncio.Runner()
        self.store = SqlStore.memory()
        self.runner.run(self.store.open())
        self.services: dict[str, Service] = {}
        self.revisions: dict[str, int] = {}
        self.rollouts: dict[str, dict[str, Rollout]] = {}
        self.instances: dict[str, dict[str, Instance]] = {}
        self.made = 0

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.store.close())
            self.runner.close()

    def write(self, work: Callable[[WriteTransaction], Awaitable[T]]) -> T:
        async def go() -> T:
            async with self.store.write() as w:
                return await work(w)

        return self.runner.run(go())

    def read(self, work: Callable[[ReadTransaction], Awaitable[T]]) -> T:
        async def go() -> T:
            async with self.store.read() as r:
                return await work(r)

        return self.runner.run(go())

    @rule(target=keys, name=st.sampled_from("abc"), attributes=st.dictionaries(st.text(), JSON, max_size=3))
    def add(self, name: str, attributes: dict[str, object]) -> str:
        self.made += 1
        service = a.service(f"s{self.made}", name=name, attributes=attributes)

        async def work(w: WriteTransaction) -> None:
            await w.add_service(service)
            await w.add_revision(a.revision(service.id, 1))

        taken = any(other.name == name for other in self.services.values())
        try:
            self.write(work)
        except AlreadyExists:
            assert taken
        else:
            assert not taken
            self.services[service.id] = replace(service, attributes=sound(attributes))  # type: ignore[arg-type]
            self.revisions[service.id] = 1
            self.rollouts[service.id] = {}
            self.instances[service.id] = {}
        return service.id

    @rule(key=keys)
    def update(self, key: str) -> None:
        """A user's PUT: the next revision, and a rollout unless one is active."""
        if key not in self.services:
            return
        number = self.revisions[key] + 1
        service = replace(self.services[key], revision=number, version=self.services[key].version + 1)
        self.made += 1
        rollout = a.rollout(f"r{self.made}", key, target=number)

        async def work(w: WriteTransaction) -> None:
            await w.add_revision(a.revision(key, number))
            await w.save_service(service)
            await w.save_rollout(rollout)

        active = any(other.active for other in self.rollouts[key].values())
        try:
            self.write(work)
        except AlreadyExists:
            assert active
        else:
            assert not active
            self.services[key], self.revisions[key] = service, number
            self.rollouts[key][rollout.id] = rollout

    @rule(
        key=keys,
        stale=st.booleans(),
        end=st.sampled_from([None, RolloutState.SUCCESS, RolloutState.FAIL]),
        phases=st.dictionaries(st.integers(0, 4), st.sampled_from(Phase), max_size=3),
        forget=st.sets(st.integers(0, 4), max_size=1),
        delete=st.integers(0, 9).map(lambda n: n == 0),
    )
    def decide(
        self,
        key: str,
        stale: bool,
        end: RolloutState | None,
        phases: dict[int, Phase],
        forget: set[int],
        delete: bool,
    ) -> None:
        service = self.services.get(key)
        ended = [
            replace(o, state=end, ended_ms=1) for o in self.rollouts.get(key, {}).values() if o.active and end
        ]
        changed = {f"{key}-{n}": a.instance(f"{key}-{n}", key, phase) for n, phase in phases.items()}
        changes = Changes(
            seen_version=(service.version if service else 1) - stale,
            rollouts=tuple(ended),
            instances=tuple(changed.values()),
            forget_instances=tuple(f"{key}-{n}" for n in forget),
            delete_service=delete,
        )
        written = self.write(lambda w: w.apply(key, changes))
        assert written == (service is not None and not stale)
        if not written:
            return
        if delete:
            for kept in (self.services, self.revisions, self.rollouts, self.instances):
                kept.pop(key)  # type: ignore[attr-defined]
            return
        self.rollouts[key].update({o.id: o for o in ended})
        self.instances[key].update(changed)
        for instance in list(self.instances[key].values()):
            if instance.phase is Phase.GONE or instance.id in changes.forget_instances:
                del self.instances[key][instance.id]

    @invariant()
    def records_are_what_was_written(self) -> None:
        if not hasattr(self, "runner"):
            return

        async def work(r: ReadTransaction) -> Any:
            every = await r.records()
            single = [await r.record(record.service.id) for record in every]
            return every, single, {key: await r.rollouts(key) for key in self.services}

        every, single, rollouts = self.read(work)
        assert every == single
        assert {record.service.id: record.service for record in every} == self.services
        for record in every:
            key = record.service.id
            assert {i.id: i for i in record.instances} == self.instances[key]
            assert {o.id: o for o in rollouts[key]} == self.rollouts[key]
            assert [record.rollout] == [o for o in self.rollouts[key].values() if o.active] or [None]
            mentioned = {record.service.revision, *(i.revision for i in record.instances)}
            assert mentioned <= set(record.revisions)


Stored.TestCase.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
test_any_order_of_changes = Stored.TestCase
