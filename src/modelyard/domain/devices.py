"""Accelerators of a machine, and who has which: GPUs and NPUs by number, whole or in part."""

from dataclasses import dataclass, replace
from enum import StrEnum

from modelyard.domain.resources import Capacity


class Kind(StrEnum):
    GPU = "gpu"
    NPU = "npu"


@dataclass(frozen=True, slots=True)
class Device:
    """A card. `number` as its driver's tool counts; `uuid`: what it is called wherever it is plugged in ("": it
    has no such name, or nobody could ask). `memory_mib` 0: not known. `node`: the file that programs open ("": not
    known)."""

    kind: Kind
    number: int
    uuid: str = ""
    name: str = ""
    memory_mib: int = 0
    node: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a card does now: its cores' share of the time (0..1) and MiB of its memory in use."""

    busy: float = 0.0
    memory_mib: float = 0.0


@dataclass(frozen=True, slots=True)
class Grant:
    """What an instance has of one card: `share` 1 is all of it, and nobody else has any. `number` and `uuid` as in
    `Device`, `node` as it was when the card was granted."""

    kind: Kind
    number: int
    share: float = 1.0
    uuid: str = ""
    node: str = ""

    def of(self, device: Device) -> bool:
        """Whether it is of this card: cards change their numbers when one is taken out, their names never."""
        if self.kind is not device.kind:
            return False
        return self.uuid == device.uuid if self.uuid and device.uuid else self.number == device.number


@dataclass(frozen=True, slots=True)
class Holding:
    """An instance and its grants. `holds`: by its stored phase it may be running."""

    instance_id: str
    grants: tuple[Grant, ...]
    holds: bool = True


@dataclass(frozen=True, slots=True)
class Inventory:
    """The cards of this machine, as they were found. `trouble`: why nobody can tell now, for people ("": it is
    known)."""

    devices: tuple[Device, ...] = ()
    trouble: str = ""

    def of(self, kind: Kind) -> tuple[Device, ...]:
        return tuple(device for device in self.devices if device.kind is kind)

    def within(self, machine: Capacity) -> Capacity:
        """What this machine has with them. Accelerators that nobody can tell of bound nothing."""
        gpus, npus = (len(self.of(kind)) for kind in Kind)
        least = None if self.trouble else 0
        return replace(machine, gpus=gpus or least, npus=npus or least)
