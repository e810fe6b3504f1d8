"""A damaged file of ours is named, with what to do; nothing is put in its place behind its owner's back."""

from pathlib import Path

import pytest
from joserfc.jwk import ECKey, RSAKey

from modelyard.files import DamagedFileError
from modelyard.iam.bootstrap import Names, Places, prepare
from modelyard.iam.passwords import Passwords
from modelyard.iam.tokens import KEY_FILE, TokenKey
from modelyard.store.sql import SqlStore

PEM = ECKey.generate_key("P-256", private=True).as_pem(private=True)
KEYS = {
    "empty": b"",
    "truncated": PEM[:90],
    "binary": bytes(range(256)),
    "a list": b"[]",
    "the public half": ECKey.import_key(PEM).as_pem(private=False),
    "another curve": ECKey.generate_key("P-384", private=True).as_pem(private=True),
    "another kind": RSAKey.generate_key(2048, private=True).as_pem(private=True),
    "huge": b"x" * (2 << 20),
}


@pytest.mark.parametrize("content", KEYS.values(), ids=KEYS)
def test_a_damaged_signing_key_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(DamagedFileError, match=rf"{KEY_FILE} is damaged.*move it away"):
        TokenKey.load(tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"x" * 16, b"x" * 31, b"x" * 33], ids=len)
async def test_a_damaged_sealing_key_is_named_at_the_start(tmp_path: Path, content: bytes) -> None:
    """16 bytes are a key, too: of another cipher than the one that everything was sealed with."""
    key = tmp_path / "keys" / "store.key"
    key.parent.mkdir()
    key.write_bytes(content)
    with pytest.raises(DamagedFileError, match=rf"store.key is damaged .*{len(content)} bytes"):
        await SqlStore(tmp_path / "modelyard.db").open()
    assert key.read_bytes() == content


async def test_an_emptied_database_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "store.key").write_bytes(b"x" * 32)
    (tmp_path / "modelyard.db").touch()
    with pytest.raises(DamagedFileError, match=r"modelyard.db is empty, and was not"):
        await SqlStore(tmp_path / "modelyard.db").open()


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff"])
async def test_damaged_credentials_are_named_and_left(tmp_path: Path, content: bytes) -> None:
    store = SqlStore.memory()
    await store.open()
    await prepare(store, tmp_path, Places("", "", "", ""), Names(), Passwords())
    (tmp_path / "credentials.json").write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"credentials.json is damaged"):
        await prepare(store, tmp_path, Places("", "", "", ""), Names(), Passwords())
    await store.close()
    assert (tmp_path / "credentials.json").read_bytes() == content
