"""`modelyard admin audit`: who did what to what, when, from where, and what was answered."""

import re
import time
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import RenderableType

from modelyard.cli import views
from modelyard.cli.context import AsJson, DataDir, connect, errors, print_answer, show
from modelyard.client import Client, Unreachable
from modelyard.client.records import Json

EVERY_S = 1.0
AT_ONCE = 1000
SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

Since = Annotated[
    str | None, typer.Option("--since", metavar="WHEN", help="15m, 6h, 30d ago; or a UTC time, 2026-01-31T12:00.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="As --since.")]


def audit(
    *,
    user: Annotated[str | None, typer.Option("--user", help="Name or id of who did it.")] = None,
    action: Annotated[str | None, typer.Option("--action", help="A part of the action, such as PUT.")] = None,
    resource: Annotated[
        str | None, typer.Option("--resource", help="A part of what it was done to: an id, a name.")
    ] = None,
    outcome: Annotated[str | None, typer.Option("--outcome", help="done, refused, failed or begun.")] = None,
    no_logins: Annotated[
        bool, typer.Option("--no-logins", help="Leave out logins that succeeded; those refused stay.")
    ] = False,
    since: Since = None,
    until: Until = None,
    project: Annotated[
        bool, typer.Option("--project-only", help="Only this project; for its admins. Otherwise the installation.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="So many, the newest (with --after the oldest).")
    ] = 50,
    after: Annotated[
        int | None,
        typer.Option(
            "--after", metavar="NUMBER", min=0, help="The first ones after this one, to go on with a copy."
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Then go on with what comes.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Tell who did what: changes, logins, and what was refused."""
    said = {"user": user, "action": action, "resource": resource, "outcome": outcome}
    asked: dict[str, str | int] = {name: value for name, value in said.items() if value is not None}
    asked |= {name: _when(text) for name, text in (("since", since), ("until", until)) if text is not None}
    if no_logins:
        asked["logins"] = "false"
    if after is not None:
        asked |= {"after": after, "order": "asc"}
    with connect(data_dir) as yard:
        found = yard.admin.audit(everywhere=not project, limit=limit, **asked)
        if after is None:
            found.reverse()
        if not follow:
            print_answer(found, rows(found), as_json=as_json)
            return
        _follow(yard, found, asked, everywhere=not project, as_json=as_json)


def _follow(
    yard: Client, found: list[Json], asked: dict[str, str | int], *, everywhere: bool, as_json: bool
) -> None:
    """One line for each; as JSON, one object a line. A server that is away is asked again until it is back, and no
    row is missed."""
    last, away = max((int(str(one["number"])) for one in found), default=int(asked.get("after", 0))), False
    while True:
        for one in found:
            if as_json:
                import msgspec

                typer.echo(msgspec.json.encode(one).decode())
            else:
                show(line(one))
        if len(found) < AT_ONCE:
            time.sleep(EVERY_S)
        again = {**asked, "after": last, "order": "asc", "limit": AT_ONCE}
        try:
            found = yard.admin.audit(everywhere=everywhere, **again)
        except Unreachable as error:
            if not away:
                errors.print(f"the server is away, it is asked again after number {last}: {error}")
            found, away = [], True
            continue
        if away:
            errors.print("the server is back")
        away = False
        last = max((int(str(one["number"])) for one in found), default=last)


def rows(found: list[Json]) -> RenderableType:
    grid = views.table("WHEN", "WHO", "ACTION", "TO WHAT", "ANSWER", "FROM", "REQUEST")
    for one in found:
        grid.add_row(*_cells(one))
    return grid


def line(one: Json) -> str:
    return "  ".join(cell for cell in _cells(one) if cell)


def _cells(one: Json) -> tuple[str, ...]:
    what = str(one.get("resource", ""))
    if name := one.get("resource_name"):
        what = f"{what} ({name})".lstrip()
    status, code = one.get("status", ""), str(one.get("error_code", "")).removeprefix("ModelArts.")
    answer = " ".join(str(part) for part in (one["outcome"], status, code) if part)
    if int(str(one.get("times", 1))) > 1:
        answer += f", {one['times']} times"
    who = str(one.get("user_name", "")) or "nobody known"
    if not one.get("user_id") and one.get("user_name") and one.get("authenticated_by") != "local":
        who += "?"
    when = views.when(int(str(one["occur_time"])))
    return (
        when,
        who,
        str(one["action"]).replace("/v1/{project_id}/", "").replace("/v1/modelyard/admin/", "admin "),
        what,
        answer,
        str(one.get("address", "")),
        str(one.get("request_id", ""))[:12],
    )


def _when(text: str, now: float | None = None) -> int:
    """Milliseconds since 1970 UTC."""
    if span := re.fullmatch(r"(\d{1,9})([smhd])", text):
        return int(((time.time() if now is None else now) - int(span[1]) * SPANS[span[2]]) * 1000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a time (2026-01-31T12:00) nor a span (15m, 6h, 30d)"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
