"""A backup under a passphrase: pieces of 1 MiB, each encrypted and authenticated by AES-256-GCM.

    "modelyard sealed backup 1\\n"   salt 16   log2(n) 1   prefix 7      then pieces, each with its tag

The key is scrypt's of passphrase and salt (r 8, p 1). The nonce of a piece is prefix, number and whether it is the
last, so pieces cannot be left out, exchanged, repeated, cut off or appended to without being noticed; the head is
authenticated with each.
"""

import secrets
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from modelyard import files
from modelyard.backup.archive import Sink
from modelyard.backup.layout import BackupError, DamagedBackupError

MAGIC = b"modelyard sealed backup 1\n"
HEAD_BYTES = len(MAGIC) + 16 + 1 + 7
PIECE = 1 << 20
TAG = 16
WORK = 16
"""log2 of scrypt's n: 64 MiB of memory, a tenth of a second."""
MOST_WORK = 20
LEAST_CHARACTERS = 8
WRONG = "the passphrase is not the one that it was sealed with, or it is damaged"


def passphrase(path: Path) -> bytes:
    """The first line of a file, or of what comes through a pipe. Raises BackupError."""
    try:
        line = _said(path).partition(b"\n")[0].rstrip(b"\r")
    except OSError as error:
        raise BackupError(f"the passphrase cannot be read from {path}: {error.strerror or error}") from error
    if len(line) < LEAST_CHARACTERS:
        raise BackupError(f"the passphrase in {path} has fewer than {LEAST_CHARACTERS} characters")
    return line


def _said(path: Path) -> bytes:
    if not path.is_fifo():
        return files.read(path, follow=True)
    with path.open("rb") as pipe:
        return pipe.read(files.SMALL)


class Sealed:
    """What is written is sealed on its way to `sink`; `close` writes the last piece."""

    def __init__(self, sink: Sink, secret: bytes) -> None:
        self._sink = sink
        self._head = MAGIC + secrets.token_bytes(16) + bytes((WORK,)) + secrets.token_bytes(7)
        self._act = _cipher(self._head, secret).encrypt
        self._held = bytearray()
        self._number = 0
        sink.write(self._head)

    def write(self, data: bytes, /) -> int:
        self._held += data
        while len(self._held) > PIECE:  # one is always held back, since the last is another one
            self._put(bytes(self._held[:PIECE]), last=False)
            del self._held[:PIECE]
        return len(data)

    def close(self) -> None:
        self._put(bytes(self._held), last=True)

    def _put(self, piece: bytes, *, last: bool) -> None:
        self._sink.write(self._act(_nonce(self._head, self._number, last=last), piece, self._head))
        self._number += 1


class Unsealed:
    """Reads what was sealed, from the beginning of `file`. Every read may raise DamagedBackupError."""

    def __init__(self, file: BinaryIO, secret: bytes) -> None:
        self._file = file
        self._head = file.read(HEAD_BYTES)
        if len(self._head) != HEAD_BYTES:
            raise DamagedBackupError("it ends within its head")
        self._act: Callable[[bytes, bytes, bytes], bytes] = _cipher(self._head, secret).decrypt
        self._next = file.read(PIECE + TAG)
        if not self._next:
            raise DamagedBackupError("it ends behind its head")
        self._number = 0
        self._ready, self._at = b"", 0

    def read(self, size: int = -1) -> bytes:
        while self._next and (size < 0 or len(self._ready) - self._at < size):
            self._ready, self._at = self._ready[self._at :] + self._piece(), 0
        end = len(self._ready) if size < 0 else self._at + size
        taken = self._ready[self._at : end]
        self._at += len(taken)
        return taken

    def _piece(self) -> bytes:
        from cryptography.exceptions import InvalidTag

        piece, self._next = self._next, self._file.read(PIECE + TAG)
        try:
            plain = self._act(_nonce(self._head, self._number, last=not self._next), piece, self._head)
        except (InvalidTag, ValueError) as error:
            raise DamagedBackupError(WRONG) from error
        self._number += 1
        return plain


class _Aead:
    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.encrypt = AESGCM(key).encrypt
        self.decrypt = AESGCM(key).decrypt


def _cipher(head: bytes, secret: bytes) -> _Aead:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    salt, work = head[len(MAGIC) : len(MAGIC) + 16], head[len(MAGIC) + 16]
    if not WORK <= work <= MOST_WORK:
        raise DamagedBackupError("its head is none that we write")
    return _Aead(Scrypt(salt=salt, length=32, n=1 << work, r=8, p=1).derive(secret))


def _nonce(head: bytes, number: int, *, last: bool) -> bytes:
    return head[-7:] + struct.pack(">IB", number, last)
