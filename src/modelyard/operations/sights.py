"""What was seen of the services of a project, so that whoever comes back to watch is told what they missed.

Each difference from what was seen before gets a number; a number names everything up to it. Kept in memory: a
number of an earlier process, or one from so long ago that what was deleted since is forgotten, is not known, and
whoever has it begins anew. Pure.

    look(a: 1, b: 1)  → number 2    since 0: a, b
    look(a: 2)        → number 4    since 2: a, and b is gone
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_GONE = 1000
MOST_PROJECTS = 200


@dataclass(frozen=True, slots=True)
class Missed:
    """Ids, in the order in which it happened."""

    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(slots=True)
class Sights:
    """Of one project. `epoch` tells its numbers from those of any other, such as an earlier one of the project."""

    epoch: str
    number: int = 0
    shown: Mapping[str, object] = field(default_factory=dict)
    _seen: dict[str, tuple[str, int]] = field(default_factory=dict)
    _gone: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _forgotten: int = 0

    def look(self, now: Mapping[str, str], shown: Mapping[str, object]) -> None:
        """What there is now: a service's id → a word that changes with it, and what is told of it. Watchers look
        one by one, and tell what was looked at last."""
        self.shown = shown
        for service_id in [one for one in self._seen if one not in now]:
            self.number += 1
            del self._seen[service_id]
            self._gone[service_id] = self.number
        while len(self._gone) > MOST_GONE:
            _, self._forgotten = self._gone.popitem(last=False)
        for service_id, word in now.items():
            if self._seen.get(service_id, ("", 0))[0] != word:
                self.number += 1
                self._seen[service_id] = (word, self.number)
                self._gone.pop(service_id, None)

    def mark(self) -> str:
        return f"{self.epoch}-{self.number}"

    def known(self, mark: str) -> int | None:
        """The number of a mark; None when nobody knows what was missed since."""
        epoch, _, text = mark.rpartition("-")
        if epoch != self.epoch or not text.isdecimal() or len(text) > 18:
            return None
        number = int(text)
        return number if self._forgotten <= number <= self.number else None

    def since(self, number: int | None) -> Missed:
        """None: what there is, and nothing of what there was."""
        if number is None:
            return Missed(self.since(0).changed)
        changed = sorted((at, one) for one, (_, at) in self._seen.items() if at > number)
        gone = tuple(one for one, at in self._gone.items() if at > number)
        return Missed(tuple(one for _, one in changed), gone)


class AllSights:
    """Of the projects that were watched last. `epoch` tells this process from another; whoever is forgotten and
    watched again begins with one of its own, for its numbers begin anew."""

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch
        self._made = 0
        self._of: OrderedDict[str, Sights] = OrderedDict()

    def of(self, project_id: str) -> Sights:
        sights = self._of.get(project_id)
        if sights is None:
            self._made += 1
            sights = self._of[project_id] = Sights(f"{self._epoch}.{self._made}")
        self._of.move_to_end(project_id)
        if len(self._of) > MOST_PROJECTS:
            self._of.popitem(last=False)
        return sights
