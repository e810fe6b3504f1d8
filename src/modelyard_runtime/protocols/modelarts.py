"""The protocol of ModelArts: the body is what the script gets, its answer the body.

What is special: the text instead of the JSON for scripts that parse it themselves, lists of machine-learning
scripts in `resp_data`, the caller's `meta.uuid` in the answer, and errors in the shape of contract §1.2. The hot
path is a JSON object for a model that has none of it.
"""

from typing import Any

from modelyard_runtime.errors import error_body, refusal_of
from modelyard_runtime.execution.job import Asked
from modelyard_runtime.model import Model
from modelyard_runtime.protocols.answers import encode, encode_or_stream
from modelyard_runtime.protocols.codec import decode, given
from modelyard_runtime.protocols.plane import (
    JSON,
    Failed,
    Header,
    Reply,
    answer_of,
    asked_of,
    call_of,
    failed_reply,
    failure,
    json_reply,
    reported,
)

_HEADERS = [JSON]


class ModelArts:
    """`name` is the model's in the answer to a failure. `Asked.about` is the decoded body."""

    def __init__(self, model: Model, name: str, failed: Failed = reported) -> None:
        self._model = model
        self._name = name
        self._failed = failed
        self._call = call_of(model)
        self._plain = model.joint is None and not model.wants_text
        self._wants_text = model.wants_text
        self._wraps_lists = model.wraps_lists
        self._write = encode if model.joint else encode_or_stream  # what answers in batches does not stream

    def decode(self, body: bytes, header: Header) -> Asked:
        data = decode(body, header)
        if self._plain:
            return Asked(data, self._call, 1, data)
        return asked_of(self._model, self._call, given(data, body, header) if self._wants_text else data, data)

    def asked(self, data: Any, *, form: bool = False) -> Asked:
        """What `decode` would return for a body that is this JSON, or this form."""
        if self._plain:
            return Asked(data, self._call, 1, data)
        text = self._wants_text and not form
        return asked_of(self._model, self._call, encode(data).decode() if text else data, data)

    def encode(self, asked: Asked, result: Any) -> Reply:
        answer = result if self._plain else answer_of(self._model, asked, result)
        if self._wraps_lists and isinstance(answer, list):
            answer = {"data": {"resp_data": answer}}
        data = asked.about
        meta = data.get("meta") if type(data) is dict else None
        if meta is not None and isinstance(meta, dict) and "uuid" in meta and isinstance(answer, dict):
            answer.setdefault("meta", {"uuid": meta["uuid"]})
        return Reply(200, _HEADERS, self._write(answer))

    def refused(self, error: BaseException) -> Reply:
        refused = refusal_of(error)
        if refused is not None:
            return json_reply(refused.status, refused.body())
        told, reference = failure(self._name, error, self._failed)
        return failed_reply(error_body("ModelArts.4204", told), reference)
