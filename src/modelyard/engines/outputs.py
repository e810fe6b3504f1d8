"""What the instances of this machine wrote: of those that are there, and of those that were removed.

instances/ID/log …    while the instance is there
outputs/ID/log …      afterwards, with its spec, until it was read to the end (`release`), or until those that
                      were removed hold more than `most_bytes` together: then the oldest goes, and we say so
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from modelyard import trees
from modelyard.domain.output import Output, OutputSource, Position
from modelyard.engines.base import InstanceSpec
from modelyard.engines.launch import instance_spec
from modelyard.processes import output
from modelyard.processes.directory import ProcessDir, SpecOfLaterReleaseError, SpecUnreadableError

log = logging.getLogger(__name__)

OUTPUTS = "outputs"


class Outputs:
    """See the module. Blocks as a disk does. `most_bytes` 0: nothing is kept of who was removed."""

    def __init__(self, data_dir: Path, instances: Path, most_bytes: int) -> None:
        self._instances = instances
        self._aside = data_dir / OUTPUTS
        self._most_bytes = most_bytes
        self._kept: dict[Path, bool] = {}

    def aside(self, instance_id: str) -> Path | None:
        """Where the output of one that is removed goes; None: nowhere."""
        return self._aside / instance_id if self._most_bytes else None

    def sources(self, there: Iterable[tuple[InstanceSpec, bool]]) -> list[OutputSource]:
        """`there`: the instances that were not removed, and whether they ended."""
        found = [self._source(spec, self._instances / spec.instance_id, ended, False) for spec, ended in there]
        for path in self._removed():
            try:
                if spec := ProcessDir(path).spec():
                    found.append(self._source(instance_spec(spec.label), path, True, True))
                    continue
            except (OSError, SpecOfLaterReleaseError):
                continue  # what we lack, or do not know, says nothing of the file
            except (ValueError, SpecUnreadableError):
                pass
            log.warning("%s has no readable spec: nobody knows whose output it is, removed", path)
            trees.remove(path)
        return found

    def read(self, instance_id: str, after: Position | None, most_bytes: int, *, ended: bool) -> Output:
        """`ended`: the instance is known to have, before this. One that is set aside meanwhile is not over:
        what was to be read here is there."""
        path = there = self._instances / instance_id
        if not there.exists():
            path, ended = self._aside / instance_id, True
        found = output.read(path, after, most_bytes, kept=self._is_kept(path))
        over = ended and len(found.data) < most_bytes and not found.closed
        over = over and (path != there or there.exists())
        return replace(found, last=True) if over else found

    def release(self, instance_id: str, before: Position, *, last: bool) -> None:
        if last:
            trees.remove(self._aside / instance_id)
            self._kept.pop(self._aside / instance_id, None)
        path = self._instances / instance_id
        if not path.exists():
            path = self._aside / instance_id
        if self._is_kept(path):
            output.release(path, before)

    def bound(self) -> None:
        """After one more was removed."""
        sizes = [(path, output.size(path)) for path in self._removed()]
        total = sum(size for _, size in sizes)
        for path, size in sizes:
            if total <= self._most_bytes:
                return
            log.error("the output of instance %s, %d bytes, is dropped: nobody collected it", path.name, size)
            trees.remove(path)
            total -= size

    def _removed(self) -> list[Path]:
        """Oldest first."""
        try:
            paths = [path for path in self._aside.iterdir() if not path.name.startswith(trees.ASIDE)]
            return sorted(paths, key=lambda path: path.stat().st_mtime_ns)
        except FileNotFoundError:
            return []

    def _source(self, spec: InstanceSpec, path: Path, ended: bool, removed: bool) -> OutputSource:
        return OutputSource(
            spec.instance_id,
            spec.service_id,
            spec.revision,
            spec.model_name,
            spec.model_version,
            output.mark(path),
            ended,
            removed,
            spec.envs,
            spec.secret_names,
        )

    def _is_kept(self, path: Path) -> bool:
        """Whether its shim keeps what was not collected; that of an earlier release does not."""
        if path not in self._kept:
            try:
                spec = ProcessDir(path).spec()
            except SpecUnreadableError:
                spec = None
            if spec is None:
                return False
            self._kept[path] = spec.log_kept_bytes > 0
        return self._kept[path]
