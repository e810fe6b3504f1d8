"""Tables of a result: for the terminal and for the documentation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.batch.models import KINDS
from benchmarks.peers.report import publish
from rich.table import Table as Shown

__all__ = ["MLSERVER", "OURS", "RAY", "Table", "footer", "publish", "scale_tables", "tables"]

LOOP, ALONE, RAY, MLSERVER = "loop", "the model alone", "Ray Data", "MLServer infer"
OURS = {
    (1, 1): "Modelyard, one worker",
    (2, 1): "Modelyard, one worker on two cores",
    (2, 2): "Modelyard, two workers",
}


@dataclass(frozen=True)
class Table:
    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    def shown(self) -> Shown:
        made = Shown(title=self.title, title_justify="left", title_style="bold")
        for n, head in enumerate(self.heads):
            made.add_column(head, justify="right" if n else "left")
        for row in self.rows:
            made.add_row(*row)
        return made

    def markdown(self) -> str:
        lines = [f"**{self.title}**", "", "| " + " | ".join(self.heads) + " |"]
        lines += ["| --- |" + " ---: |" * (len(self.heads) - 1)]
        return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in self.rows), ""])


def tables(result: dict[str, Any]) -> list[Table]:
    """One for each model."""
    heads = (
        "",
        "cores",
        "rows/s",
        "of the loop, per core",
        "rows per CPU s",
        "of the loop",
        "start",
        "batch",
        "others",
    )
    return [
        Table(KINDS[kind].title, heads, [*_rows(result, kind), *_ratio(result, kind)])
        for kind in dict.fromkeys(row["model"] for row in result["results"])
    ]


def _rows(result: dict[str, Any], kind: str) -> list[tuple[str, ...]]:
    loop, loop_cpu = (_figure(result, kind, LOOP, 1, figure) for figure in ("per_second", "per_cpu_s"))
    found = []
    for row in result["results"]:
        if row["model"] != kind:
            continue
        name, m = " ".join(filter(None, (row["name"], result["versions"].get(row["name"])))), row["median"]
        if not m:
            found.append((name, str(row["cores"]), f"failed: {row['skipped'].splitlines()[0][:60]}", *[""] * 6))
            continue
        found.append(
            (
                name,
                str(row["cores"]),
                f"{m['per_second']:,.0f}",
                f"{m['per_second'] / row['cores'] / loop:.2f}" if loop else "",
                f"{m['per_cpu_s']:,.0f}" if m["per_cpu_s"] else "",
                f"{m['per_cpu_s'] / loop_cpu:.2f}" if m["per_cpu_s"] and loop_cpu else "",
                f"{m['start_s']:.1f} s",
                f"{row['batch']:,}" if row["batch"] else "",
                f"{m['others_cores']:.1f}",
            )
        )
    return found


def _ratio(result: dict[str, Any], kind: str) -> list[tuple[str, ...]]:
    one, two = (_figure(result, kind, OURS[key], key[0]) for key in ((1, 1), (2, 2)))
    return [("two workers : one, two cores : one", "", f"{two / one:.2f}", *[""] * 6)] if one and two else []


def _figure(result: dict[str, Any], kind: str, name: str, cores: int, figure: str = "per_second") -> float:
    for row in result["results"]:
        if (row["name"], row["model"], row["cores"]) == (name, kind, cores) and row["median"]:
            return float(row["median"][figure])
    return 0.0


def scale_tables(result: dict[str, Any]) -> list[Table]:
    heads = ("", "splits", "job", "rows/s", "start", "control CPU", "worker CPU", "control", "worker", "ledger")
    rows = [
        (
            each["what"],
            f"{each['splits']:,}",
            f"{each['seconds']:,.1f} s",
            f"{each['per_second']:,.0f}",
            f"{each['start_s']:.1f} s",
            f"{each['control_cpu_s']:,.1f} s",
            f"{each['worker_cpu_s']:,.1f} s",
            f"{each['control_mib']:,.0f} MiB",
            f"{each['worker_mib']:,.0f} MiB",
            f"{each['ledger_share']:.1%}",
        )
        for each in result["scale"]
    ]
    return [Table("One worker, iris", heads, rows)]


def footer(result: dict[str, Any]) -> str:
    what = f"{result['rounds']} rounds of {result['rows']:,} rows, medians; " if "rounds" in result else ""
    return f"{what}{result['machine']}; {result['measured_at'][:10]}; load average before: {result['load_before']}"
