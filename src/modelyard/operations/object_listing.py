"""A page of a bucket: what begins with a prefix, behind a key, folded at a delimiter, of millions of objects."""

from contextlib import aclosing

from modelyard.domain.objects import Entries, Entry, Listing
from modelyard.objects.base import ObjectStore
from modelyard.objects.paths import MalformedPathError, ObjectPath, object_path

LAST = "\U0010ffff"
"""Sorts behind everything."""
SKIPPED = 2000
"""Keys that are read and passed over, before the store is asked to begin behind them instead."""


async def page(objects: ObjectStore, bucket: ObjectPath, asked: Listing) -> Entries:
    """Costs what it answers: the objects before it are not read, and of those behind a delimiter `SKIPPED`."""
    folder = asked.prefix.rpartition("/")[0]
    try:
        base = object_path(f"/{bucket.bucket}/{folder}")
    except MalformedPathError:
        base = bucket
    if base.key != folder:
        return Entries(())  # no object's key begins so
    above = f"{folder}/" if folder else ""
    entries: list[Entry] = []
    after, common = _before(asked), ""
    while after.startswith(above):
        skipped = 0
        async with aclosing(objects.list(base, after=after.removeprefix(above))) as listed:
            async for info in listed:
                key = above + info.key
                if common and key.startswith(common):
                    skipped += 1
                    if skipped == SKIPPED:
                        break
                    continue
                if not key.startswith(asked.prefix):
                    if key > asked.prefix:
                        return Entries(tuple(entries))
                    continue
                if len(entries) == asked.limit:
                    return Entries(tuple(entries), entries[-1].key)
                head, delimiter, _ = key[len(asked.prefix) :].partition(asked.delimiter or "\0")
                if delimiter:
                    common = asked.prefix + head + delimiter
                    entries.append(Entry(common))
                else:
                    entries.append(Entry(key, info.size, info.version))
            else:
                return Entries(tuple(entries))
        after = common + LAST
    return Entries(tuple(entries))


def _before(asked: Listing) -> str:
    """A text that sorts before all that is asked for, and behind all else as far as can be.

    >>> _before(Listing()), _before(Listing("a/")), _before(Listing("a/c", after="a/b"))
    ('', 'a/', 'a/b\U0010ffff')
    """
    after = asked.after + LAST if asked.delimiter and asked.after.endswith(asked.delimiter) else asked.after
    prefix = asked.prefix
    if prefix and not prefix.endswith("/"):
        code = ord(prefix[-1]) - 1
        code = 0xD7FF if 0xD800 <= code <= 0xDFFF else code
        prefix = prefix[:-1] + chr(max(code, 0)) + LAST
    return max(after, prefix)
