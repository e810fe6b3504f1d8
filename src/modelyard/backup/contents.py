"""What the database says has to be in a backup beside it, and what of that is there.

Read from a copy of the database, so it is what that copy names: snapshots of models and revisions, and the parts
of batch tasks that go on. Parts are objects that a task removes when its results are whole, which may be the next
moment: so they are linked to names of our own at once (`pinned`), and where one is gone already the copy is taken
again.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from modelyard import trees
from modelyard.artifacts.sweeping import digests_in_use
from modelyard.core.batch.names import parts_name
from modelyard.domain.batch import TaskState
from modelyard.objects.local import PINS, WRITING
from modelyard.objects.paths import MalformedPathError, ObjectPath, object_path
from modelyard.store.base import ReadTransaction, Store

GOES_ON = frozenset({TaskState.ACTIVE, TaskState.ASSEMBLING, TaskState.STOPPED})
TOGETHER = 1000


class GoneError(Exception):
    """A part that the copy names was removed since."""


@dataclass(frozen=True, slots=True)
class Named:
    """`digests`: of snapshots. `elsewhere`: bucket → URL, of those with an endpoint of their own. `folders`: of
    parts; `parts`: those of them that must be there."""

    digests: frozenset[str]
    elsewhere: Mapping[str, str]
    folders: Sequence[ObjectPath]
    parts: frozenset[ObjectPath]


async def named(store: Store) -> Named:
    digests = await digests_in_use(store)
    folders: list[ObjectPath] = []
    parts: set[ObjectPath] = set()
    async with store.read() as reading:
        elsewhere = {bucket: place.url for bucket, place in (await reading.endpoints()).items()}
        for task in await reading.latest_tasks():
            revision = await reading.revision(task.service_id, task.revision)
            job = next((v.job for v in revision.variants if v.job), None) if revision else None
            if job is None or task.state not in GOES_ON:
                continue
            try:
                destination = object_path(job.destination)
            except MalformedPathError:
                continue
            folders.append(destination / parts_name(task.id))
            parts |= {destination / name for name in await _parts(reading, task.id)}
    return Named(digests, elsewhere, folders, frozenset(parts))


async def _parts(reading: ReadTransaction, task_id: str) -> set[str]:
    found: set[str] = set()
    source, start = 0, -1
    while True:
        splits = await reading.splits(task_id, source, None, TOGETHER, start)
        found.update(split.part for split in splits if split.part and not split.content)
        if len(splits) < TOGETHER:
            return found
        source, start = splits[-1].source, splits[-1].start


@dataclass(frozen=True, slots=True)
class Pinned:
    """Objects under names of our own, which nobody removes: bucket → key → where it is."""

    files: dict[str, dict[str, Path]] = field(default_factory=dict)

    def of(self, bucket: str) -> Mapping[str, Path]:
        return self.files.get(bucket, {})

    def has(self, bucket: str, key: str) -> bool:
        return key in self.of(bucket)


@contextmanager
def pinned(objects: Path, what: Named, token: str, is_local: Callable[[str], bool]) -> Iterator[Pinned]:
    """While it is entered the parts of `what` stay. Raises GoneError for one that is gone already, OSError."""
    pins = Pinned()
    rooms: set[Path] = set()
    try:
        for folder in what.folders:
            if is_local(folder.bucket) and (objects / folder.bucket).is_dir():
                room = objects / folder.bucket / WRITING / f"{PINS}{token}"
                rooms.add(room)
                _pin(objects, folder, room, pins)
        for part in what.parts:
            here = is_local(part.bucket) and (objects / part.bucket).is_dir()
            if here and part.key not in pins.of(part.bucket):
                raise GoneError(str(part))
        yield pins
    finally:
        for room in rooms:
            trees.remove(room)


def _pin(objects: Path, folder: ObjectPath, room: Path, pins: Pinned) -> None:
    place = objects / folder.bucket / folder.key
    writable = _made(room, objects / folder.bucket)
    mine = pins.files.setdefault(folder.bucket, {})
    try:
        found = list(place.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in found:
        if path.is_file() and not path.is_symlink():
            pin = room / str(len(mine)) if writable else path
            try:
                if writable:
                    _link(path, pin)
            except FileNotFoundError:
                continue
            mine[f"{folder.key}/{path.name}"] = pin


def _made(room: Path, bucket: Path) -> bool:
    """False: what is read-only here is read where it is."""
    try:
        for directory in (room.parent, room):
            directory.mkdir(mode=0o700, exist_ok=True)
            if os.geteuid() == 0:  # the server may be somebody else, who writes beside it
                owner = bucket.stat()
                os.chown(directory, owner.st_uid, owner.st_gid)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return False
    return True


def _link(path: Path, pin: Path) -> None:
    try:
        os.link(path, pin)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}:
            raise
        shutil.copy2(path, pin)
