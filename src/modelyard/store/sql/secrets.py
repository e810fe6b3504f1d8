"""Secrets at rest: AES-256-GCM under a key file that lies beside the database, never in it.

What is promised: a copy of the database alone (a backup, a support bundle) gives nobody a secret key. The name
that a secret belongs to is authenticated with it, so that sealed values cannot be exchanged between rows. A
secret never appears in a repr or a log.
"""

import os
import secrets
from pathlib import Path

from modelyard import files
from modelyard.store.base import StoreUnavailableError

_NONCE_BYTES = 12
_KEY_BYTES = 32


class SecretBox:
    """Seals and opens with one key; the key file is made at the first use, mode 0600, unless `makes` is False."""

    def __init__(self, key_file: Path | None, *, makes: bool = True) -> None:
        self._key_file = key_file
        self._makes = makes
        self._key: bytes | None = None

    def __repr__(self) -> str:
        return "SecretBox(…)"

    def seal(self, owner: str, secret: str) -> bytes:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._load()).encrypt(nonce, secret.encode(), owner.encode())

    def open(self, owner: str, sealed: bytes) -> str:
        """StoreUnavailableError when the key file is not the one that the secret was sealed with."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            plain = AESGCM(self._load()).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner.encode())
        except InvalidTag as error:
            raise StoreUnavailableError(
                f"{self._key_file} is not the key that the database was written with"
            ) from error
        return plain.decode()

    def check(self) -> bool:
        """Whether there is a key file already. Raises DamagedFileError when it holds no key."""
        if self._key_file is None or not os.path.lexists(self._key_file):
            return False
        self._load()
        return True

    def _load(self) -> bytes:
        if self._key is None:
            if self._key_file is not None and not self._makes and not os.path.lexists(self._key_file):
                raise StoreUnavailableError(
                    f"{self._key_file} is not there, which opens what is sealed in the database"
                )
            self._key = secrets.token_bytes(32) if self._key_file is None else _read_or_make(self._key_file)
        return self._key


def _read_or_make(path: Path) -> bytes:
    if not os.path.lexists(path):
        files.write(path, secrets.token_bytes(_KEY_BYTES))
    try:
        key = files.read(path, follow=True)
        if len(key) != _KEY_BYTES:
            raise ValueError(f"it has {len(key)} bytes, not {_KEY_BYTES}")
    except (OSError, ValueError) as error:
        raise files.DamagedFileError(
            f"{path} is damaged ({error}): restore it. Without it no access key and no AppCode in the database can"
            " be read; if it is lost, move it away, and make those anew"
        ) from error
    return key
