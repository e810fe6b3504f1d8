"""A live line while a service changes: status, share done, instances, time gone by."""

from collections.abc import Callable

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from modelyard.cli.context import errors
from modelyard.client import Service
from modelyard.client.status import Progress as Report


def follow(name: str, wait: Callable[[Report], Service]) -> Service:
    """Run `wait` with a report that moves a progress bar on standard error (plain when it is no terminal)."""
    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.fields[name]}"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("…", total=100, name=name)

        def report(service: Service) -> None:
            done = (
                service.progress if service.progress is not None else (0 if service.status == "deploying" else 100)
            )
            bar.update(task, description=service.status, completed=done)

        return wait(report)
