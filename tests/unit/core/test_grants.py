"""Who gets which card."""

from dataclasses import replace

import pytest

from modelyard.core.grants import asked, granted, held, indivisible, totals
from modelyard.domain.devices import Device, Grant, Holding, Inventory, Kind
from modelyard.domain.resources import Resources

CARDS = Inventory(tuple(Device(Kind.GPU, number, f"GPU-{number}") for number in range(3)))
NPUS = Inventory(tuple(Device(Kind.NPU, number) for number in range(2)))


def gpu(number: int, share: float = 1.0) -> Grant:
    return Grant(Kind.GPU, number, share, f"GPU-{number}")


CASES: dict[str, tuple[tuple[Grant, ...], float, tuple[Grant, ...] | str]] = {
    "the first whole one": ((), 1, (gpu(0),)),
    "whole ones that are free": ((gpu(0, 0.1),), 2, (gpu(1), gpu(2))),
    "a part of the fullest that has room": ((gpu(0, 0.2), gpu(2, 0.4)), 0.5, (gpu(2, 0.5),)),
    "of the fullest without room": ((gpu(0, 0.2), gpu(2, 0.6)), 0.5, (gpu(0, 0.5),)),
    "of none that is whole for others": ((gpu(0), gpu(1)), 0.5, (gpu(2, 0.5),)),
    "ten tenths are one": (tuple([gpu(0, 0.1)] * 9), 0.1, (gpu(0, 0.1),)),
    "eleven are more": (
        (*[gpu(0, 0.1)] * 10, gpu(1), gpu(2)),
        0.1,
        "it takes 0.1 of a GPU, and at most 0 is free",
    ),
    "three thirds are one": ((gpu(0, 1 / 3), gpu(0, 1 / 3)), 1 / 3, (gpu(0, 1 / 3),)),
    "parts do not add up to a card": (
        (gpu(0, 0.6), gpu(1, 0.6), gpu(2, 0.6)),
        0.5,
        "it takes 0.5 of a GPU, and at most 0.4 is free on one card",
    ),
    "no whole one is free": (
        (gpu(0, 0.1), gpu(1, 0.1), gpu(2)),
        1,
        "it takes 1 whole GPU, and 0 of 3 are free",
    ),
    "not as many": ((gpu(0),), 3, "it takes 3 whole GPUs, and 2 of 3 are free"),
}


@pytest.mark.parametrize(("others", "count", "expected"), CASES.values(), ids=CASES.keys())
def test_which(others: tuple[Grant, ...], count: float, expected: tuple[Grant, ...] | str) -> None:
    found = granted(CARDS, others, Resources(gpus=count))
    if isinstance(expected, str):
        assert found.short.startswith(expected)
        assert not found.grants
    else:
        assert (found.grants, found.short) == (expected, "")


def test_npus_are_others() -> None:
    assert granted(NPUS, [gpu(0), gpu(1)], Resources(npus=1)).grants == (Grant(Kind.NPU, 0),)
    assert granted(NPUS, [], Resources(gpus=1)).short == "it takes 1 GPU, and there is none here"


def test_what_nobody_can_tell_is_said() -> None:
    found = granted(Inventory(trouble="nvidia-smi did not answer in time"), [], Resources(gpus=0.5))
    assert (
        found.short == "it takes 0.5 GPU, and nobody can tell which there are: nvidia-smi did not answer in time"
    )


def test_nothing_is_granted_to_who_asks_for_nothing() -> None:
    assert granted(CARDS, [], Resources(cpu=1)).grants == ()
    assert not asked(Resources(cpu=1))


def test_who_tries_again_gets_the_same() -> None:
    before = (gpu(2, 0.5),)
    assert granted(CARDS, [gpu(0, 0.4)], Resources(gpus=0.5), before).grants == before
    assert granted(CARDS, [gpu(2, 0.5)], Resources(gpus=0.5), before).grants == before
    assert granted(CARDS, [gpu(2, 0.6)], Resources(gpus=0.5), before).grants == (gpu(0, 0.5),), "it is taken"
    assert granted(CARDS, [], Resources(gpus=1), before).grants == (gpu(0),), "it asks for more"
    moved = Inventory(tuple(replace(d, number=d.number - 1) for d in CARDS.devices[1:]))
    assert granted(moved, [], Resources(gpus=0.5), before).grants == (replace(before[0], number=1),), "one is out"
    gone = Inventory(CARDS.devices[:1])
    assert granted(gone, [], Resources(gpus=0.5), before).grants == (gpu(0, 0.5),)


def test_a_card_has_its_name_before_its_number() -> None:
    """Number 0 was taken out: what was 1 is 0 now, and still granted."""
    moved = Inventory((Device(Kind.GPU, 0, "GPU-1"), Device(Kind.GPU, 1, "GPU-2")))
    assert granted(moved, [gpu(1)], Resources(gpus=1)).grants == (Grant(Kind.GPU, 1, 1.0, "GPU-2"),)
    by_hand = [Grant(Kind.GPU, 0)]  # granted while nobody could ask for names
    assert granted(CARDS, by_hand, Resources(gpus=1)).grants == (gpu(1),)


def test_who_has_what() -> None:
    stored = [
        Holding("runs", (gpu(0),)),
        Holding("starts", (gpu(1, 0.5),)),
        Holding("ended", (gpu(2),), holds=False),
        Holding("thought to have ended", (gpu(2),), holds=False),
    ]
    running = {"runs": (gpu(0),), "thought to have ended": (), "nobody's": (gpu(1, 0.3),), "cpu": ()}
    assert {key: value for key, value in held(stored, running).items() if value} == {
        "runs": (gpu(0),),
        "starts": (gpu(1, 0.5),),
        "thought to have ended": (gpu(2),),
        "nobody's": (gpu(1, 0.3),),
    }
    assert "starts" not in held(stored, running, but="starts")


def test_a_process_with_other_cards_than_its_row_has_both() -> None:
    assert held([Holding("a", (gpu(0),))], {"a": (gpu(1),)}) == {"a": (gpu(0), gpu(1))}


def test_totals() -> None:
    assert totals(CARDS, [gpu(0), gpu(1, 0.5), gpu(1, 0.25)]) == {Kind.GPU: (3, 1.75), Kind.NPU: (0, 0)}


@pytest.mark.parametrize("count", [0, 0.01, 0.5, 1, 2, 16])
def test_what_can_be_had(count: float) -> None:
    assert not indivisible(Resources(gpus=count, npus=count))


def test_what_cannot_be_had() -> None:
    assert indivisible(Resources(gpus=1.5)) == "1.5 GPUs: from 1 on only whole ones, so 1 or 2"
    assert indivisible(Resources(npus=1e-9)) == "1e-09 of a NPU: the least is a millionth"
