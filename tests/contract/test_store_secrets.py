"""The store port, over every store: secrets of projects, and those that revisions have."""

import json
from dataclasses import replace

import pytest
from tests.contract import store_samples as a

from modelyard.domain.secrets import Secret, SecretFile, SecretValue
from modelyard.store.base import StoreUnavailableError
from modelyard.store.sql import SqlStore

VALUE = SecretValue("s3cret-pass-word\nof two lines")
FIRST = Secret("p1", "key", 1, VALUE, 1)
OTHER = Secret("p2", "key", 7, SecretValue("another secret"), 2)


async def test_each_project_has_its_own(store: SqlStore) -> None:
    another = Secret("p1", "certificate", 3, SecretValue("päss"), 3)
    async with store.write() as w:
        for secret in (FIRST, OTHER, another):
            await w.save_secret(secret)
    async with store.read() as r:
        assert await r.secrets("p1") == [another, FIRST]
        assert await r.secrets("p2") == [OTHER]


async def test_a_later_one_replaces_it_and_one_that_is_deleted_is_gone(store: SqlStore) -> None:
    later = Secret("p1", "key", 2, SecretValue("other"), 9)
    async with store.write() as w:
        for secret in (FIRST, later, OTHER):
            await w.save_secret(secret)
        assert await w.secrets("p1") == [later]
        await w.delete_secret("p1", "key")
        await w.delete_secret("p1", "unknown")
    async with store.read() as r:
        assert await r.secrets("p1") == []
        assert await r.secrets("p2") == [OTHER]


def test_a_value_is_in_no_repr_and_in_no_json() -> None:
    assert VALUE.reveal() not in repr(FIRST)
    with pytest.raises(TypeError):
        json.dumps({"value": VALUE})


@pytest.mark.parametrize("change", [{"name": "other"}, {"project_id": "p3"}, {"version": 2}])
async def test_a_sealed_value_cannot_be_moved_to_another_place(store: SqlStore, change: dict[str, object]) -> None:
    from sqlalchemy import update

    from modelyard.store.sql.secret_tables import project_secrets

    async with store.write() as w:
        await w.save_secret(FIRST)
        await w._run(update(project_secrets).values(**change))  # type: ignore[attr-defined]
    async with store.read() as r:
        with pytest.raises(StoreUnavailableError):
            await r.secrets(str(change.get("project_id", "p1")))


async def test_a_revision_keeps_the_values_that_it_was_given(store: SqlStore) -> None:
    """Sealed, beside variants that have none."""
    from sqlalchemy import select

    from modelyard.store.sql.tables import revisions

    service, revision = a.service("s1"), a.revision("s1", 1)
    files = (SecretFile("key", 3, "/run/key", VALUE), SecretFile("other", 1, "/run/other", SecretValue("more")))
    first = revision.variants[0]
    with_secrets = replace(first, template=replace(first.template, secrets=files))
    plain = replace(first, template=replace(first.template, envs=(("A", "b"),)))
    kept = replace(revision, variants=(with_secrets, plain))
    async with store.write() as w:
        await w.add_service(service)
        await w.add_revision(kept)
        rows = await w._rows(select(revisions.c.variants))  # type: ignore[attr-defined]
    assert VALUE.reveal()[:10] not in str(rows)
    async with store.read() as r:
        found = await r.revision(service.id, revision.number)
    assert found == kept
    assert found.variants[0].secrets >= {VALUE.reveal(), "more"}
