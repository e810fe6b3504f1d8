"""What a call costs does not grow with what it is not about: SQL statements and rows read, counted exactly."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import Engine, event
from tests.worlds.api import ApiWorld, api_world, entry

from modelyard.domain.service import ServiceStatus
from modelyard.store.sql import convert
from modelyard.store.sql.services import HISTORY_KEPT

MODEL = "m-digits-service-1.0.0"
OTHERS, HISTORY = 60, 40


@dataclass
class Cost:
    """`revisions`: how many were made of rows."""

    statements: int = 0
    revisions: int = 0


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cost]:
    counted, revision = Cost(), convert.revision

    def sent(*_: object) -> None:
        counted.statements += 1

    def made(row: object, box: object) -> object:
        counted.revisions += 1
        return revision(row, box)  # type: ignore[arg-type]

    monkeypatch.setattr(convert, "revision", made)
    event.listen(Engine, "before_cursor_execute", sent)
    yield counted
    event.remove(Engine, "before_cursor_execute", sent)


async def _cost(world: ApiWorld, cost: Cost, method: str, path: str, body: object = None) -> Cost:
    before = replace(cost)
    answer = await world.call(method, path, body)
    assert answer.status_code == 200, answer.text
    return Cost(cost.statements - before.statements, cost.revisions - before.revisions)


async def _put_and_get(world: ApiWorld, cost: Cost, service_id: str) -> tuple[Cost, Cost]:
    path, body = f"/v1/p1/services/{service_id}", {"config": [entry(MODEL, instance_count=2)]}
    put = await _cost(world, cost, "PUT", path, body)
    await world.brought(service_id, ServiceStatus.RUNNING)
    return put, await _cost(world, cost, "GET", path)


async def test_a_change_costs_the_same_with_many_services_and_a_long_history(world: ApiWorld, cost: Cost) -> None:
    service_id = await world.service()
    few = await _put_and_get(world, cost, service_id)
    service, revision, (rollout, *_) = await world.stored(service_id)
    async with world.store.write() as w:
        for n in range(OTHERS):
            other = f"other-{n:03d}"
            await w.add_service(replace(service, id=other, name=other))
            await w.add_revision(replace(revision, service_id=other))
        for n in range(HISTORY):
            number = revision.number + 1 + n
            await w.add_revision(replace(revision, number=number))
            await w.save_rollout(replace(rollout, id=f"r-{n}", target=number))
        await w.save_service(
            replace(service, revision=revision.number + HISTORY, stable=revision.number + HISTORY)
        )
    many = await _put_and_get(world, cost, service_id)
    assert many == few
    assert max(c.revisions for c in many) <= 2


DETAIL = 6
"""Statements: a transaction and who calls; a transaction, the service, its revisions, its instances."""
LIST = 6
PUT = 15
"""Beside those of the detail: the models, flavors and quotas of now; a revision, which models it uses, a rollout,
an event, the service, and the row of the audit (docs/explanation/api-speed.md)."""
POST = 14


async def test_what_a_call_costs(world: ApiWorld, cost: Cost) -> None:
    """Exactly: who adds a statement to every call finds it here, and writes down what it is for."""
    service_id = await world.service()
    path = f"/v1/p1/services/{service_id}"
    await world.model("2.0.0", "digits-service")
    two = [entry(MODEL, weight=60), entry("m-digits-service-2.0.0", weight=40)]
    new = {"service_name": "another", "infer_type": "real-time", "config": [entry(MODEL)]}
    spent = {
        "detail": await _cost(world, cost, "GET", path),
        "list": await _cost(world, cost, "GET", "/v1/p1/services?limit=10"),
        "put": await _cost(world, cost, "PUT", path, {"config": two}),
        "post": await _cost(world, cost, "POST", "/v1/p1/services", new),
    }
    assert {call: one.statements for call, one in spent.items()} == {
        "detail": DETAIL,
        "list": LIST,
        "put": PUT,
        "post": POST,
    }


async def test_a_history_that_is_cut_costs_three_statements_more(world: ApiWorld, cost: Cost) -> None:
    service_id = await world.service()
    service, revision, (rollout, *_) = await world.stored(service_id)
    async with world.store.write() as w:
        for number in range(2, HISTORY_KEPT + 2):
            await w.add_revision(replace(revision, number=number))
            await w.save_rollout(replace(rollout, id=f"r-{number}", target=number))
        await w.save_service(replace(service, revision=number, stable=number))
    put, get = await _put_and_get(world, cost, service_id)
    assert (put.statements, get.statements) == (PUT + 3, DETAIL)
