"""Revisions: immutable, numbered configurations of a service."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Volume:
    """A directory of the host (absolute) that the process sees at `mount_path`."""

    host_path: str
    mount_path: str


@dataclass(frozen=True, slots=True)
class Template:
    """The part of a variant that a running process depends on. Equal templates are the same instance.

    `digest` is the model snapshot's. `cpu` (cores), `memory_mib`, `pids` and `open_files` are the size where the
    specification is not one of the built-in flavors; 0 means as that flavor says, else the default (`core.size`).
    """

    model_id: str
    digest: str
    specification: str
    envs: tuple[tuple[str, str], ...] = ()
    pool: str = ""
    cpu: float = 0.0
    memory_mib: int = 0
    volumes: tuple[Volume, ...] = ()
    pids: int = 0
    open_files: int = 0

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits over every field; the order of envs does not count.

        Fields that came later count only where they say something, so that no release renames what runs.
        """
        parts: list[object] = [self.model_id, self.digest, self.specification, sorted(self.envs), self.pool]
        if self.cpu or self.memory_mib:
            parts.append({"cpu": self.cpu, "memory_mib": self.memory_mib})
        if self.volumes:
            parts.append({"volumes": sorted([v.host_path, v.mount_path] for v in self.volumes)})
        if self.pids or self.open_files:
            parts.append({"pids": self.pids, "open_files": self.open_files})
        return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Budget:
    """How far a rollout may leave the instance count (contract §2, model-level additional_properties).

    Below 1 a fraction of instance_count (surge rounds up, unavailable rounds down); 1 and above a count.
    """

    max_surge: float = 1
    max_unavailable: float = 0


@dataclass(frozen=True, slots=True)
class Variant:
    """One entry of a revision's config.

    `track` is the lineage it belongs to: paired successors inherit it (`core.rollout.pairing`), so that it is
    stable over revisions. `weight` is 0..100. `raw` is the entry as the caller sent it, echoed in its order.
    """

    track: int
    model_id: str
    model_name: str
    model_version: str
    template: Template
    instance_count: int
    weight: int
    budget: Budget = Budget()
    deploy_timeout_s: int = 1200
    termination_grace_s: int = 30
    raw: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Revision:
    """What one accepted `config` asked for. `number` counts from 1 within the service."""

    service_id: str
    number: int
    created_ms: int
    variants: tuple[Variant, ...]
