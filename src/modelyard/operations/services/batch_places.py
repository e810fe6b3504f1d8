"""The object paths that a batch config names, as they are found: well formed, in a bucket of the project, the
input there, and nothing in the way of results.

The object store is asked before the transaction that admits the config, since that may take as long as it likes
(`looked_at`). Nothing is asked about buckets of others. What nobody could look at, because the store is away or
the config became another one meanwhile, is admitted: the task waits for the store, or fails with the cause.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from modelyard.core.admission.batch import Place
from modelyard.core.admission.variant_request import VariantRequest
from modelyard.objects.base import ObjectRefusedError, ObjectStore
from modelyard.objects.looking import anything_at, obstacle_at
from modelyard.objects.paths import MalformedPathError, object_path
from modelyard.operations.context import Context
from modelyard.operations.models import foreign_bucket
from modelyard.store.base import ReadTransaction

Places = Mapping[str, Place]
"""By the path as it was sent."""


async def looked_at(ctx: Context, project_id: str, config: Sequence[VariantRequest]) -> Places:
    """What the paths that it names lead to."""
    objects, named = ctx.batch.objects, _named(config)
    if not named or objects is None:
        return {}
    async with ctx.store.read() as r:
        found = {path: await _place(ctx, r, project_id, path) for path in named}
    inputs = {entry.typed.batch.src_path for entry in config}
    results = {entry.typed.batch.dest_path for entry in config}
    for path, place in found.items():
        if place == Place():
            found[path] = await _there(objects, path, read=path in inputs, written=path in results)
            if path in results and (full := await ctx.batch.lacking(project_id, object_path(path).bucket)):
                found[path] = replace(found[path], full=full)
    return found


async def places(
    ctx: Context, r: ReadTransaction, project_id: str, config: Sequence[VariantRequest], looked: Places
) -> Places:
    """What is known of all paths that it names. `looked`: what was found of them before."""
    found = {path: await _place(ctx, r, project_id, path) for path in _named(config)}
    return {path: looked.get(path, place) if place == Place() else place for path, place in found.items()}


def _named(config: Sequence[VariantRequest]) -> Iterable[str]:
    said = (path for entry in config for path in (entry.typed.batch.src_path, entry.typed.batch.dest_path))
    return dict.fromkeys(path for path in said if path)


async def _place(ctx: Context, r: ReadTransaction, project_id: str, path: str) -> Place:
    try:
        bucket = object_path(path).bucket
    except MalformedPathError as error:
        return Place(malformed=str(error))
    return Place(refused=await foreign_bucket(ctx, r, project_id, bucket))


async def _there(objects: ObjectStore, path: str, *, read: bool, written: bool) -> Place:
    found, where = Place(), object_path(path)
    try:
        if read:
            found = replace(found, missing=await anything_at(objects, where) is False)
        if written:
            found = replace(found, obstacle=await obstacle_at(objects, where))
    except ObjectRefusedError as error:
        return Place(refused=str(error))
    return found
