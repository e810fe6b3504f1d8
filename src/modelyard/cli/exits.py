"""Exit codes, and how a failure is told: what happened, then what to do next."""

import re
from enum import IntEnum
from pathlib import Path

from modelyard.client import (
    ApiError,
    ClientError,
    LoggedOut,
    NotConfigured,
    OperationFailed,
    Unanswered,
    UnknownName,
    Unreachable,
    Unresolved,
    Untrusted,
    UnusableFile,
    WaitTimeout,
)
from modelyard.client.errors import Subject


class Exit(IntEnum):
    """What the process ends with. 2 is Typer's own, for a command line it cannot read."""

    OK = 0
    FAILED = 1
    REFUSED = 3
    NOT_FOUND = 4
    NOT_ALLOWED = 5
    UNREACHABLE = 6
    STILL_WAITING = 7
    UNCONFIRMED = 8


MEANINGS = {
    Exit.OK: "done",
    Exit.FAILED: "it was accepted and failed: a deployment, an update that was rolled back, a package",
    2: "the command line cannot be read",
    Exit.REFUSED: "the server refused, or a file or directory cannot be used; nothing changed. `up`, `down`: "
    "another control plane has the data directory",
    Exit.NOT_FOUND: "there is no such thing, or several of the name",
    Exit.NOT_ALLOWED: "wrong user or password, a login that has ended, or not allowed",
    Exit.UNREACHABLE: "no server answers, or nobody is logged in",
    Exit.STILL_WAITING: "not done within `--timeout`; it goes on",
    Exit.UNCONFIRMED: "nothing was done: it needs a yes, and nobody gave one (`--yes` where nobody can be asked)",
    130: "interrupted by Ctrl-C",
}
"""What the reference says of each."""


class BadFileError(ClientError):
    """A file cannot be used: each line of the message names the line of the file and the key."""


class UnconfirmedError(ClientError):
    """What was asked for needs a yes, and there is none."""


def exit_code(error: ClientError) -> Exit:
    """The exit code that a script can tell this failure by."""
    match error:
        case ApiError(status=404) | UnknownName():
            return Exit.NOT_FOUND
        case ApiError(status=401 | 403) | LoggedOut():
            return Exit.NOT_ALLOWED
        case ApiError() | BadFileError() | UnusableFile():
            return Exit.REFUSED
        case Unreachable() | NotConfigured():
            return Exit.UNREACHABLE
        case WaitTimeout():
            return Exit.STILL_WAITING
        case UnconfirmedError():
            return Exit.UNCONFIRMED
        case _:
            return Exit.FAILED


def advice(error: ClientError, data_dir: Path | None = None, called: str = "") -> str:
    """What to do next, "" when the message says all there is. A command between backticks is one that works.

    `data_dir`: the one whose password was used, if one was. `called`: the service that was called, as the command
    line names it.
    """
    match error:
        case ApiError(status=401, code=code) if code == NO_SUCH_LOGIN and data_dir is not None:
            return (
                f"The password is that of {data_dir}: another server than that one answers there, or "
                "the password was changed. Say --data-dir for the server that you mean, or `modelyard login`."
            )
        case NotConfigured():
            return (
                "Start a server with `modelyard up`, name its data directory with --data-dir, "
                "or log in to one with `modelyard login`."
            )
        case LoggedOut():
            return "`modelyard login` logs in again."
        case Unreachable():
            return _after_silence(error)
        case UnknownName():
            return _there_is(str(error))
        case ApiError(code=code, status=500) if code == MODEL_FAILED:
            return trace_advice(error.message, called)
        case ApiError():
            return _after_refusal(error)
        case OperationFailed(subject=Subject() as subject):
            return _after_failure(subject)
        case WaitTimeout(subject=Subject() as subject):
            return f"It goes on in the background: {_waiting(subject)}"
        case _:
            return ""


THERE_IS = "`modelyard services list`, `modelyard models list` and `modelyard objects ls` show what there is."
LISTED = {
    "service": "`modelyard services list` shows the services.",
    "revision": "`modelyard services revisions SERVICE` shows the revisions.",
    "model": "`modelyard models list` shows the models.",
    "object": "`modelyard objects ls` shows what there is.",
    "bucket": "`modelyard objects ls` shows the buckets; for an administrator, `modelyard admin buckets list`.",
    "topic": "`modelyard topics ls` shows the topics.",
    "subscription": "`modelyard topics ls TOPIC` shows the subscriptions of a topic.",
    "message": "`modelyard topics deliveries` shows what became of messages, with their ids.",
    "project": "`modelyard admin projects list` shows the projects.",
    "user": "`modelyard admin users list` shows the users.",
    "credential": "`modelyard admin keys list USER` shows the access keys of a user.",
    "flavor": "`modelyard admin flavors list` shows the flavors.",
    "pool": "`modelyard admin pools list` shows the pools.",
}
"""Where those things are shown that can be missing, by the word that messages have for one."""
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
KIND = re.compile(rf"\b({'|'.join(LISTED)})s?\b")
INTERNAL = "ModelArts.0010"
MODEL_FAILED = "ModelArts.4204"
REFERENCE = re.compile(r"\breference ([0-9A-Za-z][\w.-]{0,62}\w)")
NO_SUCH_LOGIN = "ModelArts.4122"


def trace_advice(message: str, called: str) -> str:
    """Where the trace is of a call that a model failed to answer."""
    found = REFERENCE.search(message)
    if found is None:
        return ""
    if not called:
        return "The logs of the service have the trace, under this reference."
    return f"`modelyard logs {called} --reference {found[1]}` shows the trace."


def _after_silence(error: Unreachable) -> str:
    match error:
        case Unanswered():
            return "What was asked may still be done, or be done already: `modelyard status` tells what answers."
        case Untrusted():
            return (
                "If it is one of a CA of your own, name a file with the certificates of that CA: "
                "`modelyard login --ca-file FILE`, or OS_CACERT=FILE in the environment."
            )
        case Unresolved():
            return "Look at the address for a slip, and at what resolves names on this machine."
        case _:
            return (
                "Models that are deployed may answer all the same: `modelyard status` tells what runs here. "
                "`modelyard up` starts a server and takes it over, `modelyard down` ends it."
            )


def _there_is(message: str) -> str:
    """What shows things of the kind that the message says is missing: the first it names, outside of quotes."""
    kind = KIND.search(QUOTED.sub("", message).lower())
    return LISTED[kind[1]] if kind else THERE_IS


def _after_refusal(error: ApiError) -> str:
    if error.status == 401 and error.code == NO_SUCH_LOGIN:
        return "Check user and password; `modelyard login` asks for both. An administrator can set a new password."
    if error.status == 401:
        return "The login has ended, or was revoked: `modelyard login`."
    if error.status == 403:
        return "`modelyard whoami` tells user, project and roles; an administrator can grant another role."
    if error.status == 404:
        return _there_is(error.message)
    if error.status == 500 and error.code == INTERNAL and error.request_id:
        return f"The server's log, which `modelyard up` prints, has more under request {error.request_id}."
    if error.status == 503:
        return "`modelyard status` tells what answers, and how each service is."
    return ""


def _after_failure(subject: Subject) -> str:
    if subject.kind == "model":
        return f"`modelyard models show {subject.name}` keeps the cause; `modelyard check PACKAGE_DIR` finds it."
    return f"`modelyard services events {subject.name}` and `modelyard services logs {subject.name}` tell more."


def _waiting(subject: Subject) -> str:
    if subject.kind == "deletion":
        return "`modelyard services list` shows what is still there."
    return f"`modelyard {subject.kind}s wait {subject.name}` waits again."
