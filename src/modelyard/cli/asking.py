"""Asking people: only where there is somebody to ask, which is a terminal at both ends of the question."""

import getpass
import sys

import typer

from modelyard.cli.exits import UnconfirmedError


def somebody() -> bool:
    """Whether a question would be seen and could be answered."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _agreed(question: str) -> bool:
    """Ctrl-D is a no; Ctrl-C interrupts, as it does everywhere."""
    try:
        return bool(typer.confirm(question, err=True))
    except typer.Abort as gone:  # the prompt makes this of both
        if isinstance(gone.__context__, EOFError):
            typer.echo(err=True)
            return False
        raise KeyboardInterrupt from None


def confirm_deletion(what: str, yes: bool) -> None:
    """Return if `what` may be deleted; UnconfirmedError if not. Says what would go before it asks.

    `what` is a sentence's end: "model iris/1.0.0 (2.0 KiB), which services use: shop".
    """
    if yes:
        return
    if not somebody():
        raise UnconfirmedError(
            f"this would delete {what}. Nothing was deleted: nobody can be asked here, so say --yes"
        )
    typer.echo(f"This deletes {what}.", err=True)
    if not _agreed("Go on?"):
        raise UnconfirmedError("nothing was deleted")


def asked_secret(question: str) -> str:
    """Asked for without showing what is typed; the first line of standard input where nobody can be asked."""
    return getpass.getpass(question) if somebody() else sys.stdin.readline().rstrip("\n")


def confirm_change(yes: bool) -> None:
    """The same for a change whose plan was shown. Without a terminal a change is made: it can be taken back."""
    if not yes and somebody() and not _agreed("Apply this?"):
        raise UnconfirmedError("nothing was changed")
