"""Which snapshots and directories are in use, by what is stored and by what runs."""

from pathlib import Path

from modelyard.processes.directory import ProcessDir, Spec, SpecUnreadableError
from modelyard.store.base import Store
from modelyard.store.models import ModelQuery
from modelyard.store.page import Page

READ = frozenset({"MODELYARD_MODEL_DIR", "MODELYARD_ENVIRONMENT"})


async def digests_in_use(store: Store) -> frozenset[str]:
    """The snapshots of every model, and of every revision that a service, its rollout or an instance mentions."""
    async with store.read() as reading:
        _, models = await reading.models(None, ModelQuery(page=Page(limit=1_000_000)))
        records = await reading.records()
    digests = {model.digest for model in models}
    for record in records:
        digests |= {v.template.digest for revision in record.revisions.values() for v in revision.variants}
    return frozenset(digests - {""})


def directories_in_use(instances: Path) -> frozenset[Path]:
    """What the processes in `instances` read from, also those that drain. Raises OSError, and SpecUnreadableError
    while one runs of which that cannot be told."""
    specs = [_spec(ProcessDir(path)) for path in instances.iterdir()] if instances.is_dir() else []
    return frozenset(Path(value) for spec in specs if spec for name, value in spec.env if name in READ)


def _spec(directory: ProcessDir) -> Spec | None:
    try:
        return directory.spec()
    except SpecUnreadableError:
        if directory.locked():
            raise
        return None
