"""The store port, over every store: people, their keys and apps, and what the administrator sets."""

import pytest
from tests.contract import store_samples as a

from modelyard.domain.apps import App, AppCode
from modelyard.domain.capacity import FlavorEntry, PoolEntry
from modelyard.domain.endpoints import Endpoint
from modelyard.domain.errors import AlreadyExists, NotFound
from modelyard.domain.identity import SYSTEM, AccessKey, Grant, Project, Revocations, Role, Standing, User
from modelyard.store.sql import SqlStore


async def test_people_projects_and_roles(store: SqlStore) -> None:
    north, south = Project("p1", "north", "d", "D"), Project("p2", "south", "d", "D")
    ada, bob = User("u1", "ada", "d", "h"), User("u2", "bob", "d", "h")
    async with store.write() as w:
        for project in (north, south, Project("north", "p9", "d", "D")):
            await w.save_project(project)
        await w.save_user(ada)
        await w.save_user(bob)
        for project_id, role in (
            ("p1", Role.ADMIN),
            ("p1", Role.INVOKER),
            ("p1", Role.ADMIN),
            ("p2", Role.READER),
        ):
            await w.grant("u1", project_id, role)
        await w.revoke("u1", "p1", Role.INVOKER)
        await w.revoke("u1", "p1", Role.READER)
    async with store.read() as r:
        assert await r.project("north") == Project("north", "p9", "d", "D"), "an id wins over a name"
        assert await r.project("south") == south
        assert await r.project("west") is None
        assert await r.projects(user_id="u1") == [north, south]
        assert await r.projects(name="south") == [south]
        assert await r.user("ada") == ada
        assert await r.users() == [ada, bob]
        assert await r.users(name="bob") == [bob]
        assert await r.roles("u1", "p1") == {Role.ADMIN}
        assert await r.roles("u2", "p1") == frozenset()
        assert await r.grants(user_id="u1") == [Grant("u1", "p1", Role.ADMIN), Grant("u1", "p2", Role.READER)]
    with pytest.raises(AlreadyExists, match="user 'ada'"):
        async with store.write() as w:
            await w.save_user(User("u3", "ada", "d", "h"))
    with pytest.raises(NotFound):
        async with store.write() as w:
            await w.grant("nobody", "p1", Role.ADMIN)
    async with store.write() as w:
        await w.delete_user("u1")
        assert await w.grants() == []


async def test_access_keys_go_with_their_user_and_revocations_only_forward(store: SqlStore) -> None:
    async with store.write() as w:
        await w.save_user(User("u1", "ada", "d", "h"))
        await w.save_access_key("AK1", "u1", "p1", "secret")
        await w.save_access_key("AK2", "u1", "p1", "other")
        await w.delete_access_key("AK2")
        await w.revoke_tokens("u1", 500)
        await w.revoke_tokens("u1", 300)
        await w.revoke_token("u1", "t1", 900)
    async with store.write() as w:
        assert await w.access_key("AK1") == AccessKey("AK1", "u1", "p1", "secret")
        assert await w.access_key("AK2") is None
        assert await w.access_keys("u1") == [AccessKey("AK1", "u1", "p1")]
        assert await w.revocations() == Revocations({"u1": 500}, {("u1", "t1"): 900})
        await w.delete_user("u1")
        assert await w.access_key("AK1") is None
        stay = Revocations({"u1": 500}, {("u1", "t1"): 900})
        assert await w.revocations() == stay, "also those of a deleted user"


async def test_what_is_stored_of_a_caller_is_one_answer(store: SqlStore) -> None:
    ada, project = User("u1", "ada", "d", "h"), Project("p1", "north", "d", "D")
    async with store.write() as w:
        await w.save_project(project)
        await w.save_user(ada)
        await w.save_user(User("u2", "bob", "d", "h"))
    async with store.read() as r:
        assert await r.standing("u1", "p1", "t1") == Standing(ada, project)
        assert await r.standing("u1", None, None) == Standing(ada)
        assert await r.standing("ada", "p1", "t1") is None, "by id only"
    async with store.write() as w:
        for role in (Role.ADMIN, Role.INVOKER):
            await w.grant("u1", "p1", role)
        await w.grant("u1", SYSTEM, Role.ADMIN)
        await w.grant("u1", "p2", Role.READER)
        await w.grant("u2", "p1", Role.READER)
        await w.revoke_tokens("u1", 500)
        await w.revoke_token("u1", "t1", 900)
    async with store.read() as r:
        both = frozenset({Role.ADMIN, Role.INVOKER})
        all_of_it = Standing(ada, project, both, frozenset({Role.ADMIN}), 500, token_revoked=True)
        assert await r.standing("u1", "p1", "t1") == all_of_it
        assert await r.standing("u1", "p9", "t2") == Standing(ada, None, frozenset(), frozenset({Role.ADMIN}), 500)
        assert await r.standing("u1", "p2", "t2") == Standing(
            ada, None, frozenset({Role.READER}), frozenset({Role.ADMIN}), 500
        )
        assert await r.standing("u1", None, "t2") == Standing(ada, None, frozenset(), frozenset({Role.ADMIN}), 500)


async def test_app_codes_invoke_the_services_their_app_is_bound_to(store: SqlStore) -> None:
    await a.filled(store, a.service("s1"), a.service("s2"))
    app, other = App("a1", "p1", "app", "u", 1, "words"), App("a2", "p1", "other", "u", 2)
    code = AppCode("digest", "a1", 5, "the code itself")
    async with store.write() as w:
        await w.add_app(app)
        await w.add_app(other)
        await w.add_app_code(code)
        await w.add_app_code(AppCode("digest2", "a2", 5, "another"))
        for app_id, service_id in (("a1", "s1"), ("a1", "s2"), ("a1", "s1"), ("a2", "s2")):
            await w.bind_app(app_id, service_id)
        await w.unbind_app("a2", "s2")
    async with store.read() as r:
        assert await r.app("p1", "a1") == app
        assert await r.apps("p1") == [app, other]
        assert await r.app_codes("a1") == [code]
        assert await r.bound_apps("s1") == [app]
        assert await r.bound_services("a1") == ["s1", "s2"]
        assert await r.codes_of_services() == {"s1": [code], "s2": [code]}
    with pytest.raises(AlreadyExists, match="app 'app'"):
        async with store.write() as w:
            await w.add_app(App("a3", "p1", "app", "u", 1))
    async with store.write() as w:
        assert not await w.delete_app_code("a2", "digest")
        assert await w.delete_app_code("a1", "digest")
        await w.delete_app("a1")
        assert await w.codes_of_services() == {}
    assert "itself" not in repr(code)


async def test_what_the_administrator_sets(store: SqlStore) -> None:
    opened = FlavorEntry("gpu", False, {"cpu": 8, "a": 1}, frozenset({"p1"}))
    cpu = FlavorEntry("cpu", True)
    pool = PoolEntry("c1", "p1", "pool", "running", 7, {"nodes": 3})
    async with store.write() as w:
        await w.save_quota("p1", "instances", 5)
        await w.save_quota("p1", "instances", 128)
        await w.save_flavor(FlavorEntry("gpu", False, {}, frozenset({"p8", "p9"})))
        await w.save_flavor(opened)
        await w.save_flavor(cpu)
        await w.save_pool(pool)
        assert await w.claim_bucket("b", "p1") == "p1"
        assert await w.claim_bucket("b", "p2") == "p1"
        await w.release_bucket("b", "p2")
    async with store.read() as r:
        assert await r.quotas("p1") == {"instances": 128}
        assert await r.quotas("p2") == {}
        assert await r.flavors() == [cpu, opened]
        assert await r.pools("p1") == [pool]
        assert await r.pool(None, "pool") == pool
        assert await r.buckets() == {"b": "p1"}
    async with store.write() as w:
        await w.delete_flavor("gpu")
        await w.delete_pool("c1")
        await w.release_bucket("b", "p1")
        assert (await w.flavors(), await w.pools(None), await w.buckets()) == ([cpu], [], {})


async def test_where_buckets_are(store: SqlStore) -> None:
    first = Endpoint("https://one", "AK", "secret one", "r1")
    second = Endpoint("http://two:9000", "AK2", "secret two")
    async with store.write() as w:
        for bucket in ("a", "b"):
            await w.claim_bucket(bucket, "p1")
        await w.save_endpoint("a", first)
        await w.save_endpoint("b", first)
        await w.save_endpoint("b", second)
        await w.release_bucket("b", "p2")
    async with store.read() as r:
        assert await r.endpoints() == {"a": first, "b": second}
    async with store.write() as w:
        await w.save_endpoint("a", None)
        await w.release_bucket("b", "p1")
        assert await w.endpoints() == {}
