"""What a call of the client can end in, other than an answer."""


class ClientError(Exception):
    """Base of everything that the client raises on purpose."""


class NotConfigured(ClientError):
    """There are no usable credentials: the message says where they were looked for."""


class Unreachable(ClientError):
    """No answer came: nothing listens there, the connection broke, or the time was over."""


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
    """A name that nothing has, or several things."""


class OperationFailed(ClientError):
    """What was waited for ended badly (a deployment failed, an update was rolled back). Says why."""


class WaitTimeout(ClientError):
    """What was waited for has not ended yet. It goes on; waiting again is safe."""
