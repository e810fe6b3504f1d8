"""Which variant of the new revision succeeds which variant of the old one.

A pair shares a *track*: the lineage that instances, routing weights and counters belong to. New variants pair
with old ones of the same model; else with those of the same model name (another version); else by position among
the rest. A new variant that is left over gets a new track; an old one that is left over is a track that ends.

Examples (old → new, tracks in brackets):

    a1[1]          → a1, a2            a1 keeps [1], a2 is new [2]
    a1[1], a2[2]   → a2                a2 keeps [2]; track 1 ends
    a1[1]          → a3                [1]: a new version of the same model
    a1[1], b1[2]   → b2, c1            b2 keeps [2] by name, c1 takes [1] by position
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from modelyard.domain.revision import Variant


def pair(old: Sequence[Variant], new: Sequence[Variant], next_track: int) -> tuple[Variant, ...]:
    """`new` with its tracks set. `next_track` is the first number that no revision of the service has used."""
    tracks: dict[int, int] = {}
    free = list(old)

    def match(same: Callable[[Variant, Variant], bool]) -> None:
        for index, variant in enumerate(new):
            if index in tracks:
                continue
            predecessor = next((candidate for candidate in free if same(candidate, variant)), None)
            if predecessor is not None:
                tracks[index] = predecessor.track
                free.remove(predecessor)

    match(lambda a, b: a.model_id == b.model_id)
    match(lambda a, b: a.model_name == b.model_name)
    match(lambda _a, _b: True)
    for index in range(len(new)):
        if index not in tracks:
            tracks[index] = next_track
            next_track += 1
    return tuple(replace(variant, track=tracks[index]) for index, variant in enumerate(new))
