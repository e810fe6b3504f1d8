"""What the results of a manifest's files are called: after their base names, of which there may be many of a kind.

a/x.jpg   x.jpg_result.txt          each gets the lowest number that is free when its turn comes, so the same
b/x.jpg   x.jpg_1_result.txt        manifest gives the same names wherever its planning was cut off
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence

from modelyard.core.batch.names import result_name
from modelyard.domain.batch import Output
from modelyard.store.base import Store

_REMEMBERED = 10_000
_MOST_AT_ONCE = 2000


class ResultNames:
    """Of one task. Names that were given are taken from then on; those that are in the ledger (`stored`) are
    looked up there."""

    def __init__(self, store: Store, task_id: str, output: Output) -> None:
        self._store = store
        self._task_id = task_id
        self._output = output
        self._given: set[str] = set()
        self._known: dict[str, bool] = {}
        self._next: OrderedDict[str, int] = OrderedDict()
        """Of a base name, the lowest number that may be free (0: none)."""

    def stored(self) -> None:
        self._given.clear()

    async def of(self, names: Sequence[str]) -> list[str]:
        """For files of these base names, in turn."""
        self._known.clear()
        likely = Counter(names)
        await self._look_up(
            self._numbered(name, self._next.get(name, 0) + n)
            for name, times in likely.items()
            for n in range(times)
        )
        return [await self._one(name) for name in names]

    async def _one(self, name: str) -> str:
        number, at_once = self._next.pop(name, 0), 1
        while not await self._free(name, number, at_once):
            number, at_once = number + 1, min(at_once * 2, _MOST_AT_ONCE)
        self._next[name] = number + 1
        if len(self._next) > _REMEMBERED:
            self._next.popitem(last=False)
        result = self._numbered(name, number)
        self._given.add(result)
        return result

    async def _free(self, name: str, number: int, at_once: int) -> bool:
        result = self._numbered(name, number)
        if result in self._given:
            return False
        if result not in self._known:
            await self._look_up(self._numbered(name, number + n) for n in range(at_once))
        return not self._known[result]

    async def _look_up(self, results: Iterable[str]) -> None:
        unknown = [result for result in results if result not in self._known]
        async with self._store.read() as r:
            taken = await r.taken_results(self._task_id, unknown)
        self._known.update((result, result in taken) for result in unknown)

    def _numbered(self, name: str, number: int) -> str:
        return result_name(f"{name}_{number}" if number else name, self._output)
