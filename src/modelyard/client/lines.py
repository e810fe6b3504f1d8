"""What instances wrote, as the client asks for it and reads it. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from modelyard.client.records import Json, json_value, record, rows
from modelyard.client.sse import ServerEvent


def unheard(_text: str) -> None:
    """For what is told of a connection, where nobody wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """`number` names the line within its service. `time`: milliseconds since 1970 UTC. `cut`: characters that are
    left off at its end."""

    number: int
    time: int
    instance: str
    revision: int
    model: str
    text: str
    reference: str = ""
    cut: int = 0
    raw: Json = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLines:
    """What is kept of a service, and what was cut of it because it was too much, or too old."""

    lines: int = 0
    bytes: int = 0
    oldest: int | None = None
    cut_lines: int = 0
    cut_bytes: int = 0
    cut_until: int | None = None
    raw: Json = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """`more`: there is more in the direction that was asked for. `newer`, `older`: go on from here, as `after` and
    as `before` (None: there was nothing to go on from)."""

    lines: tuple[LogLine, ...]
    kept: KeptLines
    more: bool = False
    complete: bool = True
    newer: int | None = None
    older: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """None, "" match any. `since`, `until`: milliseconds since 1970, ISO 8601, or so long ago (`10m`). `words`:
    each is somewhere in the line, regardless of case. `reference`: what a failed call was answered."""

    since: str | int | None = None
    until: str | int | None = None
    instance: str = ""
    revision: int | None = None
    words: Sequence[str] = ()
    reference: str = ""

    def params(self, **more: str | int | None) -> dict[str, str | int]:
        asked: dict[str, str | int | None] = {
            "since": self.since,
            "until": self.until,
            "instance": self.instance,
            "revision": self.revision,
            "words": spelled(self.words),
            "reference": self.reference,
            **more,
        }
        return {name: value for name, value in asked.items() if value is not None and value != ""}


EVERYTHING = LogFilter()


def spelled(words: Sequence[str]) -> str:
    """Words as a request spells them.

    >>> spelled(["a", "b c", 'say "no"'])
    '"a" "b c" "say \\\\"no\\\\""'
    """
    escaped = (word.replace("\\", "\\\\").replace('"', '\\"') for word in words if word)
    return " ".join(f'"{word}"' for word in escaped)


def line(told: Json) -> LogLine:
    return record(told, LogLine)


def page(told: Json) -> LogPage:
    kept = told.get("kept")
    return LogPage(
        lines=tuple(line(one) for one in rows(told, "lines")),
        kept=record(kept, KeptLines) if isinstance(kept, dict) else KeptLines(),
        more=told.get("more") is True,
        complete=told.get("complete") is not False,
        newer=_number(told.get("newer")),
        older=_number(told.get("older")),
    )


@dataclass(slots=True)
class Following:
    """How far a stream was read, over all connections. `over`: it has ended by itself; `why`: the last connection
    did."""

    after: int
    told: Callable[[str], None]
    over: bool = False
    why: str = ""
    broken: bool = False

    def take(self, event: ServerEvent) -> LogLine | None:
        """The line that an event tells, if it is a new one."""
        said = json_value(event.data)
        if event.event == "line":
            one = line(said)
            if one.number > self.after:
                self.after = one.number
                return one
        elif event.event == "skipped":
            self.told(f"{said.get('lines') or 'some'} lines were cut before they could be read")
        elif event.event == "deleted" or said.get("over") is True:
            self.over = True
        else:
            self.why = str(said.get("error_msg") or "")
        return None

    def connected(self) -> None:
        if self.broken:
            self.told("connected again")
        self.broken, self.why = False, ""

    def broke(self) -> None:
        if not self.broken:
            self.told(f"the connection broke ({self.why or 'the stream ended'}), trying again")
        self.broken = True


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
