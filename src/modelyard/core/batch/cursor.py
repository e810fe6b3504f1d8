"""Where the planning of a task goes on: what `Task.cursor` holds. Pure.

`after`: the key, relative to the folder, of the last file that was taken from it. `line`: how many bytes of the
manifest were done, of its `version`. `number`: of the next source; `rows`: how many all splits have so far. `at`:
the last source was cut up to this byte (row), `row` being the next (-1: it was cut to its end).
"""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Cursor:
    """See the module."""

    after: str = ""
    line: int = 0
    version: str = ""
    number: int = 0
    rows: int = 0
    at: int = -1
    row: int = 0

    @property
    def inside(self) -> bool:
        """Whether the last source is not cut to its end."""
        return self.at >= 0

    def text(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


def cursor(text: str) -> Cursor:
    return Cursor(**json.loads(text)) if text else Cursor()
