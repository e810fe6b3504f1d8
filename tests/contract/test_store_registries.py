"""The store port, over every store: what projects are known by to registries of images."""

import pytest

from modelyard.domain.registries import RegistryLogin
from modelyard.store.base import StoreUnavailableError
from modelyard.store.sql import SqlStore

FIRST = RegistryLogin("p1", "registry.example.com", "robot", "s3cret-pass-word", 1)
OTHER = RegistryLogin("p2", "registry.example.com", "someone", "another secret", 2)


async def test_each_project_has_its_own(store: SqlStore) -> None:
    hub = RegistryLogin("p1", "docker.io", "größe", "päss", 3)
    async with store.write() as w:
        for login in (FIRST, OTHER, hub):
            await w.save_registry_login(login)
    async with store.read() as r:
        assert await r.registry_logins("p1") == [hub, FIRST]
        assert await r.registry_login("p2", FIRST.registry) == OTHER
        assert await r.registry_login("p2", "docker.io") is None


async def test_a_later_one_replaces_it_and_one_that_is_deleted_is_gone(store: SqlStore) -> None:
    later = RegistryLogin("p1", FIRST.registry, "robot2", "other", 9)
    async with store.write() as w:
        await w.save_registry_login(FIRST)
        await w.save_registry_login(later)
        await w.save_registry_login(OTHER)
        assert await w.registry_login("p1", FIRST.registry) == later
        await w.delete_registry_login("p1", FIRST.registry)
        await w.delete_registry_login("p1", "unknown")
    async with store.read() as r:
        assert await r.registry_logins("p1") == []
        assert await r.registry_logins("p2") == [OTHER]


def test_a_password_is_in_no_repr() -> None:
    assert FIRST.password not in repr(FIRST)


async def test_a_sealed_password_cannot_be_moved_to_another_place(store: SqlStore) -> None:
    from sqlalchemy import update

    from modelyard.store.sql.registry_tables import registry_logins

    async with store.write() as w:
        await w.save_registry_login(FIRST)
        await w._run(update(registry_logins).values(registry="evil.example.com"))  # type: ignore[attr-defined]
    async with store.read() as r:
        with pytest.raises(StoreUnavailableError):
            await r.registry_login("p1", "evil.example.com")
