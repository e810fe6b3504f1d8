"""What a call of the client can end in, other than an answer."""

from dataclasses import dataclass
from typing import Literal


class ClientError(Exception):
    """Base of everything that the client raises on purpose."""


class NotConfigured(ClientError):
    """There are no usable credentials: the message says where they were looked for."""


class UnusableFile(ClientError):
    """A file of certificates cannot be read, or holds none: the message names it."""


class LoggedOut(ClientError):
    """The token has ended, and there is no password to get another with."""


class Unreachable(ClientError):
    """No answer came: nothing listens there, the connection broke, or the time was over."""


class Unresolved(Unreachable):
    """The name in the address is one that nobody knows here."""


class Untrusted(Unreachable):
    """A server answered, and its certificate is not believed: nothing was sent to it."""


class Unanswered(Unreachable):
    """The request was sent and no answer came, or not all of it. What it asks for may have been done."""


class Away(Unanswered):
    """A proxy answered in the place of the server, which did not: it starts anew, or takes too long."""


class ApiError(ClientError):
    """The server answered, and the answer is no.

    `code` is the contract's (`ModelArts.3502`), or "" when the answer was not in the API's shape; `request_id`
    names the request in the server's log. `details`: (field, what is wrong with it) of each broken rule.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        request_id: str = "",
        details: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.details = details


class UnknownName(ClientError):
    """A name that nothing has, or that several things have."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What was waited for: a thing by its kind and the name that people call it by."""

    kind: Literal["service", "model", "deletion"]
    name: str


class OperationFailed(ClientError):
    """What was waited for ended badly (a deployment failed, an update was rolled back). Says why."""

    def __init__(self, message: str, subject: Subject | None = None) -> None:
        super().__init__(message)
        self.subject = subject


class WaitTimeout(ClientError):
    """What was waited for has not ended yet. It goes on; waiting again is safe."""

    def __init__(self, message: str, subject: Subject | None = None) -> None:
        super().__init__(message)
        self.subject = subject
