"""The chart of a result: one panel for each model, one bar for each contestant. Plain SVG, light and dark."""

from typing import Any
from xml.sax.saxutils import escape

from benchmarks.peers.questions import TITLES

WIDTH, NAME, BAR, GAP, HEAD = 860, 190, 16, 5, 34
STYLE = """text{font:12px system-ui,sans-serif;fill:#24292f}.t{font-weight:600;font-size:14px}
.p{fill:#9aa4b2}.o{fill:#1f6feb}.b{fill:#d0d7de}.v{fill:#57606a}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.v{fill:#9da7b3}.b{fill:#484f58}.p{fill:#6e7681}}"""


def svg(result: dict[str, Any]) -> str:
    """Requests per second; longer is better. The reference is pale, ours is blue."""
    parts: list[str] = []
    y = 10
    for kind in dict.fromkeys(row["model"] for row in result["results"]):
        rows = [r for r in result["results"] if r["model"] == kind and r["median"]]
        if not rows:
            continue
        most = max(r["median"]["per_second"] for r in rows)
        parts.append(f'<text class="t" x="0" y="{y + 16}">{escape(TITLES[kind])}: requests per second</text>')
        y += HEAD - 6
        for row in sorted(rows, key=lambda r: -r["median"]["per_second"]):
            value = row["median"]["per_second"]
            wide = max(1, (WIDTH - NAME - 200) * value / most)
            group = "o" if row["name"].startswith("Modelyard") else "b" if "bare" in row["name"] else "p"
            p99 = row["median"]["p99_ms"]
            parts.append(f'<text x="{NAME - 8}" y="{y + 12}" text-anchor="end">{escape(row["name"])}</text>')
            parts.append(f'<rect class="{group}" x="{NAME}" y="{y}" width="{wide:.1f}" height="{BAR}" rx="2"/>')
            parts.append(
                f'<text class="v" x="{NAME + wide + 6:.1f}" y="{y + 12}">{value:,.0f} · p99 {p99:,.1f} ms</text>'
            )
            y += BAR + GAP
        y += 16
    box = f'viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}"'
    label = 'role="img" aria-label="Requests per second of each model server"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} {label}>\n<style>{STYLE}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
