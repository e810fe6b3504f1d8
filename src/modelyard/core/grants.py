"""Which cards an instance gets: from the cards there are, what others have of them, and what it asks for.

    asks 0.5, cards 0 (free) and 1 (0.4 taken)    → half of 1: the fullest that has room, so that 0 stays whole
    asks 0.5, cards 0 (0.6 taken) and 1 (all)     → nothing: at most 0.4 of a GPU is free on one card
    asks 2, cards 0 (0.1 taken), 1, 2             → 1 and 2, whole; a card of which somebody has a part is not
    the same, and it was granted 1 and 2 before   → the same again, if nobody else has any of them

Below 1: a part of one card; from 1 on whole cards. Shares are counted in millionths, so that ten tenths are one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from modelyard.domain.devices import Device, Grant, Holding, Inventory, Kind
from modelyard.domain.resources import Resources

WHOLE = 1_000_000


@dataclass(frozen=True, slots=True)
class Granted:
    """`grants`, or `short`: what is missing, for people ("": nothing is)."""

    grants: tuple[Grant, ...] = ()
    short: str = ""


def asked(size: Resources) -> Mapping[Kind, float]:
    return {kind: count for kind, count in ((Kind.GPU, size.gpus), (Kind.NPU, size.npus)) if count > 0}


def indivisible(size: Resources) -> str:
    """Why no instance can have so much, for people; "" when it can."""
    for kind, count in asked(size).items():
        if count > 1 and count != int(count):
            return f"{count:g} {kind.upper()}s: from 1 on only whole ones, so {int(count)} or {int(count) + 1}"
        if _parts(count) < 1:
            return f"{count:g} of a {kind.upper()}: the least is a millionth"
    return ""


def held(
    stored: Iterable[Holding], running: Mapping[str, Sequence[Grant]], but: str = ""
) -> Mapping[str, tuple[Grant, ...]]:
    """What each instance has, by its id. `stored` are the rows of all instances, `running` what those that have
    not ended have, as their engines say: a row that is older than its process, or is not there, frees nothing.
    `but`: left out."""
    found: dict[str, tuple[Grant, ...]] = {}
    for one in stored:
        if one.holds or one.instance_id in running:
            found[one.instance_id] = one.grants
    for instance_id, grants in running.items():
        known = found.get(instance_id, ())
        found[instance_id] = (*known, *(g for g in grants if g not in known))
    return {instance_id: grants for instance_id, grants in found.items() if instance_id != but}


def granted(
    inventory: Inventory, others: Iterable[Grant], size: Resources, before: Sequence[Grant] = ()
) -> Granted:
    """`others`: what all other instances have. `before`: what this one was granted earlier."""
    others, grants, short = tuple(others), [], []
    for kind, count in asked(size).items():
        devices = inventory.of(kind)
        used = {device: min(usage(device, others), WHOLE) for device in devices}
        again = [g for g in before if g.kind is kind]
        found = _again(used, count, again) or _chosen(used, count)
        if found:
            grants += found
        else:
            short.append(_short(kind, count, used, inventory.trouble))
    return Granted(short="; ".join(short)) if short else Granted(tuple(grants))


def usage(device: Device, grants: Iterable[Grant]) -> int:
    """How much of the card is granted, in millionths."""
    return sum(_parts(grant.share) for grant in grants if grant.of(device))


def totals(inventory: Inventory, grants: Iterable[Grant]) -> Mapping[Kind, tuple[int, float]]:
    """Of each kind how many cards there are, and how much of them is granted."""
    taken: Counter[Kind] = Counter()
    for grant in grants:
        taken[grant.kind] += _parts(grant.share)
    return {kind: (len(inventory.of(kind)), taken[kind] / WHOLE) for kind in Kind}


def _parts(share: float) -> int:
    return round(share * WHOLE)


def _again(used: Mapping[Device, int], count: float, before: Sequence[Grant]) -> list[Grant]:
    """What it had, if that is what it asks for and nobody else has it."""
    if round(sum(grant.share for grant in before), 6) != round(count, 6):
        return []
    found = []
    for grant in before:
        device = next((device for device in used if grant.of(device)), None)
        if device is None or used[device] + _parts(grant.share) > WHOLE:
            return []
        found.append(_grant(device, grant.share))
    return found


def _chosen(used: Mapping[Device, int], count: float) -> list[Grant]:
    by_number = sorted(used, key=lambda device: device.number)
    if count < 1:
        room = [device for device in by_number if used[device] + _parts(count) <= WHOLE]
        return [_grant(max(room, key=lambda device: used[device]), count)] if room else []
    free = [device for device in by_number if not used[device]]
    return [_grant(device, 1.0) for device in free[: int(count)]] if len(free) >= count else []


def _grant(device: Device, share: float) -> Grant:
    return Grant(device.kind, device.number, share, device.uuid, device.node)


def _short(kind: Kind, count: float, used: Mapping[Device, int], trouble: str) -> str:
    name = kind.upper()
    if trouble and not used:
        return f"it takes {count:g} {name}, and nobody can tell which there are: {trouble}"
    if not used:
        return f"it takes {count:g} {name}, and there is none here"
    if count < 1:
        most = (WHOLE - min(used.values())) / WHOLE
        return f"it takes {count:g} of a {name}, and at most {most:g} is free on one card"
    free = sum(1 for parts in used.values() if not parts)
    many = "s" if count > 1 else ""
    return f"it takes {count:g} whole {name}{many}, and {free} of {len(used)} are free"
