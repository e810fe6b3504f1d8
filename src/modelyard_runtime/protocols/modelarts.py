"""From a body to an answer, whatever the transport: decode, predict, encode, and what to say when a step fails.

The hot path is `answer` with a JSON object and a model that neither wants text nor wraps lists: one decode, one
call, one encode.
"""

import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modelyard_runtime.errors import RequestError, error_body, refusal_of
from modelyard_runtime.execution.batching import Call
from modelyard_runtime.logs import tell
from modelyard_runtime.model import Model
from modelyard_runtime.protocols.answers import Items, Unwritable, encode, encode_or_stream
from modelyard_runtime.protocols.codec import decode, given

Answer = tuple[int, bytes]
Streamed = tuple[int, bytes | Items]  # a generator is sent as events (`http.sse`)


@dataclass(slots=True)
class Prepared:
    """A decoded request, and what it brings to a call that it shares (`batch_queue.Asked`)."""

    data: Any
    item: Any
    rows: int
    call: Call


class DataPlane:
    """Serves one model. Safe to call from several threads; how many at once is the caller's business."""

    def __init__(self, model: Model, service: str) -> None:
        self.model = model
        self._service = service
        self._predict = model.predict
        self._joint = model.joint
        self._call = Call(model.joint.predict) if model.joint else None

    def answer(self, body: bytes, content_type: Callable[[], str]) -> Streamed:
        """Never raises: a failure of the model is a 500 with a reference, its trace goes to the log."""
        try:
            data = decode(body, content_type)
            assert self._predict is not None
            result = self._predict(given(data, body, content_type) if self.model.wants_text else data)
            return 200, encode_or_stream(self._shape(result, data))
        except RequestError as error:
            return error.status, error.body()
        except BaseException as error:  # noqa: BLE001 - sys.exit() in a script must not end the server
            return self.failed(error)

    async def answer_async(self, body: bytes, content_type: Callable[[], str]) -> Streamed:
        """The same for a model whose steps are coroutines."""
        try:
            data = decode(body, content_type)
            assert self.model.predict_async is not None
            result = await self.model.predict_async(
                given(data, body, content_type) if self.model.wants_text else data
            )
            return 200, encode_or_stream(self._shape(result, data))
        except RequestError as error:
            return error.status, error.body()
        except Exception as error:  # noqa: BLE001 - the one place where the model's errors end
            return self.failed(error)

    def prepared(self, body: bytes, content_type: Callable[[], str]) -> Prepared | Answer:
        """One request of several that share a call, or at once its answer. Never raises."""
        joint, call = self._joint, self._call
        assert joint is not None
        assert call is not None
        try:
            data = decode(body, content_type)
            item = joint.prepare(given(data, body, content_type) if self.model.wants_text else data)
            return Prepared(data, item, joint.rows(item), call)
        except RequestError as error:
            return error.status, error.body()
        except BaseException as error:  # noqa: BLE001 - as in `answer`
            return self.failed(error)

    def answered(self, asked: Prepared, result: Any) -> Answer:
        """The answer to one of `prepared`, from its share of the result or what went wrong. Never raises."""
        joint = self._joint
        assert joint is not None
        try:
            if isinstance(result, BaseException):
                raise result
            return 200, encode(self._shape(joint.finish(asked.item, result), asked.data))
        except RequestError as error:
            return error.status, error.body()
        except BaseException as error:  # noqa: BLE001 - as in `answer`
            return self.failed(error)

    def _shape(self, result: Any, data: Any) -> Any:
        if self.model.wraps_lists and isinstance(result, list):
            result = {"data": {"resp_data": result}}
        meta = data.get("meta") if type(data) is dict else None
        if meta is not None and isinstance(meta, dict) and "uuid" in meta and isinstance(result, dict):
            result.setdefault("meta", {"uuid": meta["uuid"]})
        return result

    def failed(self, error: BaseException) -> Answer:
        """The answer to what the model raised: its word about the request, or a failure, which is in the log."""
        refused = refusal_of(error)
        if refused is not None:
            return refused.status, refused.body()
        why = f" {error}." if isinstance(error, Unwritable) else ""
        reference = reported(error)
        message = f"The model {self._service} failed to answer.{why} Its log says why: reference {reference}."
        return 500, error_body("ModelArts.4204", message)


def reported(error: BaseException) -> str:
    """Writes the trace to the log; the reference that stands beside it there."""
    reference = uuid.uuid4().hex[:12]
    trace = "".join(traceback.format_exception(error))
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    tell(f"{stamp} ERROR prediction failed, reference {reference}\n{trace}")
    return reference
