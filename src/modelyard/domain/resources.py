"""What instances may use, and what there is to use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resources:
    """What an instance may use, or several of them together. Cores, MiB, processes and threads, files, and devices
    (a part of one: below 1). To an engine 0 means no limit, and no device."""

    cpu: float = 0.0
    memory_mib: int = 0
    pids: int = 0
    open_files: int = 0
    gpus: float = 0
    npus: float = 0

    def times(self, count: int) -> "Resources":
        return Resources(
            self.cpu * count,
            self.memory_mib * count,
            self.pids * count,
            self.open_files * count,
            self.gpus * count,
            self.npus * count,
        )

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(
            self.cpu + other.cpu,
            self.memory_mib + other.memory_mib,
            self.pids + other.pids,
            self.open_files + other.open_files,
            self.gpus + other.gpus,
            self.npus + other.npus,
        )


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a machine or a pool has; None: unknown, or not set."""

    cpu: float | None = None
    memory_mib: int | None = None
    gpus: float | None = None
    npus: float | None = None
