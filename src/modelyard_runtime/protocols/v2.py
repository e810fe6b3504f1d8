"""The Open Inference Protocol V2 over HTTP: health, metadata, inference, JSON and binary tensors.

    GET  /v2   /v2/health/live   /v2/health/ready
    GET  /v2/models/{name}[/versions/{version}][/ready]
    POST /v2/models/{name}[/versions/{version}]/infer

Errors are `{"error": text}`. Knows nothing of the transport. (KServe: "Open Inference Protocol".)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from modelyard_runtime.errors import bad_input, refusal_of
from modelyard_runtime.execution.job import Asked
from modelyard_runtime.model import Model, Tensor
from modelyard_runtime.protocols.answers import encode
from modelyard_runtime.protocols.plane import Failed, Header, Reply, failed_reply, failure, json_reply, reported
from modelyard_runtime.protocols.scripts import ByRequest
from modelyard_runtime.protocols.tensor_batching import ByTensor
from modelyard_runtime.protocols.tensors import array_of, as_binary, as_json, binary_size

VERSION = "0.1.0"
HEADER_LENGTH = "inference-header-content-length"


class Addressed(Protocol):
    """How a model takes named tensors, and how its results become named arrays. Both raise RequestError."""

    @property
    def platform(self) -> str: ...

    @property
    def inputs(self) -> tuple[Tensor, ...]: ...

    @property
    def outputs(self) -> tuple[Tensor, ...]: ...

    def asked(self, inputs: dict[str, Any], wanted: tuple[str, ...], about: Any) -> Asked: ...

    def arrays(self, asked: Asked, result: Any, wanted: tuple[str, ...]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What one request wants of its answer. `binary` says of each output whether it is wanted in binary, `default`
    of the others."""

    outputs: tuple[str, ...]
    binary: Mapping[str, bool]
    default: bool
    id: str | None


def refusal(status: int, message: str) -> Reply:
    return json_reply(status, encode({"error": message}))


def while_loading(path: str) -> Reply:
    """Before there is a model: alive, and not ready."""
    if path in ("/v2", "/v2/health/live"):
        return json_reply(200, encode(_SERVER if path == "/v2" else {"live": True}))
    return refusal(503, "The model is still loading.")


_SERVER = {"name": "modelyard", "version": VERSION, "extensions": ["binary_tensor_data"]}


class OpenInference:
    """One model under this protocol (`plane.Speaks`). `Asked.about` is what the request wishes."""

    def __init__(self, model: Model, name: str, version: str, failed: Failed = reported) -> None:
        self._name = name
        self._version = version
        self._failed = failed
        self._addressed: Addressed = (
            ByTensor(model.tensors, shared=model.joint is not None) if model.tensors else ByRequest(model)
        )
        home = f"/v2/models/{name}"
        self._homes = (home, f"{home}/versions/{version}") if version else (home,)

    def described(self, method: str, path: str) -> Reply | None:
        """The answer to whatever needs no body; None for a request for inference."""
        path = path.rstrip("/")
        for home in self._homes:
            if path == f"{home}/infer":
                return None if method == "POST" else refusal(405, f"{path} takes POST.")
        document = self._documents().get(path)
        if document is None:
            return refusal(404, self._unknown(path))
        if method != "GET":
            return refusal(405, f"{path} takes GET.")
        return json_reply(200, encode(document))

    def decode(self, body: bytes, header: Header) -> Asked:
        inputs, wishes = _read(body, header)
        return self._addressed.asked(inputs, wishes.outputs, wishes)

    def encode(self, asked: Asked, result: Any) -> Reply:
        wishes: _Wishes = asked.about
        results = self._addressed.arrays(asked, result, wishes.outputs)
        outputs = []
        tail = []
        for name, array in results.items():
            if wishes.binary.get(name, wishes.default):
                header, raw = as_binary(name, array)
                outputs.append(header)
                tail.append(raw)
            else:
                outputs.append(as_json(name, array))
        document: dict[str, Any] = {"model_name": self._name}
        if self._version:
            document["model_version"] = self._version
        if wishes.id is not None:
            document["id"] = wishes.id
        head = encode({**document, "outputs": outputs})
        if not tail:
            return json_reply(200, head)
        headers = [("content-type", "application/octet-stream"), (HEADER_LENGTH, str(len(head)))]
        return Reply(200, headers, head + b"".join(tail))

    def refused(self, error: BaseException) -> Reply:
        refused = refusal_of(error)
        if refused is not None:
            return refusal(refused.status, refused.message)
        if isinstance(error, ModuleNotFoundError) and error.name == "numpy":
            return refusal(
                501, "Tensors need numpy, which the model has not: add it to dependencies in config.json."
            )
        told, reference = failure(self._name, error, self._failed)
        return failed_reply(encode({"error": told}), reference)

    def _documents(self) -> dict[str, Any]:
        model = {
            "name": self._name,
            "versions": [self._version] if self._version else [],
            "platform": self._addressed.platform,
            "inputs": [_described(each) for each in self._addressed.inputs],
            "outputs": [_described(each) for each in self._addressed.outputs],
        }
        documents: dict[str, Any] = {
            "/v2": _SERVER,
            "/v2/health/live": {"live": True},
            "/v2/health/ready": {"ready": True},
        }
        for home in self._homes:
            documents[home] = model
            documents[f"{home}/ready"] = {"name": self._name, "ready": True}
        return documents

    def _unknown(self, path: str) -> str:
        has = f"{self._name} {self._version}".strip()
        return f"{path} does not exist here; the model of this service is {has}."


def _described(tensor: Any) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}


def _read(body: bytes, header: Header) -> tuple[dict[str, Any], _Wishes]:
    """The inputs, and what the answer should be like. Raises RequestError (400)."""
    document, tail = _parts(body, header(HEADER_LENGTH))
    given = document.get("inputs")
    if not isinstance(given, list) or not given:
        raise bad_input("inputs must be a list of tensors.")
    inputs: dict[str, Any] = {}
    at = 0
    for tensor in given:
        size = binary_size(tensor)
        if size is not None and at + size > len(tail):
            raise bad_input(f"The body ends within {tensor.get('name')}.")
        array = array_of(tensor, None if size is None else tail[at : at + size])
        at += size or 0
        if tensor["name"] in inputs:
            raise bad_input(f"Two inputs have the name {tensor['name']}.")
        inputs[tensor["name"]] = array
    if at != len(tail):
        raise bad_input(f"{len(tail) - at} bytes of the body belong to no input.")
    wanted, binary = _outputs(document.get("outputs"))
    default = _parameters(document).get("binary_data_output") is True
    request_id = document.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise bad_input(f"id must be a string, not {request_id!r:.80}.")
    return inputs, _Wishes(wanted, binary, default, request_id)


def _parts(body: bytes, length: str) -> tuple[dict[str, Any], memoryview]:
    """The JSON, and the binary tensors that follow it. Raises RequestError (400)."""
    view = memoryview(body)
    size = len(view)
    if length:
        if not (length.isascii() and length.isdigit()) or int(length) > size:
            raise bad_input(f"{HEADER_LENGTH} must be the length of the JSON in the body, not {length!r}.")
        size = int(length)
    try:
        document = msgspec.json.decode(view[:size])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_input(f"{error}.") from None
    if not isinstance(document, dict):
        raise bad_input("Expected an object with inputs.")
    return document, view[size:]


def _outputs(outputs: Any) -> tuple[tuple[str, ...], dict[str, bool]]:
    if outputs is None:
        return (), {}
    if not isinstance(outputs, list) or not all(
        isinstance(each, dict) and isinstance(each.get("name"), str) for each in outputs
    ):
        raise bad_input("outputs must be a list of objects with a name.")
    said: Sequence[dict[str, Any]] = outputs
    binary = {
        each["name"]: _parameters(each)["binary_data"] is True
        for each in said
        if "binary_data" in _parameters(each)
    }
    return tuple(each["name"] for each in said), binary


def _parameters(part: dict[str, Any]) -> dict[str, Any]:
    parameters = part.get("parameters")
    return parameters if isinstance(parameters, dict) else {}
