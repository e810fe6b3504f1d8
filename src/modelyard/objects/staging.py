"""Uploads in parts, on this machine's disk until they are whole: `uploads/ID/` holds `about.json` and `content`.

A part is appended where the former one ended, and what came of a part that broke off stays: whoever uploads asks
how far it is and goes on from there, also after a restart of this process. One part of an upload is taken at a
time. An upload that became an object is remembered, without its content, so that whoever did not hear of it may
ask again. What nobody touches for `KEEP_S` is removed (`sweep`).

Blocks on the disk only in threads. Raises ObjectStoreUnavailableError where the disk says no.
"""

import asyncio
import base64
import errno
import json
import logging
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from modelyard import files, trees
from modelyard.domain.objects import Digest, Upload
from modelyard.objects.base import ObjectStoreUnavailableError

ABOUT, CONTENT = "about.json", "content"
KEEP_S = 24 * 3600
PIECE = 1 << 20
_ID = re.compile(r"[0-9a-f]{32}")

log = logging.getLogger(__name__)
T = TypeVar("T")


class UploadAtWorkError(Exception):
    """Another part of this upload is being taken, or it is being made an object."""


class Staging:
    """Those below `root`. `clock` gives milliseconds since 1970 UTC."""

    def __init__(self, root: Path, clock: Callable[[], int]) -> None:
        self._root = root
        self._clock = clock
        self._known: dict[str, Upload] | None = None
        self._at_work: set[str] = set()

    async def all(self) -> tuple[Upload, ...]:
        return tuple((await self._uploads()).values())

    async def one(self, upload_id: str) -> Upload | None:
        return (await self._uploads()).get(upload_id)

    async def add(self, upload: Upload) -> Upload:
        """With an id of its own."""
        known = await self._uploads()
        now_ms = self._clock()
        made = replace(upload, id=secrets.token_hex(16), created_ms=now_ms, touched_ms=now_ms)
        await _do(lambda: self._make(made))
        known[made.id] = made
        return made

    @contextmanager
    def working(self, upload_id: str) -> Iterator[None]:
        """While a part is taken, or the object made. Raises UploadAtWorkError."""
        if upload_id in self._at_work:
            raise UploadAtWorkError(upload_id)
        self._at_work.add(upload_id)
        try:
            yield
        finally:
            self._at_work.discard(upload_id)

    async def append(self, upload: Upload, pieces: AsyncIterator[bytes]) -> Upload:
        """What comes, behind what is there; within `working`. What had come is kept whatever is raised."""
        known = await self._uploads()
        descriptor = await _do(lambda: self._opened(upload))
        try:
            async for piece in pieces:
                await _do(lambda: _fill(descriptor, piece))  # noqa: B023
                upload = replace(upload, offset=upload.offset + len(piece), touched_ms=self._clock())
                known[upload.id] = upload
            await _do(lambda: os.fsync(descriptor))
        finally:
            os.close(descriptor)
        return upload

    async def cut(self, upload: Upload) -> None:
        """Have it end where this one does again; within `working`."""
        known = await self._uploads()
        known[upload.id] = upload
        await _do(lambda: os.truncate(self._root / upload.id / CONTENT, upload.offset))

    async def content(self, upload: Upload) -> AsyncIterator[bytes]:
        """All of it."""
        descriptor = await _do(lambda: os.open(self._root / upload.id / CONTENT, os.O_RDONLY | os.O_CLOEXEC))
        try:
            offset = 0
            while piece := await _do(lambda: os.pread(descriptor, PIECE, offset)):  # noqa: B023
                offset += len(piece)
                yield piece
        finally:
            os.close(descriptor)

    async def finish(self, upload: Upload) -> None:
        """It became an object (`done`): only that is remembered."""
        known = await self._uploads()
        known[upload.id] = replace(upload, touched_ms=self._clock())

        def remember() -> None:
            files.write(self._root / upload.id / ABOUT, _written(upload))
            (self._root / upload.id / CONTENT).unlink(missing_ok=True)

        await _do(remember)

    async def remove(self, upload_id: str) -> None:
        known = await self._uploads()
        known.pop(upload_id, None)
        if _ID.fullmatch(upload_id):
            await asyncio.to_thread(trees.remove, self._root / upload_id)

    async def sweep(self) -> None:
        """Remove what was not touched for long, and what is no upload."""
        late_ms = self._clock() - KEEP_S * 1000
        for upload in await self.all():
            if upload.touched_ms < late_ms and upload.id not in self._at_work:
                log.info(
                    "removed the upload %s of obs://%s/%s: nobody went on", upload.id, upload.bucket, upload.key
                )
                await self.remove(upload.id)
        await asyncio.to_thread(trees.clear, self._root)

    async def _uploads(self) -> dict[str, Upload]:
        if self._known is None:
            read = await asyncio.to_thread(lambda: {one.id: one for one in self._read()})
            if self._known is None:  # or somebody else came to it meanwhile
                self._known = read
        return self._known

    def _read(self) -> Iterator[Upload]:
        if not self._root.is_dir():
            return
        for entry in sorted(self._root.iterdir()):
            if not _ID.fullmatch(entry.name):
                continue
            try:
                yield _upload(entry)
            except (OSError, ValueError, KeyError, TypeError) as error:  # a crash in the middle of `_make`
                log.warning("removed the upload %s, which cannot be read: %s", entry.name, error)
                trees.remove(entry)

    def _make(self, upload: Upload) -> None:
        home = self._root / upload.id
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.mkdir(mode=0o700)
        os.close(os.open(home / CONTENT, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        files.write(home / ABOUT, _written(upload))
        files.sync(self._root)

    def _opened(self, upload: Upload) -> int:
        """At the end of what is known to be there."""
        descriptor = os.open(self._root / upload.id / CONTENT, os.O_WRONLY | os.O_CLOEXEC)
        os.ftruncate(descriptor, upload.offset)
        os.lseek(descriptor, upload.offset, os.SEEK_SET)
        return descriptor


async def _do(act: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(act)
    except OSError as error:
        why = "is full" if error.errno in {errno.ENOSPC, errno.EDQUOT} else f"says: {error.strerror}"
        raise ObjectStoreUnavailableError(f"the upload cannot be kept: the server's disk {why}") from error


def _fill(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _written(upload: Upload) -> bytes:
    said: dict[str, object] = {
        name: getattr(upload, name) for name in ("project_id", "bucket", "key", "size", "created_ms", "create")
    }
    said["digest"] = _spelled(upload.digest)
    if upload.done is not None:
        said["done"] = [upload.done[0], _spelled(upload.done[1])]
    return json.dumps(said).encode()


def _upload(home: Path) -> Upload:
    """Raises OSError, ValueError, KeyError, TypeError."""
    said = files.read_object(home / ABOUT)
    done = said.get("done")
    digest = _digest(done[1]) if isinstance(done, list) else None
    info = (home / (CONTENT if digest is None else ABOUT)).stat()
    size, created_ms = said["size"], said["created_ms"]
    if not isinstance(size, int) or not isinstance(created_ms, int):
        raise TypeError("its size is no number")
    return Upload(
        id=home.name,
        project_id=str(said["project_id"]),
        bucket=str(said["bucket"]),
        key=str(said["key"]),
        size=size,
        created_ms=created_ms,
        touched_ms=info.st_mtime_ns // 1_000_000,
        offset=size if digest else min(info.st_size, size),
        digest=_digest(said.get("digest")),
        create=bool(said.get("create")),
        done=(str(done[0]), digest) if isinstance(done, list) and digest else None,
    )


def _spelled(digest: Digest | None) -> list[str] | None:
    return None if digest is None else [digest.algorithm, base64.b64encode(digest.value).decode()]


def _digest(said: object) -> Digest | None:
    return Digest(str(said[0]), base64.b64decode(str(said[1]))) if isinstance(said, list) else None
