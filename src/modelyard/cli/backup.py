"""`modelyard backup`, `modelyard restore`: on the machine of the server, also while it runs, and without it."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelyard.cli import views
from modelyard.cli.context import AsJson, DataDir, data_directory, print_json, show
from modelyard.cli.exits import Exit

if TYPE_CHECKING:
    from modelyard.backup.layout import About, Totals
    from modelyard.settings import Settings

Passphrase = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="PATH",
        help="A file whose first line the backup is sealed with. Without it nobody can read the backup.",
    ),
]
TOLD_EVERY_S = 0.5


def backup(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The backup; - writes it to standard output.")],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Make none: read this one to its end and tell what is in it.")
    ] = False,
    without_objects: Annotated[
        bool,
        typer.Option("--without-objects", help="List the objects (names, sizes, sha256) instead of keeping them."),
    ] = False,
    with_logs: Annotated[bool, typer.Option("--with-logs", help="Keep what instances wrote, too.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a file that is there.")] = False,
    passphrase_file: Passphrase = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Back up a data directory into one file, while the server runs or not.

    The file holds the keys and the first user's password: whoever reads it can sign tokens. Keep it as secret as
    the data directory, or seal it with --passphrase-file.
    """
    with _failures(), _ending(), _telling() as say:
        from modelyard.backup import checking, filling, taking
        from modelyard.backup.layout import BackupError
        from modelyard.backup.sealing import passphrase

        secret = passphrase(passphrase_file) if passphrase_file else None
        if check:
            if without_objects or with_logs or replace:
                raise typer.BadParameter("--check makes no backup: leave the options of one out")
            with checking.opened(Path(file), secret) as one:
                checked = checking.check(one, one.whole(say), say)
            _tell(checked.about, checked.totals, checked.size, as_json=as_json)
            if not as_json:
                typer.echo(f"{file} is whole: everything in it was read and is as it was when the backup was made")
            return
        if file == "-" and (replace or as_json):
            raise typer.BadParameter("-: leave --replace and --json out, standard output has the backup itself")
        if file == "-" and sys.stdout.isatty():
            raise BackupError("standard output is a terminal: name a file, or a pipe")
        options = filling.Options(not without_objects, with_logs, secret, replace)
        taken = taking.take(_settings(data_dir), None if file == "-" else Path(file).absolute(), options, say)
        for name in taken.odd:
            typer.echo(f"left out: {name}", err=True)
        if file == "-":
            for name in taken.about.missing:
                typer.echo(f"was missing: {name}", err=True)
        else:
            _tell(taken.about, taken.totals, taken.bytes, as_json=as_json)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    *,
    passphrase_file: Passphrase = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a data directory of a backup, where none is. Nothing is started: `modelyard up` does that.

    The backup is read to its end first; one that is damaged changes nothing. With MODELYARD_DATABASE_URL what is
    stored goes into that database, which must be empty, wherever it was stored before.
    """
    with _failures(), _ending(), _telling() as say:
        from modelyard.backup import checking, restoring
        from modelyard.backup.sealing import passphrase

        secret = passphrase(passphrase_file) if passphrase_file else None
        settings = _settings(data_dir)
        with checking.opened(file, secret) as one:
            checked = restoring.restore(settings, one, say)
        _tell(checked.about, checked.totals, checked.size, as_json=as_json)
        if not as_json:
            typer.echo(f"restored; start it: modelyard up --data-dir {settings.data_dir}")


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    app.command()(backup)
    app.command()(restore)


def _settings(data_dir: Path | None) -> "Settings":
    from modelyard.settings import SettingsError, settings

    try:
        return settings({"data_dir": data_directory(data_dir)})
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error


def _tell(about: "About", totals: "Totals", size: int, *, as_json: bool) -> None:
    """What a backup holds: kinds, counts and sizes, no names of keys and no values."""
    made = datetime.fromtimestamp(about.made_ms / 1000, UTC)
    if as_json:
        kept = {**asdict(about), "contents": totals.shown(), "bytes": size}
        print_json(kept)
        return
    rows = [
        ("made at", f"{made:%Y-%m-%d %H:%M:%S} UTC"),
        ("release, schema", f"{about.release}, {about.schema}"),
        ("installation", about.installation),
        ("stored in", about.database),
        *(
            (kind, f"{_files(each['files'])}, {views.size(each['bytes'])}")
            for kind, each in totals.shown().items()
        ),
        ("contents of objects", about.objects),
        *(("elsewhere", where) for where in about.elsewhere),
        *(("was missing", name) for name in about.missing),
        ("the file", views.size(size)),
    ]
    show(views.facts(rows))


def _files(count: int) -> str:
    """
    >>> _files(1), _files(2)
    ('1 file', '2 files')
    """
    return f"{count} {'file' if count == 1 else 'files'}"


@contextmanager
def _ending() -> Iterator[None]:
    """SIGTERM and SIGHUP end what is under way as Ctrl-C does: what was begun is removed first. One that
    is ignored (`nohup`) stays so."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    heard = [which for which in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(which) != signal.SIG_IGN]
    before = {which: signal.signal(which, end) for which in heard}
    try:
        yield
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


@contextmanager
def _failures() -> Iterator[None]:
    """What is in the way, in a sentence."""
    from modelyard.backup.layout import BackupError

    try:
        yield
    except BackupError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(Exit.REFUSED) from None
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
        typer.echo(f"error: {what}", err=True)
        raise typer.Exit(Exit.FAILED) from None


@contextmanager
def _telling() -> Iterator[Callable[[str], None]]:
    """What is going on, on a terminal: one line that is written over."""
    told = [0.0]
    shown = sys.stderr.isatty()

    def say(text: str) -> None:
        now = time.monotonic()
        if shown and now - told[0] >= TOLD_EVERY_S:
            told[0] = now
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    try:
        yield say
    finally:
        if shown and told[0]:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
