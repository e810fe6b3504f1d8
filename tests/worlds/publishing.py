"""A publisher over directories below `root`: objects, packages and, if given, environments."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelyard.artifacts.copying import Copying
from modelyard.artifacts.snapshots import Snapshots
from modelyard.control.publishing import Publisher
from modelyard.objects.base import ObjectStore
from modelyard.objects.local import LocalObjects
from modelyard.store.base import Store


def new_publisher(
    store: Store, clock: Callable[[], int], root: Path, objects: ObjectStore | None = None, **options: Any
) -> Publisher:
    """`options` are the Publisher's own. No byte of the disk is reserved."""
    source = objects or LocalObjects(root / "objects")
    return Publisher(store, Copying(source), Snapshots(root / "packages"), clock, **options)
