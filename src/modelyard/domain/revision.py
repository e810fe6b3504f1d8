"""Revisions: immutable, numbered configurations of a service."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from modelyard.domain.batch import Job
from modelyard.domain.resources import Resources
from modelyard.domain.secrets import SecretFile


@dataclass(frozen=True, slots=True)
class Volume:
    """A directory of the host (absolute, no symbolic link in it) that the process finds at `mount_path`. `log`: it
    is for logs, no program is started from it."""

    host_path: str
    mount_path: str
    read_only: bool = False
    log: bool = False

    @property
    def told(self) -> list[str]:
        """As it is stored and hashed: its two places, and what else is set."""
        flags = {"read_only": self.read_only, "log": self.log}
        return [self.host_path, self.mount_path, *(name for name, held in flags.items() if held)]


@dataclass(frozen=True, slots=True)
class Template:
    """The part of a variant that a running process depends on. An instance fits every variant with an equal
    template.

    `digest` is the model snapshot's. `resources` is what one instance gets, fixed when the config was admitted: a
    flavor that changes later changes nothing that runs. `explicit` is the part of it that goes into the hash: what
    the built-in flavor of the specification does not determine, zeros elsewhere (`core.admission.placement`).
    """

    model_id: str
    digest: str
    specification: str
    envs: tuple[tuple[str, str], ...] = ()
    pool: str = ""
    volumes: tuple[Volume, ...] = ()
    resources: Resources = Resources()
    explicit: Resources = Resources()
    secrets: tuple[SecretFile, ...] = ()

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits; the order of envs is irrelevant.

        Fields that were added later are included only if they are set, so that no upgrade restarts anything.
        """
        size = self.explicit
        parts: list[object] = [self.model_id, self.digest, self.specification, sorted(self.envs), self.pool]
        if size.cpu or size.memory_mib:
            parts.append({"cpu": size.cpu, "memory_mib": size.memory_mib})
        if self.volumes:
            parts.append({"volumes": sorted(v.told for v in self.volumes)})
        if self.secrets:
            parts.append({"secrets": sorted([s.name, s.version, s.path] for s in self.secrets)})
        if size.pids or size.open_files:
            parts.append({"pids": size.pids, "open_files": size.open_files})
        if size.gpus or size.npus:
            parts.append({"gpus": size.gpus, "npus": size.npus})
        return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Budget:
    """How far a rollout may deviate from the instance count (contract §2, model-level additional_properties).

    Below 1: a fraction of instance_count (surge rounds up, unavailable rounds down). From 1 on: a count.
    """

    max_surge: float = 1
    max_unavailable: float = 0


@dataclass(frozen=True, slots=True)
class Variant:
    """One entry of a revision's config.

    `track` is the lineage that it belongs to: successors inherit it (`core.rollout.pairing`), so that it is stable
    across revisions. `weight` is 0..100. `job`: what a batch service does with the model (None: it is none). `raw`
    is the entry as the caller sent it, echoed in its order.
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
    job: Job | None = None
    raw: Mapping[str, object] = field(default_factory=dict)

    @property
    def secret_names(self) -> frozenset[str]:
        """Environment variables whose values nobody is shown (`secret_envs` of the entry)."""
        return names_of_secrets(self.raw)

    @property
    def secrets(self) -> frozenset[str]:
        """Their values, and those of the secrets that it finds as files."""
        secret = self.secret_names
        files = {file.value.reveal() for file in self.template.secrets}
        return frozenset(value for name, value in self.template.envs if name in secret) | files


def names_of_secrets(entry: Mapping[str, object]) -> frozenset[str]:
    """What an entry of a config lists in `secret_envs`."""
    named = entry.get("secret_envs")
    return frozenset(name for name in named if isinstance(name, str)) if isinstance(named, list) else frozenset()


@dataclass(frozen=True, slots=True)
class Revision:
    """What one accepted `config` asks for. `number` counts from 1 within the service."""

    service_id: str
    number: int
    created_ms: int
    variants: tuple[Variant, ...]
