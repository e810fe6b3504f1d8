"""What kills leave behind: parts that were written and never published, and those of tasks that are over.

Nothing else lies in a task's folder of parts, and nobody writes in there while it is swept.
"""

from modelyard.batch.parts import Parts
from modelyard.store.base import Store

TOGETHER = 1000


async def sweep_orphans(store: Store, parts: Parts, task_id: str) -> None:
    """Remove every part that the ledger does not know. Raises ObjectStoreError, StoreUnavailableError."""
    known: set[str] | None = None
    orphans = []
    async for name in parts.names():
        if known is None:
            known = await _known(store, task_id)
        if name not in known and not parts.is_kept(name):
            orphans.append(name)
        if len(orphans) >= TOGETHER:
            await parts.remove(orphans)
            orphans.clear()
    await parts.remove(orphans)


async def sweep_all(parts: Parts) -> None:
    """Remove every part of a task. Raises ObjectStoreError."""
    names = []
    async for name in parts.names():
        names.append(name)
        if len(names) >= TOGETHER:
            await parts.remove(names)
            names.clear()
    await parts.remove(names)


async def _known(store: Store, task_id: str) -> set[str]:
    """Of those that are objects: parts in the ledger have names too, and nothing lies there."""
    known: set[str] = set()
    after = (0, -1)
    while True:
        async with store.read() as r:
            found = await r.objects_of(task_id, after, TOGETHER)
        known.update(name for _, _, name in found)
        if len(found) < TOGETHER:
            return known
        after = found[-1][:2]
