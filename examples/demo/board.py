"""What the demo shows: finished steps, the one that runs, and the verdict."""

from dataclasses import dataclass, field
from time import monotonic

from rich.console import Console, Group, RenderableType
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text
from traffic import Seen, Traffic

NOTICEABLE_MS = 250
LEGEND = "In brackets: failed as the service was stopped or the server down, as asked; the total leaves these out."

LOG_PROGRESS_S = 5.0

BETWEEN_STEPS = "requests between two steps included"


@dataclass(frozen=True)
class Row:
    """One finished step. `effect_s`: seconds until callers saw it; `expected`: its failures are what was asked."""

    step: str
    seen: Seen
    effect_s: float | None = None
    note: str = ""
    expected: bool = False

    @property
    def failed(self) -> int:
        """Requests that failed and should not have."""
        return 0 if self.expected else self.seen.failed


@dataclass
class Board:
    """Rows so far and what happens now; renders as a table that grows. `log` is told each step in a line of its
    own, for where a table that grows cannot be shown."""

    log: Console | None = None
    traffic: Traffic | None = None
    rows: list[Row] = field(default_factory=list)
    between: list[Row] = field(default_factory=list)
    step: str = ""
    doing: str = ""
    said_s: float = 0.0
    spinner: Spinner = field(default_factory=lambda: Spinner("dots"))

    def begin(self, what: str) -> None:
        self.step = self.doing = what
        self.said_s = monotonic()
        if self.log is not None:
            self.log.print(f"{what} …")

    def progress(self, how_far: str) -> None:
        """How far the step is that takes longer; in the log a line now and then."""
        self.doing = f"{self.step}: {how_far}"
        now_s = monotonic()
        if self.log is not None and now_s >= self.said_s + LOG_PROGRESS_S:
            self.log.print(f"    {how_far}")
            self.said_s = now_s

    def add(self, row: Row) -> None:
        self.rows.append(row)
        if self.log is not None:
            effect = "" if row.effect_s is None else f"in effect after {row.effect_s:.2f} s, "
            failed = f"({row.seen.failed:,})" if row.expected and row.seen.failed else f"{row.failed:,}"
            self.log.print(f"    {effect}{row.seen.requests:,} requests, {failed} failed; {row.note}")

    def __rich__(self) -> RenderableType:
        return Group(self.table(), self.line()) if self.doing else self.table()

    def line(self) -> RenderableType:
        text = self.doing
        if self.traffic is not None and self.traffic.now.seconds:
            now = self.traffic.now
            text += f"   {now.requests / now.seconds:,.0f} requests/s   {now.failed:,} failed"
        self.spinner.update(text=text)
        return self.spinner

    def table(self) -> Table:
        table = Table(title="One service, changed live", title_justify="left", title_style="bold")
        if any(row.expected and row.seen.failed for row in self.rows):
            table.caption, table.caption_justify, table.caption_style = LEGEND, "left", "dim"
        table.add_column("step")
        for name in ("in effect", "requests", "failed", "p99", "worst"):
            table.add_column(name, justify="right")
        table.add_column("seen by the callers")
        for row in self.rows:
            table.add_row(*cells(row))
        if self.rows:
            table.add_section()
            table.add_row(*self.total())
        return table

    @property
    def failed(self) -> int:
        """Requests that failed and should not have, also those between two steps."""
        return sum(row.failed for row in (*self.rows, *self.between))

    def total(self) -> tuple[RenderableType, ...]:
        every = (*self.rows, *self.between)
        requests = sum(row.seen.requests - (row.seen.failed if row.expected else 0) for row in every)
        worst = max((row.seen.worst_ms for row in every if not row.expected), default=0.0)
        name, failed = Text("total", style="bold"), failures(self.failed)
        return (name, "", f"{requests:,}", failed, "", milliseconds(worst), BETWEEN_STEPS)


def cells(row: Row) -> tuple[RenderableType, ...]:
    seen = row.seen
    effect = "" if row.effect_s is None else f"{row.effect_s:.2f} s"
    failed = Text(f"({seen.failed:,})", style="dim") if row.expected and seen.failed else failures(row.failed)
    worst = milliseconds(seen.worst_ms)
    return (row.step, effect, f"{seen.requests:,}", failed, milliseconds(seen.p99_ms), worst, row.note)


def failures(count: int) -> Text:
    return Text(f"{count:,}", style="bold red" if count else "green")


def milliseconds(value: float) -> Text:
    return Text(f"{value:,.0f} ms", style="yellow" if value > NOTICEABLE_MS else "")
