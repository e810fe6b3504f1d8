"""Whether there is anything at a path: an object, or objects below it; and whether there can be."""

import asyncio
from contextlib import aclosing

from modelyard.objects.base import ObjectNotFoundError, ObjectStore, ObjectStoreUnavailableError
from modelyard.objects.paths import ObjectPath

PATIENCE_S = 10.0


async def anything_at(objects: ObjectStore, path: ObjectPath, patience_s: float = PATIENCE_S) -> bool | None:
    """None: nobody could tell in time. Raises ObjectRefusedError."""
    try:
        async with asyncio.timeout(patience_s):
            return await _is_object(objects, path) or await _has_objects(objects, path)
    except (TimeoutError, ObjectStoreUnavailableError):
        return None


async def obstacle_at(objects: ObjectStore, path: ObjectPath, patience_s: float = PATIENCE_S) -> str:
    """Why there can be nothing below it; "" also where nobody could tell in time. Raises ObjectRefusedError."""
    try:
        async with asyncio.timeout(patience_s):
            return await objects.obstacle(path)
    except (TimeoutError, ObjectStoreUnavailableError):
        return ""


async def _is_object(objects: ObjectStore, path: ObjectPath) -> bool:
    if not path.key:
        return False
    try:
        await objects.head(path)
    except ObjectNotFoundError:
        return False
    return True


async def _has_objects(objects: ObjectStore, path: ObjectPath) -> bool:
    try:
        async with aclosing(objects.list(path)) as listed:
            async for _ in listed:
                return True
    except ObjectNotFoundError:  # there is no such bucket
        pass
    return False
