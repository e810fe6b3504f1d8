"""`--profile` on every command that speaks to a server, added in one place so that none forgets it."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from modelyard.cli.context import Profile, chosen_profile

LOCAL = frozenset({"up", "down"})
"""Commands with --data-dir that are about this machine and speak for nobody."""


def add_profiles(app: typer.Typer) -> None:
    """Give `--profile` to every command below `app` that has `--data-dir`."""
    for command in app.registered_commands:
        if command.callback is not None and _speaks(command.callback):
            command.callback = with_profile(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            add_profiles(group.typer_instance)


def with_profile(command: Callable[..., None]) -> Callable[..., None]:
    """The command with one more option, which counts while it runs."""

    @wraps(command)
    def chosen(*given: Any, profile: str | None = None, **named: Any) -> None:
        before = chosen_profile.set(profile)
        try:
            command(*given, **named)
        finally:
            chosen_profile.reset(before)

    signature = inspect.signature(command)
    option = inspect.Parameter("profile", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Profile)
    chosen.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]
    chosen.__annotations__ = {**command.__annotations__, "profile": Profile}
    return chosen


def _speaks(command: Callable[..., None]) -> bool:
    parameters = inspect.signature(command).parameters
    return "data_dir" in parameters and "profile" not in parameters and command.__name__ not in LOCAL
