"""Whether there is room for an instance, or for several of them.

`shortage` holds a size against what there is. Limits are limits and not reservations: one instance must fit on its
machine, all of them together need not. In a pool whose capacity is set they must (`crowded`).

    1000000 cores of 2                 → "1000000 cores, of which there are 2"
    a flavor with a GPU, none found    → "1 GPU, of which there are 0"
    4 × 2 cores in a pool of 10, of which another service has 4    → "8 cores, of which 6 are free"

`resolved` is for templates that a former release stored: they did not say what the built-in flavors say.
"""

from collections.abc import Iterator

from modelyard.core.admission.catalog import FLAVORS, Flavor
from modelyard.domain.resources import Capacity, Resources

SMALLEST = "modelarts.vm.cpu.2u"
"""The one flavor that fits everywhere: on a smaller machine it means all of it."""

UNKNOWN = Resources()
"""The size of a template whose specification is not known any more: nothing can be started with it."""


def resolved(specification: str, explicit: Resources) -> Resources:
    """What an instance gets whose template says only what its built-in flavor does not say."""
    flavor = FLAVORS.get(specification)
    if flavor is None and not explicit.memory_mib:
        return UNKNOWN
    usual = (flavor or Flavor(specification, explicit.cpu, explicit.memory_mib)).resources
    return Resources(
        cpu=explicit.cpu or usual.cpu,
        memory_mib=explicit.memory_mib or usual.memory_mib,
        pids=explicit.pids or usual.pids,
        open_files=explicit.open_files or usual.open_files,
        gpus=usual.gpus,
        npus=usual.npus,
    )


def fits_anywhere(flavor: Flavor) -> bool:
    """Whether it is the smallest one, as it comes with the product."""
    return flavor == FLAVORS[SMALLEST]


def shortage(asked: Resources, there: Capacity) -> str:
    """What is short, for people; "" when nothing is."""
    return ", ".join(f"{text}, of which there are {has}" for text, has in _short(asked, there, Resources()))


def crowded(asked: Resources, there: Capacity, taken: Resources) -> str:
    """As `shortage`, of several instances beside those that are there."""
    return ", ".join(f"{text}, of which {has} are free" for text, has in _short(asked, there, taken))


def _short(asked: Resources, there: Capacity, taken: Resources) -> Iterator[tuple[str, str]]:
    for what, wanted, has, gone in (
        ("cores", asked.cpu, there.cpu, taken.cpu),
        ("MiB of memory", asked.memory_mib, there.memory_mib, taken.memory_mib),
        ("GPU", asked.gpus, there.gpus, taken.gpus),
        ("NPU", asked.npus, there.npus, taken.npus),
    ):
        if wanted and has is not None and round(wanted + gone - has, 6) > 0:
            yield f"{wanted:.10g} {what}", f"{max(round(has - gone, 6), 0):.10g}"
