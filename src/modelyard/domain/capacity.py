"""What an administrator offers to projects, as stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FlavorEntry:
    """A resource specification, open to all or only to `projects`. `attributes` are its size and everything
    else."""

    name: str
    open: bool
    attributes: Mapping[str, object] = field(default_factory=dict)
    projects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PoolEntry:
    """A dedicated pool of a project."""

    id: str
    project_id: str
    name: str
    status: str
    created_ms: int
    attributes: Mapping[str, object] = field(default_factory=dict)
