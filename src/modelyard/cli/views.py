"""Answers as Rich renderables. Pure: values in, something to print out (on a console without markup)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from modelyard.client.records import Event, Json, Model, Service, UpdateRecord, Variant

COLOURS = {
    "running": "green",
    "published": "green",
    "finished": "green",
    "SUCCESS": "green",
    "normal": "green",
    "deploying": "cyan",
    "publishing": "cyan",
    "RUNNING": "cyan",
    "concerning": "yellow",
    "pending": "yellow",
    "waiting": "yellow",
    "failed": "red",
    "FAIL": "red",
    "abnormal": "red",
}


def status(word: str) -> Text:
    """A status in its colour; words without one are dim."""
    return Text(word, style=COLOURS.get(word, "dim"))


def when(time_ms: int | None) -> str:
    """A time of the API for people, in UTC; "" for none."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") if time_ms else ""


def size(count: int) -> str:
    """Bytes for people.

    >>> size(512), size(2048)
    ('512 B', '2.0 KiB')
    """
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"


def table(*columns: str) -> Table:
    """Cells that are too wide for a terminal are folded, never cut."""
    rows = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        rows.add_column(column, overflow="fold")
    return rows


def facts(rows: Iterable[tuple[str, RenderableType]]) -> Table:
    """Two columns, name and value; empty values are left out."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(overflow="fold")
    grid.add_column(overflow="fold")
    for name, value in rows:
        if value != "":
            grid.add_row(Text(name, style="dim"), value)
    return grid


def split(config: Iterable[Variant]) -> str:
    """Who gets how much: `iris/1.0.0 70 % ×1, iris/1.0.1 30 % ×2`."""
    return ", ".join(f"{model_of(v)} {v.weight} % ×{v.instance_count}" for v in config)


def model_of_names(answer: Mapping[str, object]) -> str:
    """The model that a part of an answer is about: `iris/1.0.0`."""
    name = answer.get("model_name")
    return f"{name}/{answer.get('model_version')}" if name else str(answer.get("model_id", "?"))


def model_of(variant: Variant) -> str:
    return f"{variant.model_name}/{variant.model_version}" if variant.model_name else variant.model_id


def services(listed: Iterable[Service]) -> RenderableType:
    rows = table("NAME", "STATUS", "PROGRESS", "CALLS", "FAILED", "ID")
    for s in listed:
        progress = f"{s.progress} %" if s.status == "deploying" and s.progress is not None else _rows(s)
        rows.add_row(
            s.service_name, status(s.status), progress, str(s.invocation_times), str(s.failed_times), s.service_id
        )
    return rows


def _rows(s: Service) -> str:
    """How far a batch service is."""
    task = s.batch
    if task is None or not task.rows:
        return ""
    return f"{(task.rows_done + task.rows_failed) * 100 // task.rows} %"


def service(s: Service) -> RenderableType:
    about = facts(
        (
            ("name", s.service_name),
            ("id", s.service_id),
            ("status", status(s.status)),
            ("description", s.description),
            ("address", s.access_address),
            ("rows" if s.batch else "calls", f"{s.invocation_times} ({s.failed_times} failed)"),
            ("created", when(s.publish_at)),
            ("updated", when(s.update_time)),
            ("error", Text(s.error_msg, style="red") if s.error_msg else ""),
        )
    )
    rows = table("MODEL", "WEIGHT", "INSTANCES", "SPECIFICATION", "STATUS")
    for v in s.config:
        rows.add_row(model_of(v), str(v.weight), str(v.instance_count), v.specification, status(v.status))
    return Group(about, "", rows) if s.config else about


def models(listed: Iterable[Model]) -> RenderableType:
    rows = table("NAME", "VERSION", "TYPE", "STATUS", "SIZE", "PUBLISHED", "ID")
    for m in listed:
        rows.add_row(
            m.model_name, m.model_version, m.model_type, status(m.model_status), size(m.model_size),
            when(m.create_at), m.model_id,
        )  # fmt: skip
    return rows


def model(m: Model) -> RenderableType:
    return facts(
        (
            ("name", m.model_name),
            ("version", m.model_version),
            ("id", m.model_id),
            ("type", m.model_type),
            ("status", status(m.model_status)),
            ("source", m.source_location),
            ("size", size(m.model_size)),
            ("created", when(m.create_at)),
            ("error", Text(m.error_msg, style="red") if m.error_msg else ""),
        )
    )


def updates(records: Iterable[UpdateRecord]) -> RenderableType:
    rows = table("UPDATE", "RESULT", "WHEN")
    for u in records:
        rows.add_row(str(u.update_time), status(u.result), when(u.update_time))
    return rows


def events(listed: Iterable[Event]) -> RenderableType:
    rows = table("WHEN", "TYPE", "EVENT")
    for e in listed:
        rows.add_row(when(e.occur_time), status(e.event_type), e.event_info)
    return rows


def health(auth_url: str, answer: Json) -> RenderableType:
    """What the control plane says of itself: scalars as they are, objects one level deep."""
    rows: list[tuple[str, RenderableType]] = [("address", auth_url)]
    for name, value in answer.items():
        if isinstance(value, dict):
            rows += [(f"{name} {key}".replace("_", " "), str(inner)) for key, inner in value.items()]
        else:
            rows.append((name.replace("_", " "), str(value)))
    return facts(rows)


def plain(rows: Iterable[Json], *columns: str) -> RenderableType:
    """One row for each, as the server said it."""
    grid = table(*columns)
    for one in rows:
        grid.add_row(*(_cell(one.get(name)) for name in columns))
    return grid


def named(values: Iterable[Json], projects: Mapping[str, str]) -> list[Json]:
    """The same with projects by name: `project` for `project_id`, and names in `projects`."""
    shown = []
    for one in values:
        key, several = str(one.get("project_id") or ""), one.get("projects")
        more: Json = {"project": projects.get(key, key)}
        if isinstance(several, list):
            more["projects"] = [projects.get(str(each), str(each)) for each in several]
        shown.append({**one, **more})
    return shown


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
