"""What instances use of cards that they share."""

from modelyard.core.card_use import Cards, CardUse, samples, used
from modelyard.domain.devices import Device, Grant, Inventory, Kind, Reading

MIB = 1024 * 1024
INVENTORY = Inventory(
    (Device(Kind.GPU, 0, "GPU-a", memory_mib=1000), Device(Kind.GPU, 1, "GPU-b", memory_mib=2000))
)
READINGS = {(Kind.GPU, 0): Reading(0.8, 600), (Kind.GPU, 1): Reading(0.5, 100)}
HALF, OTHER, WHOLE = (
    Grant(Kind.GPU, 0, 0.5, "GPU-a"),
    Grant(Kind.GPU, 0, 0.25, "GPU-a"),
    Grant(Kind.GPU, 1, 1, "GPU-b"),
)


def test_a_card_is_used_by_those_who_have_it() -> None:
    alone = Cards(INVENTORY, READINGS, [HALF])
    assert used(Kind.GPU, [HALF], alone) == CardUse(0.8, 600, 500)
    shared = Cards(INVENTORY, READINGS, [HALF, OTHER, WHOLE])
    assert used(Kind.GPU, [HALF, WHOLE], shared) == CardUse(1.033, 500, 2500)
    assert used(Kind.NPU, [HALF], shared) == CardUse()
    assert used(Kind.GPU, [], shared) == CardUse()


def test_what_no_tool_tells_is_nothing() -> None:
    assert used(Kind.GPU, [HALF], Cards(INVENTORY, {}, [HALF])) == CardUse(0, 0, 500)
    assert used(Kind.GPU, [Grant(Kind.GPU, 9)], Cards(INVENTORY, READINGS)) == CardUse()


def test_the_page() -> None:
    told = {
        (one.family.name, *one.values): one.value for one in samples(Cards(INVENTORY, READINGS, [HALF, OTHER]))
    }
    assert told == {
        ("modelyard_accelerators", "gpu"): 2,
        ("modelyard_accelerators_granted", "gpu"): 0.75,
        ("modelyard_accelerator_granted_ratio", "gpu", "0"): 0.75,
        ("modelyard_accelerator_granted_ratio", "gpu", "1"): 0,
        ("modelyard_accelerator_busy_ratio", "gpu", "0"): 0.8,
        ("modelyard_accelerator_busy_ratio", "gpu", "1"): 0.5,
        ("modelyard_accelerator_memory_used_bytes", "gpu", "0"): 600 * MIB,
        ("modelyard_accelerator_memory_used_bytes", "gpu", "1"): 100 * MIB,
        ("modelyard_accelerator_memory_size_bytes", "gpu", "0"): 1000 * MIB,
        ("modelyard_accelerator_memory_size_bytes", "gpu", "1"): 2000 * MIB,
    }
    assert not list(samples(Cards()))
