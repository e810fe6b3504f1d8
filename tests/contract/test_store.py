"""The store port, over every store: lookups, lists, uniqueness, isolation, decisions."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.contract import store_samples as a

from modelyard.core.rollout.decide import Decision
from modelyard.core.rollout.recording import recorded
from modelyard.core.rollout.steps import Start
from modelyard.domain.answers import StoredAnswer
from modelyard.domain.apps import App
from modelyard.domain.capacity import PoolEntry
from modelyard.domain.errors import AlreadyExists, Invalid, NotFound
from modelyard.domain.instance import Phase
from modelyard.domain.model import ModelStatus
from modelyard.domain.record import Changes, ServiceRecord
from modelyard.domain.service import Counter, Event, EventType, Invocations, RolloutState, ServiceStatus
from modelyard.domain.settings import RequestLimits, ServiceSettings
from modelyard.store.base import StoreUnavailableError
from modelyard.store.models import ModelQuery
from modelyard.store.page import Page
from modelyard.store.services import EventQuery, ServiceQuery
from modelyard.store.sql import SqlStore, convert
from modelyard.store.sql.services import EVENTS_BETWEEN, EVENTS_KEPT


def differs_from_its_defaults(value: Any) -> bool:
    return all(
        getattr(value, field.name) != field.default
        for field in dataclasses.fields(value)
        if field.default is not dataclasses.MISSING
    )


@pytest.mark.parametrize(
    "value",
    [a.PROJECT, a.USER, a.MODEL, a.SERVICE, a.REVISION.variants[0], a.JOB, a.ROLLOUT, a.INSTANCE],
    ids=lambda value: type(value).__name__,
)
def test_the_samples_use_every_field(value: Any) -> None:
    assert differs_from_its_defaults(value)


async def test_every_field_of_every_value_survives(store: SqlStore) -> None:
    async with store.write() as w:
        await w.save_project(a.PROJECT)
        await w.save_user(a.USER)
        await w.add_model(a.MODEL)
        await w.add_revision(a.REVISION)  # before its service: only the commit counts
        await w.add_service(a.SERVICE)
        await w.save_rollout(a.ROLLOUT)
        await w.add_events([a.EVENT])
        assert await w.apply("s1", Changes(9, instances=(a.INSTANCE,)))
    async with store.read() as r:
        assert await r.project("p1") == a.PROJECT
        assert await r.user("u1") == a.USER
        assert await r.model("p1", "m1") == a.MODEL
        assert await r.service("p1", "s1") == a.SERVICE
        assert await r.revision("s1", 7) == a.REVISION
        assert await r.rollouts("s1") == [a.ROLLOUT]
        assert await r.events("s1", EventQuery()) == (1, [a.EVENT])
        assert await r.record("s1") == ServiceRecord(a.SERVICE, {7: a.REVISION}, None, (a.INSTANCE,), 7)
        found = await r.service(None, "s1")
        assert found is not None
        assert list(found.attributes) == ["z", "a", "n", "pool_name"]


async def test_a_write_that_raises_leaves_nothing(store: SqlStore) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.write() as w:
            await w.add_service(a.service("s1"))
            raise ZeroDivisionError
    async with store.read() as r:
        assert await r.service_ids() == []


async def test_a_failed_statement_leaves_nothing(store: SqlStore) -> None:
    with pytest.raises(AlreadyExists, match="service 'taken'"):
        async with store.write() as w:
            await w.add_service(a.service("s1", name="taken"))
            await w.add_service(a.service("s2", name="taken"))
    async with store.read() as r:
        assert await r.service_ids() == []


async def test_a_writer_sees_what_it_wrote_and_a_reader_does_not(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_service(a.service("s1"))
        assert await w.service_ids() == ["s1"]
        async with store.read() as r:
            assert await r.service_ids() == []


async def test_a_reader_sees_one_state_while_others_write(store: SqlStore) -> None:
    await a.filled(store, a.service("s1"))
    async with store.read() as r:
        assert await r.service_ids() == ["s1"]
        await a.filled(store, a.service("s2"))
        assert await r.service_ids() == ["s1"]
    async with store.read() as r:
        assert await r.service_ids() == ["s1", "s2"]


async def test_names_are_unique_within_a_project_only(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_service(a.service("s1", name="n"))
        await w.add_service(a.service("s2", name="n", project_id="p2"))
        await w.add_model(a.model("m1", name="n"))
        await w.add_model(a.model("m2", name="n", version="1.0.1"))
        await w.add_model(a.model("m3", name="n", project_id="p2"))
    for attempt in (
        lambda w: w.add_service(a.service("s3", name="n")),
        lambda w: w.save_service(a.service("s3", name="n")),
        lambda w: w.add_model(a.model("m4", name="n")),
        lambda w: w.add_service(a.service("s1", name="other")),
    ):
        with pytest.raises(AlreadyExists):
            async with store.write() as w:
                await attempt(w)


async def test_one_project_never_finds_what_is_of_another(store: SqlStore) -> None:
    async with store.write() as w:
        for project, suffix in (("p1", "1"), ("p2", "2")):
            await w.add_service(a.service(f"s{suffix}", project_id=project))
            await w.add_model(a.model(f"m{suffix}", project_id=project))
            await w.add_app(App(f"a{suffix}", project, "app", "u", 1))
            await w.save_pool(PoolEntry(f"pool{suffix}", project, "pool", "running", 1))
            await w.claim_bucket(f"b{suffix}", project)
            await w.save_answer(project, "key", StoredAnswer(suffix, 200, "{}", 100), 0)
    async with store.read() as r:
        assert await r.service("p2", "s1") is None
        assert await r.service(None, "s1") is not None
        assert await r.services("p2", ServiceQuery()) == (1, [a.service("s2", project_id="p2")])
        assert await r.services("p2", ServiceQuery(service_id="s1")) == (0, [])
        assert await r.model("p2", "m1") is None
        assert [m.id for m in (await r.models("p2", ModelQuery()))[1]] == ["m2"]
        assert await r.app("p2", "a1") is None
        assert [app.id for app in await r.apps("p2")] == ["a2"]
        assert await r.pool("p2", "pool1") is None
        assert await r.pool("p2", "pool") == PoolEntry("pool2", "p2", "pool", "running", 1)
        assert await r.buckets("p2") == {"b2": "p2"}
        assert await r.answer("p2", "key", 0) == StoredAnswer("2", 200, "{}", 100)
        assert await r.count_services("p2", "real-time") == 1
        assert await r.record("s1", "p2") is None
        assert await r.counted_record("s1", "p2") is None
        assert (await r.record("s1", "p1")) == (await r.record("s1"))
        assert await r.service_named("p2", "s1") is None
        assert await r.service_named("p2", "s2") == await r.service(None, "s2")
        assert list(await r.models_by_id("p2", ["m1", "m2", "m9"])) == ["m2"]
        assert sorted(await r.models_by_id(None, ["m1", "m2", "m9"])) == ["m1", "m2"]
        assert await r.models_by_id(None, []) == {}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(ServiceQuery(), ["s3", "s2", "s1"], id="newest first"),
        pytest.param(ServiceQuery(page=Page(descending=False)), ["s1", "s2", "s3"], id="oldest first"),
        pytest.param(ServiceQuery(page=Page(sort_by="service_name")), ["s1", "s3", "s2"], id="by name"),
        pytest.param(ServiceQuery(page=Page(sort_by="transition_at")), ["s2", "s3", "s1"], id="by transition"),
        pytest.param(ServiceQuery(name="RED"), ["s3", "s1"], id="name, any case"),
        pytest.param(ServiceQuery(name="%"), ["s2"], id="a percent sign is one"),
        pytest.param(ServiceQuery(name="_"), [], id="an underscore is one"),
        pytest.param(ServiceQuery(status="failed"), ["s2"], id="status"),
        pytest.param(ServiceQuery(infer_type="batch"), [], id="infer_type"),
        pytest.param(ServiceQuery(workspace_id="5"), ["s3"], id="workspace"),
        pytest.param(ServiceQuery(model_id="m1"), ["s2", "s1"], id="model in the present revision"),
        pytest.param(ServiceQuery(model_id="m9"), [], id="model in an old revision"),
        pytest.param(ServiceQuery(name="red", workspace_id="5"), ["s3"], id="all conditions hold"),
    ],
)
async def test_services_are_filtered_and_sorted(store: SqlStore, query: ServiceQuery, expected: list[str]) -> None:
    async with store.write() as w:
        await w.add_service(a.service("s1", name="zRed", created_ms=1, transition_ms=1))
        await w.add_service(a.service("s2", name="a%", created_ms=2, transition_ms=9, status=ServiceStatus.FAILED))
        await w.add_service(
            a.service("s3", name="kred", created_ms=3, transition_ms=5, workspace_id="5", revision=2)
        )
        await w.add_revision(a.revision("s1", 1, "m1", "m2"))
        await w.add_revision(a.revision("s2", 1, "m1"))
        await w.add_revision(a.revision("s3", 1, "m9"))
        await w.add_revision(a.revision("s3", 2, "m2"))
    async with store.read() as r:
        total, found = await r.services("p1", query)
    assert [service.id for service in found] == expected
    assert total == len(expected)


async def test_an_offset_counts_pages_and_any_number_is_answered(store: SqlStore) -> None:
    await a.filled(store, *(a.service(f"s{n}", created_ms=5) for n in range(5)))
    async with store.read() as r:
        pages = [[s.id for s in (await r.services("p1", ServiceQuery(page=Page(n, 2))))[1]] for n in range(4)]
        assert pages == [["s4", "s3"], ["s2", "s1"], ["s0"], []]
        assert await r.services("p1", ServiceQuery(page=Page(10**30, 10**30))) == (5, [])
        assert await r.services("p1", ServiceQuery(page=Page(-1, -1))) == (5, [])
        assert await r.events("s1", EventQuery(start_ms=-(10**30), end_ms=10**30)) == (0, [])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(ModelQuery(name="net"), ["m3", "m2", "m1"], id="part of a name"),
        pytest.param(ModelQuery(name="net", exact=True), ["m1"], id="exact name"),
        pytest.param(ModelQuery(version="1.0.1"), ["m2"], id="version"),
        pytest.param(ModelQuery(status=ModelStatus.PUBLISHED), ["m3"], id="status"),
        pytest.param(ModelQuery(type="Image"), ["m2"], id="type"),
        pytest.param(ModelQuery(not_type="Image"), ["m3", "m1"], id="not this type"),
        pytest.param(ModelQuery(description="BEST"), ["m3"], id="description"),
        pytest.param(ModelQuery(workspace_id="0"), ["m2", "m1"], id="workspace"),
        pytest.param(ModelQuery(page=Page(sort_by="model_size")), ["m1", "m3", "m2"], id="by size"),
    ],
)
async def test_models_are_filtered_and_sorted(store: SqlStore, query: ModelQuery, expected: list[str]) -> None:
    async with store.write() as w:
        await w.add_model(a.model("m1", name="net", created_ms=1, size_bytes=9))
        await w.add_model(a.model("m2", name="Knet", version="1.0.1", type="Image", created_ms=2))
        await w.add_model(
            a.model(
                "m3",
                name="netz",
                created_ms=3,
                size_bytes=5,
                status=ModelStatus.PUBLISHED,
                attributes={"description": "the best", "workspace_id": "7"},
            )
        )
    async with store.read() as r:
        total, found = await r.models("p1", query)
    assert [model.id for model in found] == expected
    assert total == len(expected)


async def test_models_are_changed_and_deleted(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_model(a.model("m1"))
        await w.save_model(a.model("m1", status=ModelStatus.PUBLISHED))
    async with store.read() as r:
        assert await r.model("p1", "m1") == a.model("m1", status=ModelStatus.PUBLISHED)
    async with store.write() as w:
        await w.delete_model("m1")
        await w.delete_model("m1")
        assert await w.model("p1", "m1") is None


async def test_services_using_a_model_are_found_by_present_stable_and_rolling_revisions(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_service(a.service("present", revision=2))
        await w.add_revision(a.revision("present", 1, "other"))
        await w.add_revision(a.revision("present", 2, "m"))
        await w.add_service(a.service("stable", revision=2, stable=1))
        await w.add_revision(a.revision("stable", 1, "m"))
        await w.add_revision(a.revision("stable", 2, "other"))
        await w.add_service(a.service("rolling", revision=3))
        for number, used in ((1, "old"), (2, "m"), (3, "other")):
            await w.add_revision(a.revision("rolling", number, used))
        await w.save_rollout(a.rollout("r", "rolling", target=2))
        await w.add_service(a.service("past", revision=2))
        await w.add_revision(a.revision("past", 1, "m"))
        await w.add_revision(a.revision("past", 2, "other"))
        await w.save_rollout(a.rollout("r2", "past", RolloutState.SUCCESS, target=1))
    async with store.read() as r:
        assert await r.services_using("m") == ["present", "rolling", "stable"]
        assert await r.services_using("old") == []


async def test_the_last_revision_is_the_highest_number(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_service(a.service("s1"))
        assert (await w.record("s1")).last_revision == 0  # type: ignore[union-attr]
        for number in (1, 2, 10):
            await w.add_revision(a.revision("s1", number))
        assert (await w.record("s1")).last_revision == 10  # type: ignore[union-attr]


async def test_a_record_has_the_revisions_that_anything_mentions(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_service(a.service("s1", revision=5, stable=4))
        for number in range(1, 7):
            await w.add_revision(a.revision("s1", number))
        await w.save_rollout(a.rollout("done", "s1", RolloutState.SUCCESS, target=1))
        await w.save_rollout(dataclasses.replace(a.rollout("now", "s1", target=5), base=3))
        await w.apply("s1", Changes(1, instances=(a.instance("i1", "s1", revision=2),)))
        await w.add_service(a.service("s2"))
        await w.add_revision(a.revision("s2", 1))
    async with store.read() as r:
        record = await r.record("s1")
        assert record is not None
        assert sorted(record.revisions) == [2, 3, 4, 5]
        assert record.rollout == dataclasses.replace(a.rollout("now", "s1", target=5), base=3)
        assert await r.record("s9") is None
        assert [await r.record("s1"), await r.record("s2")] == await r.records()
        assert [revision.number for revision in await r.revisions("s1")] == [6, 5, 4, 3, 2, 1]


async def test_the_records_of_a_project_are_its_alone(store: SqlStore) -> None:
    other = dataclasses.replace(a.service("s2"), project_id="p2")
    await a.filled(store, a.service("s1"), other)
    async with store.write() as w:
        for service_id in ("s1", "s2"):
            await w.apply(service_id, Changes(1, instances=(a.instance(f"i-{service_id}", service_id),)))
    async with store.read() as r:
        every = await r.records()
        assert [await r.records("p1"), await r.records("p2"), await r.records("p3")] == [every[:1], every[1:], []]
        assert [len(one.instances) for one in every] == [1, 1]


async def test_old_revisions_go_unless_something_mentions_them(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_service(a.service("s1", revision=5, stable=4))
        await w.add_service(a.service("s2"))
        for number in range(1, 7):
            await w.add_revision(a.revision("s1", number))
        await w.add_revision(a.revision("s2", 1))
        await w.save_rollout(dataclasses.replace(a.rollout("now", "s1", target=5), base=3))
        await w.apply("s1", Changes(1, instances=(a.instance("i1", "s1", revision=2),)))
        for number in range(7, 208):
            await w.add_revision(a.revision("s1", number))
    async with store.read() as r:
        assert [x.number for x in await r.revisions("s1")] == [*range(207, 7, -1), 5, 4, 3, 2]
        assert [x.number for x in await r.revisions("s2")] == [1]
        record = await r.record("s1")
        assert record is not None
        assert sorted(record.revisions) == [2, 3, 4, 5]


async def test_old_rollouts_go_unless_active(store: SqlStore) -> None:
    await a.filled(store, a.service("s1"), a.service("s2"))
    async with store.write() as w:
        await w.save_rollout(a.rollout("other", "s2", RolloutState.SUCCESS))
        for n in range(1, 206):
            await w.save_rollout(a.rollout(f"r{n}", "s1"))
            await w.save_rollout(a.rollout(f"r{n}", "s1", RolloutState.SUCCESS))
    async with store.read() as r:
        assert [o.id for o in await r.rollouts("s1")] == [f"r{n}" for n in range(205, 5, -1)]
        assert [o.id for o in await r.rollouts("s2")] == ["other"]


async def test_rollouts_come_newest_first_and_only_one_is_active(store: SqlStore) -> None:
    await a.filled(store, a.service("s1"))
    async with store.write() as w:
        await w.save_rollout(a.rollout("first", "s1"))
    with pytest.raises(AlreadyExists, match="active rollout"):
        async with store.write() as w:
            await w.save_rollout(a.rollout("second", "s1"))
    async with store.write() as w:
        changes = (a.rollout("second", "s1"), a.rollout("first", "s1", RolloutState.CANCELLED))
        assert await w.apply("s1", Changes(1, rollouts=changes))
    async with store.read() as r:
        assert [(o.id, o.state) for o in await r.rollouts("s1")] == [
            ("second", RolloutState.RUNNING),
            ("first", RolloutState.CANCELLED),
        ]


async def test_a_decision_from_a_stale_version_is_not_written(store: SqlStore) -> None:
    await a.filled(store, a.service("s1", version=4))
    stale = Changes(
        3,
        service=a.service("s1", version=3, description="stale"),
        rollouts=(a.rollout("r", "s1"),),
        instances=(a.instance("i", "s1"),),
        events=(Event("s1", EventType.NORMAL, "e", 1),),
        delete_service=True,
    )
    async with store.write() as w:
        assert not await w.apply("s1", stale)
        assert not await w.apply("s9", stale)
    async with store.read() as r:
        record = ServiceRecord(a.service("s1", version=4), {1: a.revision("s1", 1)}, last_revision=1)
        assert await r.record("s1") == record
        assert await r.rollouts("s1") == []
        assert await r.events("s1", EventQuery()) == (0, [])


async def test_instances_that_are_gone_or_forgotten_are_not_kept(store: SqlStore) -> None:
    await a.filled(store, a.service("s1"), a.service("s2"))
    async with store.write() as w:
        await w.apply("s1", Changes(1, instances=tuple(a.instance(f"i{n}", "s1") for n in range(4))))
        await w.apply("s2", Changes(1, instances=(a.instance("other", "s2"),)))
        changes = Changes(
            1,
            instances=(a.instance("i1", "s1", Phase.GONE), a.instance("i2", "s1", Phase.DRAINING)),
            forget_instances=("i3", "other"),
        )
        assert await w.apply("s1", changes)
    async with store.read() as r:
        records = {record.service.id: record.instances for record in await r.records()}
    assert records == {
        "s1": (a.instance("i0", "s1"), a.instance("i2", "s1", Phase.DRAINING)),
        "s2": (a.instance("other", "s2"),),
    }


async def test_a_deleted_service_takes_everything_with_it_and_frees_its_name(store: SqlStore) -> None:
    await a.filled(store, a.service("s1"))
    async with store.write() as w:
        await w.save_rollout(a.rollout("r", "s1"))
        await w.apply("s1", Changes(1, instances=(a.instance("i", "s1"),), events=(a.EVENT,)))
        await w.save_counters({"s1": Counter(Invocations(1, 1))})
        await w.add_app(App("a", "p1", "app", "u", 1))
        await w.bind_app("a", "s1")
        assert await w.apply("s1", Changes(1, delete_service=True))
    async with store.write() as w:
        assert await w.record("s1") is None
        assert await w.revisions("s1") == []
        assert await w.rollouts("s1") == []
        assert await w.events("s1", EventQuery()) == (0, [])
        assert await w.counters() == {}
        assert await w.services_using("m1") == []
        assert await w.bound_services("a") == []
        await w.save_counters({"s1": Counter(Invocations(5, 0))})  # late: the service is not there any more
        await w.add_service(a.service("s9", name="s1"))
    async with store.read() as r:
        assert await r.counters() == {}


async def test_a_child_without_its_parent_is_refused_and_the_next_writer_is_well(store: SqlStore) -> None:
    with pytest.raises(NotFound):
        async with store.write() as w:
            await w.add_revision(a.revision("s9", 1))
    async with store.read() as r:
        assert await r.revision("s9", 1) is None
    await a.filled(store, a.service("s9"))


async def test_events_are_filtered_and_only_the_newest_are_kept(store: SqlStore) -> None:
    await a.filled(store, a.service("s1"), a.service("s2"))
    kept = [Event("s2", EventType.NORMAL, "other", 1)]
    async with store.write() as w:
        await w.add_events(kept)
        for start in range(0, EVENTS_KEPT + 50, 50):
            await w.add_events([Event("s1", EventType.NORMAL, f"e{n}", n) for n in range(start, start + 50)])
        await w.add_events([Event("s1", EventType.ABNORMAL, "Broken", 70)])
    async with store.read() as r:
        total, found = await r.events("s1", EventQuery(page=Page(0, 2, "occur_time", descending=False)))
        assert EVENTS_KEPT <= total < EVENTS_KEPT + EVENTS_BETWEEN
        first = EVENTS_KEPT + 50 + 1 - total
        assert [event.info for event in found] == [f"e{first}", f"e{first + 1}"]
        assert (await r.events("s2", EventQuery()))[1] == kept
        assert (await r.events("s1", EventQuery(type="abnormal")))[0] == 1
        assert (await r.events("s1", EventQuery(info="broken")))[0] == 1
        total, found = await r.events("s1", EventQuery(start_ms=70, end_ms=71))
        assert [(event.occur_ms, event.info) for event in found] == [(71, "e71"), (70, "Broken"), (70, "e70")]


async def test_counters_keep_totals_and_the_reading_they_include(store: SqlStore) -> None:
    await a.filled(store, a.service("s1"), a.service("s2"))
    first = Counter(Invocations(2**40, 3), "envoy-1", Invocations(7, 1))
    async with store.write() as w:
        await w.save_counters({"s1": first, "s2": Counter(), "gone": first})
        await w.save_counters({"s2": first})
    async with store.read() as r:
        assert await r.counters() == {"s1": first, "s2": first}
        counted = await r.counted_record("s2")
        assert counted is not None
        assert counted[1] == first
        assert await r.counters(["s2", "gone"]) == {"s2": first}
        assert await r.counters([]) == {}
        assert await r.counters([f"s{n}" for n in range(3000)]) == {"s1": first, "s2": first}


async def test_answers_are_kept_until_they_expire(store: SqlStore) -> None:
    answer = StoredAnswer("digest", 200, '{"b": 1, "a": 2}', 1000)
    async with store.write() as w:
        await w.save_answer("p1", "key", answer, 0)
    async with store.write() as w:
        assert await w.answer("p1", "key", 999) == answer
        assert await w.answer("p1", "key", 1000) is None
        await w.save_answer("p1", "later", dataclasses.replace(answer, expires_ms=9000), 1000)
        assert await w.answer("p1", "key", 0) is None, "forgotten when the next one is kept"


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"description": "\ud800"}, id="not Unicode"),
        pytest.param({"created_ms": 2**70}, id="beyond 64 bits"),
    ],
)
async def test_what_no_database_can_hold_is_invalid(store: SqlStore, broken: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        async with store.write() as w:
            await w.add_service(a.service("s1", **broken))


async def test_what_no_reader_can_bear_is_replaced_when_it_is_read(tmp_path: Path) -> None:
    """Former releases stored it in SQLite (PostgreSQL takes no NaN); errors and events are written like that."""
    store = SqlStore(tmp_path / "modelyard.db")
    await store.open()
    broken = {"a\ud800": ["\udfff", float("nan"), float("inf")], "b": "\u0000"}
    async with store.write() as w:
        await w.add_service(a.service("s1", attributes=broken, error="half a \udc80 of a file's name"))
    async with store.read() as r:
        service = await r.service(None, "s1")
    assert service is not None
    assert service.attributes == {"a\ufffd": ["\ufffd", None, None], "b": "\u0000"}
    assert service.error == "half a \ufffd of a file's name"
    await store.close()


async def test_a_service_of_a_former_release_has_its_countdown_and_its_settings(store: SqlStore) -> None:
    """The end of the countdown was an attribute, and a column beside it; the settings were read where needed."""
    limits = {"request_limit": {"timeout_seconds": 2}, "websocket_upgrade": True}
    kept = {"schedule": [], "due_time": 5000, "additional_properties": limits}
    row = {"attributes": convert.to_json(kept), "due_ms": 5000}
    async with store.write() as w:
        await w.add_service(a.service("s1"))
        statement = text("UPDATE services SET attributes = :attributes, due_ms = :due_ms")
        await w.connection.execute(statement, row)  # type: ignore[attr-defined]
    async with store.read() as r:
        service = await r.service(None, "s1")
    assert service is not None
    assert service.due_ms == 5000
    assert service.attributes == {"schedule": [], "additional_properties": limits}
    assert service.settings == ServiceSettings(requests=RequestLimits(timeout_s=2.0), websocket=True)


DECISION = Decision(
    service=None,
    rollout=None,
    instances=(),
    starts=(),
    resume=(),
    stops=(),
    forget=(),
    events=(),
    route=None,
)


async def test_what_is_stored_after_a_decision_is_what_the_core_says(store: SqlStore) -> None:
    """`recorded` is what the dry run goes on from: it must not differ from what the store makes of the rows."""
    rows = tuple(a.instance(key, "s1") for key in ("i1", "i2"))
    async with store.write() as w:
        await w.add_service(a.service("s1"))
        await w.add_revision(a.revision("s1", 1))
        await w.save_rollout(a.rollout("r1", "s1"))
        assert await w.apply("s1", Changes(1, instances=rows))
    async with store.read() as r:
        before = await r.record("s1")
    assert before is not None
    assert before.rollout is not None
    decision = dataclasses.replace(
        DECISION,
        service=dataclasses.replace(before.service, stable=1),
        rollout=dataclasses.replace(before.rollout, state=RolloutState.SUCCESS, ended_ms=9),
        instances=(dataclasses.replace(rows[0], phase=Phase.DRAINING, phase_ms=9),),
        starts=(Start(1, "t"),),
        forget=("i2", "a stranger"),
    )
    made = recorded(before, decision, ("i4",), 9, (a.instance("i3", "s1"),))
    async with store.write() as w:
        assert await w.apply("s1", made.changes)
    async with store.read() as r:
        after = await r.record("s1")
    assert after is not None
    assert made.after is not None
    assert {i.id: i for i in after.instances} == {i.id: i for i in made.after.instances}
    assert dataclasses.replace(after, instances=()) == dataclasses.replace(made.after, instances=())
    deletion = recorded(after, dataclasses.replace(DECISION, delete_service=True), (), 9)
    async with store.write() as w:
        assert await w.apply("s1", deletion.changes)
    async with store.read() as r:
        assert await r.record("s1") is deletion.after is None


async def test_a_store_that_is_not_open_is_unavailable(store: SqlStore) -> None:
    await store.close()
    with pytest.raises(StoreUnavailableError, match="not open"):
        async with store.read():
            pass
    with pytest.raises(StoreUnavailableError, match="not open"):
        async with store.write():
            pass


async def test_a_write_inside_a_write_is_refused_instead_of_hanging(store: SqlStore) -> None:
    async with store.write():
        with pytest.raises(RuntimeError, match="wait for itself"):
            async with store.write():
                pass
