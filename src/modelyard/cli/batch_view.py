"""How a task of a batch service is shown: a live line on a terminal, one line per change elsewhere."""

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from modelyard.cli import views
from modelyard.cli.context import errors
from modelyard.client import FailedRow, Service
from modelyard.client.status import ENDED


def line(service: Service) -> str:
    """How far it is, in one line.

    >>> from modelyard.client import Task
    >>> task = Task(task_id="t", number=1, state="active", planned=True, rows=100, rows_done=40, rows_failed=2)
    >>> line(Service(service_id="s", service_name="jobs", status="running", batch=task))
    'running: 42 of 100 rows, 2 FAILED'
    """
    task = service.batch
    if task is None:
        return service.status
    tried = task.rows_done + task.rows_failed
    parts = [f"{tried:,} of {task.rows:,}{'' if task.planned else ' or more'} rows"]
    if not (task.planned or task.rows):
        parts = ["its input is being counted"]
    if task.rows_failed:
        parts.append(f"{task.rows_failed:,} FAILED")
    if task.sources_failed:
        parts.append(f"{task.sources_failed:,} of {task.sources:,} files could not be read")
    if task.rows_per_second:
        parts.append(f"{task.rows_per_second:,.0f} rows/s")
    if task.seconds_left is not None:
        parts.append(f"{duration(task.seconds_left)} left")
    if task.waiting:
        parts.append(f"waits: {task.waiting}")
    return f"{service.status}: {', '.join(parts)}"


def duration(seconds: float) -> str:
    """
    >>> duration(7), duration(90), duration(7300)
    ('7 s', '1 min 30 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def percent(service: Service) -> float:
    task = service.batch
    if service.status == "finished":
        return 100
    return 100 * (task.rows_done + task.rows_failed) / task.rows if task is not None and task.rows else 0


def followed(seen: Iterator[Service]) -> Service | None:
    """The service once it does not work any more, its progress shown on the way; None: it was deleted."""
    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.fields[name]}"),
        BarColumn(bar_width=24),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        shown: TaskID | None = None
        said = ""
        for service in seen:
            if shown is None:
                shown = bar.add_task("…", total=100, name=service.service_name)
            told = line(service)
            bar.update(shown, description=told, completed=percent(service))
            if not errors.is_terminal and told != said:
                errors.print(Text(f"{service.service_name} {told}"))
            said = told
            if service.status in ENDED:
                return service
    return None


def task(service: Service) -> RenderableType:
    """The newest task of a service."""
    one = service.batch
    if one is None:
        return views.facts((("name", service.service_name), ("status", views.status(service.status))))
    rate = f"{one.rows_per_second:,.1f} rows/s" if one.rows_per_second else ""
    left = duration(one.seconds_left) if one.seconds_left is not None else ""
    return views.facts(
        (
            ("name", service.service_name),
            ("status", views.status(service.status)),
            ("task", f"{one.number} ({one.task_id}), {one.state}"),
            ("rows", f"{one.rows:,}" if one.planned else f"{one.rows:,} so far"),
            ("successful", f"{one.rows_done:,}"),
            ("failed", f"{one.rows_failed:,}"),
            ("files", f"{one.sources:,}"),
            ("unreadable files", f"{one.sources_failed:,}" if one.sources_failed else ""),
            ("rate", rate),
            ("time left", left),
            ("retries", str(one.retries) if one.retries else ""),
            ("began", views.when(one.started_at)),
            ("ended", views.when(one.finished_at)),
            ("results", one.manifest),
            ("waits", Text(one.waiting, style="yellow") if one.waiting else ""),
            ("error", Text(service.error_msg or one.error, style="red") if service.error_msg or one.error else ""),
        )
    )


def failed(rows: Iterable[FailedRow]) -> RenderableType:
    grid = views.table("SOURCE", "ROW", "ERROR")
    for one in rows:
        grid.add_row(one.source, str(one.row), Text(one.error))
    return grid
