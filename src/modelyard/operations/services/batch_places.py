"""The object paths that a batch config names, as they are found: whether they are some, and may be used."""

from collections.abc import Iterable, Mapping, Sequence

from modelyard.core.admission.batch import Place
from modelyard.core.admission.config import VariantRequest
from modelyard.objects.paths import MalformedPathError, object_path
from modelyard.operations.context import Context
from modelyard.operations.models import foreign_bucket
from modelyard.store.base import ReadTransaction


async def places(
    ctx: Context, r: ReadTransaction, project_id: str, config: Sequence[VariantRequest]
) -> Mapping[str, Place]:
    """By the path as it was sent."""
    return {path: await _place(ctx, r, project_id, path) for path in _named(config)}


def _named(config: Sequence[VariantRequest]) -> Iterable[str]:
    said = (path for entry in config for path in (entry.typed.batch.src_path, entry.typed.batch.dest_path))
    return dict.fromkeys(path for path in said if path)


async def _place(ctx: Context, r: ReadTransaction, project_id: str, path: str) -> Place:
    try:
        bucket = object_path(path).bucket
    except MalformedPathError as error:
        return Place(malformed=str(error))
    return Place(foreign=await foreign_bucket(ctx, r, project_id, bucket))
