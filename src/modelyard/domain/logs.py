"""What instances wrote: lines that are kept by service, revision and instance, also after the instance's death.

Lines of one service are kept in *segments*, in the order in which they came; the oldest segments go when the
service has more than its bound of bytes, or they are older than its bound of days. What was cut is said
(`Kept.cut_bytes`).
"""

from dataclasses import dataclass

GATEWAY = "gateway"
"""The instance that lines of the access log are of: what the gateway tells of calls."""


MOST_GAP = 1 << 32
"""More numbers than these between two lines of a service are not of lines that were cut: a damaged file was lost,
and nobody knows how many lines it held."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Which instance wrote it. `model` is NAME:VERSION."""

    project_id: str
    service_id: str
    instance_id: str
    revision: int = 0
    model: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """`number` grows with every line of its service and names it (a cursor for `--since`, SSE ids, LTS line_num).
    `at_ms`: when it came out of the instance, milliseconds since 1970 UTC. `reference`: the request reference that
    the line tells of ("": none). `cut`: characters that were left off at the end."""

    number: int
    at_ms: int
    text: str
    origin: Origin
    reference: str = ""
    cut: int = 0


@dataclass(frozen=True, slots=True)
class LogQuery:
    """None, "" match any. Times are inclusive milliseconds. `words`: every one of them, as the user wrote them, is
    somewhere in the line: any characters, spaces too, also a part of a word, regardless of case (`core.logs`).
    `reference`: the line's own, whole. `after`/`before`: numbers, exclusive. `newest_first`: in which order, and
    which of too many."""

    instance_id: str = ""
    revision: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    words: tuple[str, ...] = ()
    reference: str = ""
    after: int | None = None
    before: int | None = None
    newest_first: bool = False
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Found:
    """`complete`: False where the search was cut short by its limit of time. `cursor`: where to go on, as `after`
    (`before` where the newest came first) of the same query; None when everything was looked at. All that matches
    up to the cursor is in `lines`, which may be none."""

    lines: tuple[Line, ...] = ()
    complete: bool = True
    cursor: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a service now, in bytes on disk, and how much of it was cut since it exists. `set_aside`:
    damaged files whose lines are lost to searches."""

    lines: int = 0
    bytes: int = 0
    oldest_ms: int | None = None
    cut_lines: int = 0
    cut_bytes: int = 0
    cut_until_ms: int | None = None
    set_aside: int = 0
