"""`modelyard top`, `admin disk`, `admin clean`: what is used now, what takes the disk, and what nothing needs."""

import time
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live

from modelyard.cli import views
from modelyard.cli.asking import confirm_deletion
from modelyard.cli.context import AsJson, DataDir, Yes, connect, console, errors, print_answer, print_json, show
from modelyard.client import Client, Unreachable, Untrusted
from modelyard.client.records import Json, rows

SORTS = {
    "name": "service_name",
    "cpu": "cpu",
    "memory": "memory_mib",
    "requests": "requests_per_minute",
    "in-flight": "in_flight",
    "errors": "failed_times",
    "latency": "p99_seconds",
    "instances": "instances",
}
"""Everything but the name: the most first."""


def top(
    *,
    once: Annotated[bool, typer.Option("--once", help="Print it once; so it is where no terminal is.")] = False,
    sort: Annotated[str, typer.Option("--sort", help=f"{', '.join(SORTS)}.")] = "cpu",
    every: Annotated[bool, typer.Option("--all", help="Of every project; for administrators.")] = False,
    interval: Annotated[float, typer.Option("--interval", min=0.5, help="Seconds between looks.")] = 2.0,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show what services use and do now: instances, CPU, memory, requests, errors, latency; live until Ctrl-C."""
    if sort not in SORTS:
        raise typer.BadParameter(f"--sort {sort!r} is none of {', '.join(SORTS)}")
    with connect(data_dir) as yard:
        found = _found(yard, sort, every=every)  # who cannot be asked at all is told of before there is a screen
        seen = shown(found)
        if once or as_json or not console.is_terminal:
            print_answer(found, seen, as_json=as_json)
            return
        with Live(seen, console=console, screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(interval)
                try:
                    now = seen = shown(_found(yard, sort, every=every))
                except Untrusted:
                    raise
                except Unreachable as error:
                    now = Group(seen, "", f"the server is away, this is from before; it is asked again: {error}")
                live.update(now, refresh=True)


def _found(yard: Client, sort: str, *, every: bool) -> Json:
    found = yard.admin.top() if every else yard.top()
    return {**found, "services": ordered(rows(found, "services"), sort)}


def ordered(found: list[Json], sort: str) -> list[Json]:
    """Rows without the value come last."""
    field = SORTS[sort]
    if sort == "name":
        return sorted(found, key=lambda one: str(one[field]))
    return sorted(found, key=lambda one: (-float(str(one.get(field, -1))), str(one["service_name"])))


def shown(found: Json) -> RenderableType:
    grid = views.table(
        "SERVICE", "STATUS", "INSTANCES", "CPU", "MEMORY", "REQ/MIN", "IN FLIGHT", "CALLS", "FAILED", "P50", "P99"
    )
    for one in rows(found, "services"):
        grid.add_row(
            str(one["service_name"]),
            views.status(str(one["status"])),
            f"{one['ready']}/{one['instances']}",
            _of(one, "cpu", ""),
            _of(one, "memory_mib", " MiB"),
            str(one["requests_per_minute"]),
            str(one.get("in_flight", "-")),
            str(one["invocation_times"]),
            str(one["failed_times"]),
            _seconds(one.get("p50_seconds")),
            _seconds(one.get("p99_seconds")),
        )
    disk = found.get("disk")
    if not isinstance(disk, dict) or not disk.get("size_bytes"):
        return grid
    free, size = int(disk["free_bytes"]), int(disk["size_bytes"])
    return Group(grid, "", f"disk: {views.size(free)} of {views.size(size)} free")


def _of(one: Json, name: str, unit: str) -> str:
    used, allowed = float(str(one[name])), float(str(one[f"{name}_allowed"]))
    return f"{used:.4g}/{allowed:.6g}{unit}" if allowed else f"{used:.4g}{unit}"


def _seconds(value: object) -> str:
    if value is None:
        return "-"
    seconds = float(str(value))
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def disk(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show what takes the disk of the data directory, by what uses it."""
    with connect(data_dir) as yard:
        found = yard.admin.disk()
    used = found.get("used")
    uses = used if isinstance(used, dict) else {}
    ordered_uses = sorted(uses.items(), key=lambda one: -int(str(one[1])))
    facts = [(name, views.size(int(str(size)))) for name, size in ordered_uses]
    facts += [
        ("together", views.size(int(str(found.get("total_bytes", 0))))),
        ("free", views.size(int(str(found.get("free_bytes", 0))))),
    ]
    print_answer(found, views.facts(facts), as_json=as_json)


def clean(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing, say what would be.")] = False,
    yes: Yes = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Remove what nothing uses: packages, environments, stale uploads, old copies of the database."""
    with connect(data_dir) as yard:
        found = yard.admin.clean(dry_run=True)
        what = rows(found, "removed")
        if dry_run or not what:
            print_answer(found, _unneeded(found), as_json=as_json)
            return
        if not as_json:
            show(_unneeded(found), on=errors)
        size = views.size(int(str(found["total_bytes"])))
        confirm_deletion(f"{len(what)} things that nothing uses, {size}", yes)
        gone = yard.admin.clean(dry_run=False)
    if as_json:
        print_json(gone)
    else:
        typer.echo(f"removed {gone.get('count', 0)}, {views.size(int(str(gone.get('total_bytes', 0))))}")
        if held := rows(gone, "held"):
            size = views.size(sum(int(str(one.get("size_bytes", 0))) for one in held))
            errors.print(f"{len(held)} stayed, {size}: a backup is being made. Try again when it is done.")


def _unneeded(found: Json) -> RenderableType:
    what = rows(found, "removed")
    if not what:
        return "nothing is left that nothing uses"
    grid = views.table("KIND", "NAME", "SIZE")
    for one in what:
        grid.add_row(str(one["kind"]), str(one["name"]), views.size(int(str(one["size_bytes"]))))
    return Group(grid, "", f"together {views.size(int(str(found.get('total_bytes', 0))))}")


def register(app: typer.Typer, admin: typer.Typer) -> None:
    """Add `top` to `modelyard`, the others to `modelyard admin`."""
    app.command()(top)
    admin.command()(disk)
    admin.command()(clean)
