"""Exit codes, and how a failure is told: what happened, then what to do next."""

from enum import IntEnum

from modelyard.client import (
    ApiError,
    ClientError,
    NotConfigured,
    OperationFailed,
    UnknownName,
    Unreachable,
    WaitTimeout,
)


class Exit(IntEnum):
    """What the process ends with. 2 is Typer's own, for a command line it cannot read."""

    OK = 0
    FAILED = 1
    REFUSED = 3
    NOT_FOUND = 4
    NOT_ALLOWED = 5
    UNREACHABLE = 6
    STILL_WAITING = 7


class BadFileError(ClientError):
    """A file cannot be used: each line of the message names the line of the file and the key."""


def exit_code(error: ClientError) -> Exit:
    """The exit code that a script can tell this failure by."""
    match error:
        case ApiError(status=404) | UnknownName():
            return Exit.NOT_FOUND
        case ApiError(status=401 | 403):
            return Exit.NOT_ALLOWED
        case ApiError() | BadFileError():
            return Exit.REFUSED
        case Unreachable() | NotConfigured():
            return Exit.UNREACHABLE
        case WaitTimeout():
            return Exit.STILL_WAITING
        case _:
            return Exit.FAILED


def advice(error: ClientError) -> str:
    """What to do next, "" when the message says all there is."""
    match error:
        case NotConfigured():
            return (
                "Start a server with `modelyard up`, name its data directory with --data-dir, "
                "or set OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME."
            )
        case Unreachable():
            return "Is it running? `modelyard up` starts it; `modelyard status` tells what answers."
        case ApiError(status=401):
            return 'Wrong user or password, or an old environment: try eval "$(modelyard env)".'
        case ApiError(status=403):
            return "This user may not do that in this project: an administrator can grant a role."
        case ApiError(status=404):
            return "`modelyard services list` and `modelyard models list` show what there is."
        case ApiError(status=status, request_id=request_id) if status >= 500 and request_id:
            return f"The server's log has more under request {request_id}."
        case OperationFailed():
            return "`modelyard services events SERVICE` and `… logs SERVICE` show what happened."
        case WaitTimeout():
            return "It goes on in the background: `modelyard services wait SERVICE` waits again."
        case _:
            return ""
