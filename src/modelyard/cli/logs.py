"""`modelyard logs SERVICE`: what its instances wrote, and with `-f` what they write.

What a model writes is shown as text: characters that a terminal would take for a command are spelled out.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated
from zlib import crc32

import typer
from rich.text import Text

from modelyard.cli.context import DataDir, ServiceKey, connect, console, errors
from modelyard.client import ApiError, Client, LogFilter, LogLine

DEFAULT_LINES = 1000
PAGE = 1000
GATEWAY = "gateway"
NOT_FOUND = 404
WAIT_S, WAITS = 0.5, 12
"""How long the trace of a call that just failed is waited for: it is collected a moment later."""
Show = Callable[[LogLine], None]
COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta")


def logs(
    service: ServiceKey,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    instance: Annotated[str, typer.Option(metavar="ID", help="Only of this instance.")] = "",
    revision: Annotated[int | None, typer.Option(metavar="NUMBER", help="Only of this revision.")] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Not older: so long ago (90s, 10m, 2h, 7d), ISO 8601, or milliseconds."),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Not newer; as --since.")] = None,
    grep: Annotated[
        list[str] | None,
        typer.Option(metavar="WORD", help="Only lines with this, regardless of case; repeat for several."),
    ] = None,
    reference: Annotated[
        str, typer.Option(metavar="ID", help="Only what belongs to a failed call: the reference in its error.")
    ] = "",
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="LINES",
            min=1,
            max=1_000_000,
            help="The newest so many.",
            show_default="1000, or all since --since",
        ),
    ] = None,
    access: Annotated[
        bool, typer.Option("--access", help="Only what the gateway tells of calls, if its access log is on.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each line as one JSON object, as the server has it.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Show what the instances of a service wrote, the oldest line first; also of instances that are gone, and, by
    its id, of a service that was deleted."""
    if access and instance:
        raise typer.BadParameter("give --access or --instance, not both")
    wanted = LogFilter(
        since=since,
        until=until,
        instance=GATEWAY if access else instance,
        revision=revision,
        words=tuple(grep or ()),
        reference=reference,
    )
    show = _as_json if as_json else _plain if not console.is_terminal else _coloured
    try:
        with connect(data_dir) as yard:
            service_id = _id(yard, service)
            if follow:
                _follow(yard, service_id, wanted, limit, show)
            else:
                _print(yard, service_id, wanted, limit, show)
    except BrokenPipeError:  # whoever read has seen enough: `modelyard logs … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _id(yard: Client, key: str) -> str:
    """Also of a service that was deleted, whose lines its id finds."""
    try:
        return yard.services.find(key).service_id
    except ApiError as error:
        if error.status != NOT_FOUND or "/" in key:
            raise
        try:
            yard.services.logs(key, limit=1)
        except ApiError:
            raise error from None
        return key


def _follow(yard: Client, service_id: str, wanted: LogFilter, limit: int | None, show: Show) -> None:
    tail = limit if limit is not None or wanted.since is not None else DEFAULT_LINES
    for line in yard.services.follow(service_id, wanted, tail=tail, told=_note):
        show(line)


def _print(yard: Client, service_id: str, wanted: LogFilter, limit: int | None, show: Show) -> None:
    if limit is None and wanted.since is not None:
        for line in _since(yard, service_id, wanted):
            show(line)
        return
    lines, newest = yard.services.newest_logs(service_id, wanted, count=limit or DEFAULT_LINES)
    for _ in range(WAITS if wanted.reference and not lines else 0):
        yard.session.pause(WAIT_S)
        lines, newest = yard.services.newest_logs(service_id, wanted, count=limit or DEFAULT_LINES)
        if lines:
            break
    for line in lines:
        show(line)
    if newest.more:
        _note("there are earlier lines: --limit or --since shows them")
    elif newest.kept.cut_lines:
        _note(f"{newest.kept.cut_lines} earlier lines were cut: too many, or too old")
    if not lines:
        _note("no line was found")


def _since(yard: Client, service_id: str, wanted: LogFilter) -> Iterator[LogLine]:
    after: int | None = None
    while True:
        page = yard.services.logs(service_id, wanted, after=after, limit=PAGE)
        yield from page.lines
        if not page.more:
            return
        after = page.newer


def _note(text: str) -> None:
    errors.print(Text(f"-- {text}", style="dim"))


def _as_json(line: LogLine) -> None:
    _write(json.dumps(line.raw))


def _plain(line: LogLine) -> None:
    _write(f"{_when(line)} {_who(line)} {_text(line)}")


def _coloured(line: LogLine) -> None:
    colour = COLOURS[crc32(line.instance.encode()) % len(COLOURS)]
    shown = Text.assemble((f"{_when(line)} ", "dim"), (f"{_who(line)} ", colour), _text(line))
    console.print(shown, soft_wrap=True)


def _write(text: str) -> None:
    console.file.write(text + "\n")
    console.file.flush()


def _when(line: LogLine) -> str:
    at = datetime.fromtimestamp(line.time / 1000, UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}"


def _who(line: LogLine) -> str:
    """An instance by the beginning of its id, and the revision that it is of."""
    short = harmless(line.instance[:8])
    return f"{short} r{line.revision}" if line.revision else short


def _text(line: LogLine) -> str:
    cut = f" … {line.cut} characters cut" if line.cut else ""
    return harmless(line.text) + cut


def harmless(text: str) -> str:
    """With nothing in it that a terminal would obey, or that turns the order of what is read around.

    >>> harmless("\x1b[2Jred\r\x07 a\tb \u202e")
    '\\x1b[2Jred\\x0d\\x07 a\tb \\u202e'
    """
    if text.isprintable():
        return text
    return "".join(map(_spelled, text))


def _spelled(one: str) -> str:
    if one.isprintable() or one == "\t":
        return one
    if one.isspace() and ord(one) > 0xA0:  # a space of some width
        return " "
    code = ord(one)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
