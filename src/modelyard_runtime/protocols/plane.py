"""The one way of a request through the model, whatever its protocol, its transport and its executor.

    body ─decode─▶ Asked(item, call) ─call─▶ result ─encode─▶ Reply

A protocol knows the first and the last step; an executor decides where the one between runs, alone or shared with
other requests. Nothing here raises: what goes wrong on the way is a reply of the protocol, too.
"""

import re
import time
import traceback
import uuid
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from modelyard_runtime.errors import RequestError
from modelyard_runtime.execution.job import Asked, Call
from modelyard_runtime.execution.sharing import alone
from modelyard_runtime.logs import tell
from modelyard_runtime.model import Model
from modelyard_runtime.protocols.answers import Items
from modelyard_runtime.protocols.values import Unwritable

Header = Callable[[str], str]  # a request header by its lower-case name, "" when it is not there
Failed = Callable[[BaseException], str]  # writes a failure to the log and returns its reference

JSON = ("content-type", "application/json")
_JSON = [JSON]
REFERENCE = "x-modelyard-reference"
_NOTE = "traceparent: "
_PARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_BUSY = [JSON, ("retry-after", "1")]


class Reply(msgspec.Struct, frozen=True, gc=False):
    """`body`: a generator is sent as events (`http.sse`)."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes | Items


class Speaks(Protocol):
    """A protocol in front of one model. Safe to call from several threads."""

    def decode(self, body: bytes, header: Header) -> Asked:
        """Raises RequestError, or whatever the model raises where it takes part in decoding."""

    def encode(self, asked: Asked, result: Any) -> Reply:
        """Raises likewise."""

    def refused(self, error: BaseException) -> Reply:
        """What the caller is told of an exception: about the request, or a failure, which is in the log."""


class Plane:
    """Serves one model by one protocol."""

    def __init__(self, protocol: Speaks) -> None:
        self._protocol = protocol
        self.refused = protocol.refused

    def answer(self, body: bytes, header: Header) -> Reply:
        try:
            asked = self._protocol.decode(body, header)
            return self._protocol.encode(asked, asked.call.one(asked.item))
        except BaseException as error:  # noqa: BLE001 - sys.exit() in a script must not end the server
            return self.refused(noted(error, header))

    async def answer_async(self, body: bytes, header: Header) -> Reply:
        """The same for a model whose steps are coroutines."""
        try:
            asked = self._protocol.decode(body, header)
            return self._protocol.encode(asked, await asked.call.one(asked.item))
        except Exception as error:  # noqa: BLE001 - the one place where the model's errors end
            return self.refused(noted(error, header))

    def decode(self, body: bytes, header: Header) -> Asked | Reply:
        """One request of several that share a call, or at once its answer."""
        try:
            return self._protocol.decode(body, header)
        except BaseException as error:  # noqa: BLE001 - as in `answer`
            return self.refused(error)

    def encode(self, asked: Asked, result: Any) -> Reply:
        """The answer to what `decode` returned, from its share of the result or what went wrong."""
        try:
            if isinstance(result, BaseException):
                raise result
            return self._protocol.encode(asked, result)
        except BaseException as error:  # noqa: BLE001 - as in `answer`
            return self.refused(error)


def noted(error: BaseException, header: Header) -> BaseException:
    """With the trace context of its request, so that whoever has that finds the failure in the log; and without
    that of another one, since the same error may be raised again."""
    try:
        parent = header("traceparent")
    except RequestError:
        parent = ""
    notes = [note for note in getattr(error, "__notes__", ()) if not str(note).startswith(_NOTE)]
    if _PARENT.fullmatch(parent):
        notes.append(f"{_NOTE}{parent}")
    if notes or hasattr(error, "__notes__"):
        error.__notes__ = notes
    return error


def json_reply(status: int, body: bytes) -> Reply:
    return Reply(status, _BUSY if status == 503 else _JSON, body)


def call_of(model: Model) -> Call:
    """The way into a model for whole requests, as scripts and models of rows take them."""
    if model.joint is not None:
        return Call(alone(model.joint), model.joint.predict)
    one = model.predict_async or model.predict
    assert one is not None
    return Call(one)


def asked_of(model: Model, call: Call, data: Any, about: Any) -> Asked:
    """A whole request for `call_of` that model. Raises RequestError, or whatever the model raises."""
    joint = model.joint
    if joint is None:
        return Asked(data, call, 1, about)
    item = joint.prepare(data)
    return Asked(item, call, joint.rows(item), about)


def answer_of(model: Model, asked: Asked, result: Any) -> Any:
    """What the model answers to a whole request."""
    return result if model.joint is None else model.joint.finish(asked.item, result)


def failure(model: str, error: BaseException, failed: Failed) -> tuple[str, str]:
    """The sentence about a failure of the model, whose trace goes to the log, and its reference there."""
    why = f" {error}." if isinstance(error, Unwritable) else ""
    reference = failed(error)
    return f"The model {model} failed to answer.{why} Its log says why: reference {reference}.", reference


def failed_reply(body: bytes, reference: str) -> Reply:
    """The header is for whoever logs calls: it leads from the call to the trace."""
    return Reply(500, [JSON, (REFERENCE, reference)], body)


def reported(error: BaseException) -> str:
    """Writes the trace to the log; the reference that stands beside it there."""
    reference = uuid.uuid4().hex[:12]
    trace = "".join(traceback.format_exception(error))
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    tell(f"{stamp} ERROR prediction failed, reference {reference}\n{trace}")
    return reference
