"""The two ways in which things go wrong that someone outside must be told about."""

import json


class LoadError(Exception):
    """The model cannot be served. The text is one line that its author can act on."""


class RequestError(Exception):
    """The caller is answered `status` with `code` and `message`, in the shape of contract §1.2."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> bytes:
        return error_body(self.code, self.message)


def overloaded() -> RequestError:
    """More waits than can be answered in time."""
    message = "The model has more to answer than it can within the time limit. Try again later."
    return RequestError(503, "ModelArts.4302", message)


def too_late() -> RequestError:
    """It waited longer than its caller does, and is not run."""
    return RequestError(504, "ModelArts.4503", "The model did not come to this request within the time limit.")


def error_body(code: str, message: str) -> bytes:
    return json.dumps({"error_code": code, "error_msg": message, "message": message}).encode()


def bad_input(message: str) -> RequestError:
    return RequestError(400, "ModelArts.4105", f"Incorrect JSON format of the input data. {message}")
