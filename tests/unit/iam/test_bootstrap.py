"""The first start and the later ones, over the real store in memory."""

import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelyard.domain.identity import SYSTEM, AccessKey, Role, User
from modelyard.iam import bootstrap
from modelyard.iam.bootstrap import Names, Places
from modelyard.iam.passwords import Passwords
from modelyard.store.sql import SqlStore

PLACES = Places("http://a/v3", "http://a", "http://g", "local")
NAMES = Names("Domain", "north", "ada")
KEYS = {
    *("auth_url", "api_url", "gateway_url", "region", "domain_id", "domain_name", "project_id", "project_name"),
    *("user_id", "user_name", "password", "access_key", "secret_key"),
}


@pytest.fixture
async def store() -> AsyncIterator[SqlStore]:
    store = SqlStore.memory()
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(memory_kib=8, passes=1)


def read(folder: Path) -> dict[str, str]:
    content: dict[str, str] = json.loads((folder / "credentials.json").read_text())
    return content


async def test_the_first_start_makes_an_admin(store: SqlStore, passwords: Passwords, tmp_path: Path) -> None:
    given = await bootstrap.prepare(store, tmp_path, PLACES, NAMES, passwords)
    assert given == read(tmp_path)
    assert given.keys() == KEYS
    assert stat.S_IMODE((tmp_path / "credentials.json").stat().st_mode) == 0o600
    assert (given["user_name"], given["project_name"], given["domain_name"]) == ("ada", "north", "Domain")
    assert (len(given["access_key"]), len(given["secret_key"])) == (20, 40)
    async with store.read() as r:
        user = await r.user("ada")
        assert user is not None
        assert await passwords.matches(user.password_hash, given["password"])
        assert await r.roles(user.id, given["project_id"]) == {Role.ADMIN}
        access = given["access_key"]
        key = AccessKey(access, user.id, given["project_id"], given["secret_key"])
        assert await r.access_key(access) == key


async def test_a_later_start_refreshes_only_where_things_are(
    store: SqlStore, passwords: Passwords, tmp_path: Path
) -> None:
    first = await bootstrap.prepare(store, tmp_path, PLACES, NAMES, passwords)
    moved = Places("http://b/v3", "http://b", "http://h", "south")
    second = await bootstrap.prepare(store, tmp_path, moved, Names("x", "y", "z"), passwords)
    assert second == first | {
        "auth_url": "http://b/v3",
        "api_url": "http://b",
        "gateway_url": "http://h",
        "region": "south",
    }
    assert read(tmp_path) == second
    async with store.read() as r:
        assert len(await r.projects()) == 1


async def test_an_unchanged_file_is_left_alone(store: SqlStore, passwords: Passwords, tmp_path: Path) -> None:
    await bootstrap.prepare(store, tmp_path, PLACES, NAMES, passwords)
    before = (tmp_path / "credentials.json").stat().st_ino
    (tmp_path / "credentials.json").chmod(0o644)
    await bootstrap.prepare(store, tmp_path, PLACES, NAMES, passwords)
    after = (tmp_path / "credentials.json").stat()
    assert (after.st_ino, stat.S_IMODE(after.st_mode)) == (before, 0o600)


async def test_a_crash_between_file_and_database_keeps_the_secrets_of_the_file(
    store: SqlStore, passwords: Passwords, tmp_path: Path
) -> None:
    other = SqlStore.memory()
    await other.open()
    first = await bootstrap.prepare(other, tmp_path, PLACES, NAMES, passwords)
    await other.close()
    assert await bootstrap.prepare(store, tmp_path, PLACES, NAMES, passwords) == first
    async with store.read() as r:
        assert await r.access_key(first["access_key"]) is not None


async def test_a_deleted_file_comes_back_without_secrets(
    store: SqlStore, passwords: Passwords, tmp_path: Path
) -> None:
    await bootstrap.prepare(store, tmp_path, PLACES, NAMES, passwords)
    (tmp_path / "credentials.json").unlink()
    given = await bootstrap.prepare(store, tmp_path, PLACES, NAMES, passwords)
    assert not given.keys() & {"password", "access_key", "secret_key"}
    assert given["api_url"] == "http://a"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"password": 7}'])
async def test_a_broken_file_on_an_empty_database_is_replaced(
    store: SqlStore, passwords: Passwords, tmp_path: Path, content: str
) -> None:
    (tmp_path / "credentials.json").write_text(content)
    assert (await bootstrap.prepare(store, tmp_path, PLACES, NAMES, passwords)).keys() == KEYS


async def administrators(store: SqlStore) -> set[str]:
    async with store.read() as r:
        return {grant.user_id for grant in await r.grants(project_id=SYSTEM)}


async def test_the_first_user_administers_the_installation(
    tmp_path: Path, store: SqlStore, passwords: Passwords
) -> None:
    content = await bootstrap.prepare(store, tmp_path, PLACES, NAMES, passwords)
    assert await administrators(store) == {content["user_id"]}


async def test_an_installation_that_nobody_administers_gets_its_first_user_back(
    tmp_path: Path, store: SqlStore, passwords: Passwords
) -> None:
    content = await bootstrap.prepare(store, tmp_path, PLACES, NAMES, passwords)
    async with store.write() as w:
        await w.revoke(content["user_id"], SYSTEM, Role.ADMIN)
    await bootstrap.prepare(store, tmp_path, PLACES, NAMES, passwords)
    assert await administrators(store) == {content["user_id"]}


async def test_a_file_brings_nobody_back_while_somebody_administers(
    tmp_path: Path, store: SqlStore, passwords: Passwords
) -> None:
    content = await bootstrap.prepare(store, tmp_path, PLACES, NAMES, passwords)
    async with store.write() as w:
        await w.save_user(User("u2", "eve", content["domain_id"], "-"))
        await w.grant("u2", SYSTEM, Role.ADMIN)
        await w.revoke(content["user_id"], SYSTEM, Role.ADMIN)
    await bootstrap.prepare(store, tmp_path, PLACES, NAMES, passwords)
    assert await administrators(store) == {"u2"}
