"""What instances use of their cards, from what their drivers tell of each card.

A driver tells what a card does, not for whom. Of a card that several have parts of, each is said to use its part:

    half of a card that is busy for 0.8 of the time, another has the other half    → 0.4 cards
    the same, and nobody has the other half                                        → 0.8 cards
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from modelyard.core.grants import WHOLE, totals, usage
from modelyard.core.metric_catalogue import (
    CARD_BUSY,
    CARD_GRANTED,
    CARD_MEMORY,
    CARD_MEMORY_SIZE,
    CARDS,
    CARDS_GRANTED,
)
from modelyard.core.tallies import Sample
from modelyard.domain.devices import Device, Grant, Inventory, Kind, Reading

MIB = 1024 * 1024
Readings = Mapping[tuple[Kind, int], Reading]


@dataclass(frozen=True, slots=True)
class Cards:
    """The cards of this machine, what each does, and everything that is granted of them."""

    inventory: Inventory = Inventory()
    readings: Readings | None = None
    granted: Sequence[Grant] = ()


@dataclass(frozen=True, slots=True)
class CardUse:
    """`busy` in cards; MiB of memory in use, and of their own."""

    busy: float = 0.0
    memory_mib: float = 0.0
    memory_total_mib: float = 0.0


def used(kind: Kind, grants: Iterable[Grant], cards: Cards) -> CardUse:
    """By instances that have `grants`."""
    readings = cards.readings or {}
    busy = memory = total = 0.0
    for device, share in _shares(kind, grants, cards.inventory):
        total += device.memory_mib * share
        reading = readings.get((kind, device.number))
        if reading is not None:
            part = share * WHOLE / max(usage(device, cards.granted), round(share * WHOLE))
            busy += reading.busy * part
            memory += reading.memory_mib * part
    return CardUse(round(busy, 3), round(memory, 1), round(total, 1))


def _shares(kind: Kind, grants: Iterable[Grant], inventory: Inventory) -> Iterator[tuple[Device, float]]:
    for grant in grants:
        device = next((device for device in inventory.of(kind) if grant.of(device)), None)
        if device is not None:
            yield device, grant.share


def samples(cards: Cards) -> Iterator[Sample]:
    """Nothing where there are no cards."""
    readings = cards.readings or {}
    for kind, (count, granted) in totals(cards.inventory, cards.granted).items():
        if not count and not granted:
            continue
        yield Sample(CARDS, count, (kind,))
        yield Sample(CARDS_GRANTED, granted, (kind,))
        for device in cards.inventory.of(kind):
            card = kind, str(device.number)
            yield Sample(CARD_GRANTED, usage(device, cards.granted) / WHOLE, card)
            if device.memory_mib:
                yield Sample(CARD_MEMORY_SIZE, device.memory_mib * MIB, card)
            reading = readings.get((kind, device.number))
            if reading is not None:
                yield Sample(CARD_BUSY, reading.busy, card)
                yield Sample(CARD_MEMORY, reading.memory_mib * MIB, card)
