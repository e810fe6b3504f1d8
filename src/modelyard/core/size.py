"""How big an instance is, decided once for all who ask: admission, the engine, the dry run, the monitor.

A template keeps the size that its flavor had when it was admitted; what it does not say is as the built-in flavor
of its specification says, else the default. So a flavor that is changed later changes nothing that runs.

`shortage` holds a size against what there is. Limits are limits and not reservations: one instance must fit on its
machine, all of them together need not. In a pool whose capacity is set they must (`crowded`).

    1000000 cores of 2                 → "1000000 cores, of which there are 2"
    a flavor with a GPU, none found    → "1 GPU, of which there are 0"
    4 × 2 cores in a pool of 10, of which another service has 4    → "8 cores, of which 6 are free"
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from modelyard.core.admission.catalog import FLAVORS, Flavor
from modelyard.domain.resources import Capacity, Resources
from modelyard.domain.revision import Template

SMALLEST = "modelarts.vm.cpu.2u"
"""The one flavor that fits everywhere: on a smaller machine it means all of it."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Cores, MiB and devices that something asks for, or holds."""

    cpu: float = 0.0
    memory_mib: int = 0
    gpus: float = 0.0
    npus: float = 0.0

    def times(self, count: int) -> "Amount":
        return Amount(self.cpu * count, self.memory_mib * count, self.gpus * count, self.npus * count)

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(
            self.cpu + other.cpu,
            self.memory_mib + other.memory_mib,
            self.gpus + other.gpus,
            self.npus + other.npus,
        )


def resources(template: Template, flavors: Mapping[str, Flavor] = FLAVORS) -> Resources | None:
    """What an instance of the template gets. None: its specification is gone, and its size was not kept."""
    flavor = flavors.get(template.specification)
    if flavor is None and not template.memory_mib:
        return None
    flavor = flavor or Flavor(template.specification, template.cpu, template.memory_mib)
    return Resources(
        cpu=template.cpu or flavor.cpu,
        memory_mib=template.memory_mib or flavor.memory_mib,
        pids=template.pids or flavor.pids,
        open_files=template.open_files or flavor.open_files,
    )


def of_flavor(flavor: Flavor) -> Amount:
    """What one instance of a flavor takes."""
    devices = flavor.accelerators
    gpus, npus = (0.0, devices) if flavor.category == "NPU" else (devices, 0.0)
    return Amount(flavor.cpu, flavor.memory_mib, gpus, npus)


def of_template(template: Template, flavors: Mapping[str, Flavor]) -> Amount:
    """What one instance of a template takes; its devices as the flavor has them now."""
    found, flavor = resources(template) or Resources(), flavors.get(template.specification)
    devices = of_flavor(flavor) if flavor else Amount()
    return Amount(found.cpu, found.memory_mib, devices.gpus, devices.npus)


def fits_anywhere(flavor: Flavor) -> bool:
    """Whether it is the smallest one, as it comes with the product."""
    return flavor == FLAVORS[SMALLEST]


def shortage(asked: Amount, there: Capacity) -> str:
    """What is short, for people; "" when nothing is."""
    return ", ".join(f"{text}, of which there are {has}" for text, has in _short(asked, there, Amount()))


def crowded(asked: Amount, there: Capacity, taken: Amount) -> str:
    """As `shortage`, of several instances beside those that are there."""
    return ", ".join(f"{text}, of which {has} are free" for text, has in _short(asked, there, taken))


def _short(asked: Amount, there: Capacity, taken: Amount) -> Iterator[tuple[str, str]]:
    for what, wanted, has, gone in (
        ("cores", asked.cpu, there.cpu, taken.cpu),
        ("MiB of memory", asked.memory_mib, there.memory_mib, taken.memory_mib),
        ("GPU", asked.gpus, there.gpus, taken.gpus),
        ("NPU", asked.npus, there.npus, taken.npus),
    ):
        if wanted and has is not None and round(wanted + gone - has, 6) > 0:
            yield f"{wanted:.10g} {what}", f"{max(round(has - gone, 6), 0):.10g}"


def total(amounts: Iterable[Amount]) -> Amount:
    return sum(amounts, Amount())
