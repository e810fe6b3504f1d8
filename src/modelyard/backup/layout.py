"""What lies in a backup, and in which order. Pure.

    about.json               what this is: format, release, schema, time, whose
    credentials.json         the first user's password and keys, without where the API was
    database/modelyard.db    everything stored, as one SQLite file, wherever it was stored
    keys/…                   what signs and seals
    left-out.jsonl           names, sizes and sha256 of objects, if those were left out
    logs/SERVICE/…           kept lines, if they were asked for
    objects/BUCKET/KEY       the object store of the directory, unless it was left out
    packages/DIGEST/…        snapshots of published models
    manifest.jsonl           what is above: names, sizes, sha256, times

The entries come in the order of their names within these sections, so none can come twice. Whatever is not written
here is no backup of ours: there are no links, no devices, no names that lead elsewhere.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

import msgspec

FORMAT = 1
ABOUT, MANIFEST, LISTED, CREDENTIALS = "about.json", "manifest.jsonl", "left-out.jsonl", "credentials.json"
DATABASE = "database/modelyard.db"
SECTIONS = (ABOUT, CREDENTIALS, "database/", "keys/", LISTED, "logs/", "objects/", "packages/", MANIFEST)
MOST_NAME = 4096
MOST_SEGMENT = 255
MOST_ABOUT = 1 << 20


class BackupError(Exception):
    """A backup cannot be made, used or restored; the message says why and what to do. Nothing was changed."""


class DamagedBackupError(BackupError):
    """It is not what was written, or nothing that we write."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, or a directory (`size` -1, whose names end in no slash). `time_ns`: when its content was written;
    `version`: of an object, the word that changed with its content."""

    name: str
    size: int
    sha256: str = ""
    time_ns: int = 0
    version: str = ""

    @property
    def is_directory(self) -> bool:
        return self.size < 0

    @property
    def what(self) -> tuple[str, int, str]:
        """All that can be seen of it in the archive itself."""
        return self.name, self.size, self.sha256

    def line(self) -> bytes:
        return msgspec.json.encode([self.name, self.size, self.sha256, self.time_ns, self.version]) + b"\n"


@dataclass(frozen=True, slots=True)
class About:
    """`installation` identifies the keys without telling them. `objects`: included or listed (names, sizes and
    sha256); `elsewhere`: where objects are that are in no directory of ours. `missing`: what rows
    named that was not there."""

    release: str
    schema: str
    made_ms: int
    installation: str
    database: str
    objects: Literal["included", "listed"]
    logs: bool
    elsewhere: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    format: int = FORMAT

    def text(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(asdict(self)), indent=2) + b"\n"


@dataclass(slots=True)
class Totals:
    """How much there is of each section."""

    files: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        if not entry.is_directory:
            what = kind(entry.name)
            self.files[what] = self.files.get(what, 0) + 1
            self.bytes[what] = self.bytes.get(what, 0) + entry.size

    def shown(self) -> Mapping[str, Mapping[str, int]]:
        return {what: {"files": count, "bytes": self.bytes[what]} for what, count in self.files.items()}


def about(text: bytes) -> About:
    """Raises DamagedBackupError, and BackupError for a newer format."""
    try:
        said = msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise DamagedBackupError(f"{ABOUT} cannot be read: {error}") from error
    number = said.get("format")
    if isinstance(number, int) and number > FORMAT:
        release = said.get("release")
        named = release if isinstance(release, str) and release.isprintable() else shown(str(release))
        raise BackupError(f"the backup has format {number}, this release knows {FORMAT}: use release {named}")
    try:
        found = msgspec.convert(said, About)
    except msgspec.ValidationError as error:
        raise DamagedBackupError(f"{ABOUT} is not what we write: {error}") from error
    told = (found.release, found.schema, found.installation, found.database)
    if not all(text.isprintable() for text in (*told, *found.elsewhere, *found.missing)):
        raise DamagedBackupError(f"{ABOUT} holds control characters")
    return found


def entry(line: bytes) -> Entry:
    """A line of the manifest. Raises DamagedBackupError."""
    try:
        name, size, sha256, time_ns, version = msgspec.json.decode(line, type=tuple[str, int, str, int, str])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise DamagedBackupError(f"a line of {MANIFEST} is not what we write: {error}") from error
    return Entry(name, size, sha256, time_ns, version)


def kind(name: str) -> str:
    """The section's first word."""
    return name.partition("/")[0].partition(".")[0]


def section(name: str) -> int:
    """Where its section comes. Raises DamagedBackupError for what belongs into none."""
    for number, begin in enumerate(SECTIONS):
        if name == begin or (begin.endswith("/") and name.startswith(begin)):
            return number
    raise DamagedBackupError(f"it holds {shown(name)}, which is nothing that we write")


def checked(name: str, before: str) -> str:
    """The name of the entry behind `before`. Raises DamagedBackupError for one that leads elsewhere, is not in its
    place, or comes again."""
    segments = name.split("/")
    try:
        lengths = [len(segment.encode()) for segment in segments]
    except UnicodeEncodeError as error:
        raise DamagedBackupError(f"the name {shown(name)} is not UTF-8") from error
    if sum(lengths) + len(lengths) > MOST_NAME or max(lengths) > MOST_SEGMENT or {"", ".", ".."} & {*segments}:
        raise DamagedBackupError(f"the name {shown(name)} leads elsewhere, or is too long")
    if any(ord(char) < 0x20 or ord(char) == 0x7F or char == "\\" for char in name):
        raise DamagedBackupError(f"the name {shown(name)} has a control character or a backslash in it")
    if before and (section(name), name) <= (section(before), before):
        raise DamagedBackupError(f"{shown(name)} is not in its place, or comes again")
    section(name)
    return name


def shown(name: str) -> str:
    """Of what nobody vouches for."""
    return repr(name if len(name) <= 120 else f"{name[:120]}…")
