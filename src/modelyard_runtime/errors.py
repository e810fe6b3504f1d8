"""The ways in which things go wrong that someone outside must be told about."""

import json
import re

from model_service import BadRequest

_MOST_TOLD = 1000
_PLACE = re.compile(r"^\[[\d:. -]+\]\s*\S+:\d+:\s*")  # how native libraries begin: [12:00:00] file.cc:12:
_PATH = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?(?:[\\/][\w.@+~-]+){2,}[\\/]?")
_TRACE = re.compile(r"\s*(?:Stack trace:|Traceback \(most recent call last\):).*", re.DOTALL)


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


def refusal_of(error: BaseException) -> RequestError | None:
    """What the caller is told of an exception that is about the request; None when it is the model's failure."""
    if isinstance(error, RequestError):
        return error
    if isinstance(error, BadRequest):
        return RequestError(400, "ModelArts.4204", str(error)[:_MOST_TOLD] or "The model refuses this input.")
    return None


def input_refused(error: BaseException) -> RequestError:
    """What a library says about the values that it was given, in its own words: no traces, no paths, one line."""
    text = _TRACE.sub("", _PLACE.sub("", str(error)))
    text = " ".join(_PATH.sub("…", text).split())
    return bad_input(f"The model refuses these values: {text[:_MOST_TOLD]}")


# A model needs a library that is not there: what its author must write, and where.

PACKAGES = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "xgboost": "xgboost-cpu",
    "yaml": "pyyaml",
}
"""Packages whose name is not that of the module. (The package xgboost is xgboost-cpu with CUDA of some 300 MB.)"""


def needs(subject: str, module: str) -> str:
    """That `subject` needs `module`, and what to do about it."""
    return f"{subject} needs {module}, which is not installed: {hint(module)}"


def hint(module: str) -> str:
    """What to add to config.json so that the server installs a module."""
    root = module.split(".", maxsplit=1)[0]
    entry = [{"installer": "pip", "packages": [{"package_name": PACKAGES.get(root, root)}]}]
    return f'add it to config.json: "dependencies": {json.dumps(entry)}'
