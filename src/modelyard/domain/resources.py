"""What an instance may use, and what there is to use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resources:
    """What an instance may use; 0 means no limit. Memory in MiB, cpu in cores."""

    cpu: float = 0.0
    memory_mib: int = 0
    pids: int = 0
    open_files: int = 0


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a machine or a pool has; None: nobody knows, or says."""

    cpu: float | None = None
    memory_mib: int | None = None
    gpus: float | None = None
    npus: float | None = None
