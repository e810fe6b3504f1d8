"""Whose output is, and what must not be told of it: in the store that people run."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.contract import store_samples
from tests.worlds import services

from modelyard.control.owners import Owners
from modelyard.domain.output import OutputSource
from modelyard.domain.revision import Revision
from modelyard.domain.secrets import SecretFile, SecretValue
from modelyard.store.sql import SqlStore


@pytest.fixture
async def store() -> AsyncIterator[SqlStore]:
    store = SqlStore.memory()
    await store.open()
    yield store
    await store.close()


def revision(number: int, value: str) -> Revision:
    made = services.variant("m1", raw={"secret_envs": ["KEY"]} if value else {})
    envs = (("KEY", value),) if value else ()
    return Revision("s1", number, 1, (replace(made, template=replace(made.template, envs=envs)),))


async def test_secrets_of_a_superseded_revision_are_masked(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_service(store_samples.service("s1"))
        await w.add_revision(revision(1, "of-the-first"))
        await w.add_revision(revision(2, ""))
    owner = await Owners(store).of(OutputSource("i1", "s1", 1, "iris", "1", "", envs=(("KEY", "of-the-first"),)))
    assert owner is not None
    assert owner.secrets == {"of-the-first"}


async def test_secrets_that_are_files_are_masked(store: SqlStore) -> None:
    made = services.variant("m1")
    files = (SecretFile("key", 1, "/run/key", SecretValue("of-a-file")),)
    async with store.write() as w:
        await w.add_service(store_samples.service("s1"))
        variant = replace(made, template=replace(made.template, secrets=files))
        await w.add_revision(Revision("s1", 1, 1, (variant,)))
        await w.add_revision(Revision("s1", 2, 1, (made,)))
    owner = await Owners(store).of(OutputSource("i1", "s1", 1, "iris", "1", ""))
    assert owner is not None
    assert owner.secrets == {"of-a-file"}


async def test_an_instance_says_itself_what_is_secret_when_its_revision_is_not_kept(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_service(store_samples.service("s1"))
    envs = (("KEY", "hunter22"), ("MODE", "loud"))
    source = OutputSource("i1", "s1", 1, "iris", "1", "", envs=envs, secret_names=("KEY",))
    owner = await Owners(store, frozenset({"ours"})).of(source)
    assert owner is not None
    assert owner.secrets == {"hunter22", "ours"}


async def test_output_of_a_service_that_is_gone_is_nobodys(store: SqlStore) -> None:
    assert await Owners(store).of(OutputSource("i1", "gone", 1, "iris", "1", "")) is None
