"""Pools as tables: how they stand, what they run on, how much of them is used."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.text import Text

from modelyard.cli import views
from modelyard.client.records import Json, rows


def pools(listed: Iterable[Json]) -> RenderableType:
    """Those of a project, as whoever deploys into them sees them; below it what is wrong with some."""
    known = [*listed]
    if not known:
        return Text("the project has no pool: an administrator adds one (modelyard admin pools add NAME PROJECT)")
    grid = views.table("NAME", "STATUS", "ENGINE", "NODES", "CPU", "MEMORY", "GPUS")
    for one in known:
        nodes = rows(one, "nodes")
        grid.add_row(
            str(one.get("pool_name", "")),
            views.status(str(one.get("status", ""))),
            str(one.get("engine", "")),
            _nodes(nodes),
            _of(one, "cpu_cores", ""),
            _of(one, "memory", " MiB"),
            _accelerators(one),
        )
    return _with_reasons(grid, known, "pool_name")


def administered(listed: Iterable[Json]) -> RenderableType:
    """Those of every project, as an administrator set them up."""
    known = [*listed]
    grid = views.table("NAME", "PROJECT", "STATUS", "ENGINE", "ENDPOINT", "NODES", "POOL_ID")
    for one in known:
        nodes = one.get("seen_nodes") or one.get("nodes")
        grid.add_row(
            str(one.get("name", "")),
            str(one.get("project", one.get("project_id", ""))),
            views.status(str(one.get("effective_status", one.get("status", "")))),
            str(one.get("engine", "")),
            str(one.get("endpoint", "")),
            ", ".join(str(node) for node in nodes) if isinstance(nodes, list) else "",
            str(one.get("pool_id", "")),
        )
    return _with_reasons(grid, known, "name")


def _with_reasons(grid: RenderableType, known: Iterable[Json], name: str) -> RenderableType:
    reasons = [f"{one.get(name, '')}: {one['reason']}" for one in known if one.get("reason")]
    return Group(grid, "", *reasons) if reasons else grid


def _nodes(nodes: list[Json]) -> str:
    ready = sum(1 for node in nodes if node.get("ready"))
    return f"{ready}/{len(nodes)}" if nodes else "-"


def _of(one: Json, name: str, unit: str) -> str:
    """Used of what is there; of what nobody bounds, just what is used."""
    used, there = one.get(f"used_{name}"), one.get(f"capacity_{name}")
    amount = f"{float(str(used or 0)):.10g}"
    return f"{amount}{unit}" if there is None else f"{amount}/{float(str(there)):.10g}{unit}"


def _accelerators(one: Json) -> str:
    """GPUs, or NPUs where the pool has those alone."""
    return (
        _of(one, "npus", " NPU")
        if one.get("capacity_npus") and not one.get("capacity_gpus")
        else _of(one, "gpus", "")
    )
