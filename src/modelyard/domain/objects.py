"""Objects as callers exchange them: digests, pages of a listing, uploads that go on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Digest:
    """What an object's bytes come to. `algorithm` in the words of RFC 9530: sha-256, sha-512."""

    algorithm: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Listing:
    """What is asked of a bucket: the objects whose keys begin with `prefix`, in order, from behind `after` on.
    With a `delimiter`, keys that have it behind the prefix are one entry, which ends with it."""

    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """Of a listing. `size` None: it stands for all the keys that begin with `key`."""

    key: str
    size: int | None = None
    version: str = ""


@dataclass(frozen=True, slots=True)
class Entries:
    """A page. `next`: what to ask for as `after` to go on; "": there is no more."""

    entries: tuple[Entry, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """An object that comes in parts. `offset`: how many of its `size` bytes are there, to stay. `digest`: what it
    must come to, if that was said. `create`: only where no object is. `done`: it became an object, of this
    version and sha-256 digest."""

    id: str
    project_id: str
    bucket: str
    key: str
    size: int
    created_ms: int
    touched_ms: int
    offset: int = 0
    digest: Digest | None = None
    create: bool = False
    done: tuple[str, Digest] | None = None
