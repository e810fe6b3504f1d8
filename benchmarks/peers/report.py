"""Tables of a result: for the terminal and for the documentation."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.peers.questions import TITLES
from rich.table import Table

BARE = "Granian, bare"
WHOLE = "Modelyard, full path"
HEADS = (
    "requests/s",
    "of bare",
    "full path is",
    "p50",
    "p99",
    "failed",
    "memory",
    "cold start",
    "others",
)


def rate(result: dict[str, Any], kind: str, name: str) -> float:
    """Requests a second; 0 when there are none."""
    for row in result["results"]:
        if row["name"] == name and row["model"] == kind and row["median"]:
            return float(row["median"]["per_second"])
    return 0.0


def rows(result: dict[str, Any], kind: str) -> Iterator[tuple[str, ...]]:
    """Names and figures, as text."""
    bare, whole = rate(result, kind, BARE), rate(result, kind, WHOLE)
    for row in result["results"]:
        if row["model"] != kind:
            continue
        m = row["median"]
        name = " ".join(filter(None, (row["name"], result["versions"].get(row["name"]))))
        if not m:
            yield name, f"skipped: {row['skipped'].splitlines()[0][:80]}", *[""] * (len(HEADS) - 1)
            continue
        yield (
            name,
            f"{m['per_second']:,.0f}",
            f"{m['per_second'] / bare:.2f}" if bare else "",
            f"{whole / m['per_second']:.2f}×" if whole and row["name"] not in (WHOLE,) else "",
            milliseconds(m["p50_ms"]),
            milliseconds(m["p99_ms"]),
            str(row["failed"]),
            f"{m['rss_mib']:,.0f} MiB",
            f"{m['cold_start_s']:.1f} s",
            f"{m.get('others_cores', 0):.1f}",
        )


def milliseconds(value: float) -> str:
    return f"{value:.1f} ms" if value < 100 else f"{value:,.0f} ms"


def table(result: dict[str, Any], kind: str) -> Table:
    shown = Table(title=title(result, kind), title_justify="left", title_style="bold")
    shown.add_column("")
    for head in HEADS:
        shown.add_column(head, justify="right")
    for row in rows(result, kind):
        shown.add_row(*row)
    return shown


def title(result: dict[str, Any], kind: str) -> str:
    loop = result["loop"].get(kind)
    return TITLES[kind] + (f" (called in a loop: {loop:,.0f} rows/s)" if loop else "")


def footer(result: dict[str, Any]) -> str:
    return (
        f"{result['rounds']} rounds of {result['seconds']} s, medians; {result['connections']} connections, wrk; "
        f"BLAS threads: {result['blas']}; {result['machine']}; {result['measured_at'][:10]}; "
        f"load average before: {result['load_before']}"
    )


def publish(page: Path, name: str, text: str) -> None:
    """Put `text` between the marks of this name in a page of the documentation."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, _, rest = page.read_text().partition(begin)
    page.write_text(f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}")


def markdown(result: dict[str, Any]) -> str:
    """All tables, for the documentation."""
    lines = []
    for kind in dict.fromkeys(row["model"] for row in result["results"]):
        lines += [f"**{title(result, kind)}**", "", "| | " + " | ".join(HEADS) + " |"]
        lines += ["| --- |" + " ---: |" * len(HEADS)]
        lines += ["| " + " | ".join(row) + " |" for row in rows(result, kind)]
        lines.append("")
    return "\n".join([*lines, footer(result), ""])
