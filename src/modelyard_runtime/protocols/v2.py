"""The Open Inference Protocol V2 over HTTP: health, metadata, inference, JSON and binary tensors.

    GET  /v2   /v2/health/live   /v2/health/ready
    GET  /v2/models/{name}[/versions/{version}][/ready]
    POST /v2/models/{name}[/versions/{version}]/infer

Errors are `{"error": text}`. Knows nothing of the transport. (KServe: "Open Inference Protocol".)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from modelyard_runtime.errors import bad_input, refusal_of
from modelyard_runtime.execution.batching import Call
from modelyard_runtime.model import Model, Tensors
from modelyard_runtime.protocols import scripts
from modelyard_runtime.protocols.answers import Unwritable, encode
from modelyard_runtime.protocols.tensor_batching import Fitted, TensorCalls
from modelyard_runtime.protocols.tensors import array_of, as_binary, as_json, binary_size

VERSION = "0.1.0"
HEADER_LENGTH = "inference-header-content-length"
_JSON = ("content-type", "application/json")
_BUSY = [_JSON, ("retry-after", "1")]

Headers = Callable[[str], str]  # a request header by its lower-case name, "" when it is not there


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request for inference that waits for its turn in a shared call (`batch_queue.Asked`)."""

    asked: "_Asked"
    item: Any
    rows: int
    call: Call


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request for inference. `binary` says of each output whether it is wanted so; `default` of the others."""

    inputs: dict[str, Any]
    wanted: tuple[str, ...]
    binary: Mapping[str, bool]
    default: bool
    id: str | None


def refusal(status: int, message: str) -> Reply:
    return Reply(status, _BUSY if status == 503 else [_JSON], encode({"error": message}))


def while_loading(path: str) -> Reply:
    """Before there is a model: alive, and not ready."""
    if path in ("/v2", "/v2/health/live"):
        return Reply(200, [_JSON], encode(_SERVER if path == "/v2" else {"live": True}))
    return refusal(503, "The model is still loading.")


_SERVER = {"name": "modelyard", "version": VERSION, "extensions": ["binary_tensor_data"]}


class OpenInference:
    """One model under this protocol. `failed` writes a failure to the log and returns its reference."""

    def __init__(self, model: Model, name: str, version: str, failed: Callable[[BaseException], str]) -> None:
        self._model = model
        self._name = name
        self._version = version
        self._failed = failed
        self._tensors: Tensors = model.tensors or scripts.tensors(model)
        self._calls = TensorCalls(model.tensors) if model.tensors else None
        self._shared = Call(model.joint.predict) if model.joint else None
        home = f"/v2/models/{name}"
        self._homes = (home, f"{home}/versions/{version}") if version else (home,)

    def described(self, method: str, path: str) -> Reply | None:
        """The answer to all that needs no body; None for a request for inference."""
        path = path.rstrip("/")
        for home in self._homes:
            if path == f"{home}/infer":
                return None if method == "POST" else refusal(405, f"{path} takes POST.")
        found = self._documents().get(path)
        if found is None:
            return refusal(404, self._unknown(path))
        if method != "GET":
            return refusal(405, f"{path} takes GET.")
        return Reply(200, [_JSON], encode(found))

    def infer(self, body: bytes, headers: Headers) -> Reply:
        """Never raises."""
        try:
            asked = _asked(body, headers)
            return self._reply(asked, self._tensors.run(self._tensors.fit(asked.inputs), asked.wanted))
        except BaseException as error:  # noqa: BLE001 - sys.exit() in a script must not end the server
            return self.refused(error)

    def prepared(self, body: bytes, headers: Headers) -> Prepared | Reply:
        """One request of several that share a call, or at once its answer. Never raises.

        Tensors share calls with tensors; to a script, a request of this protocol is one like any other.
        """
        try:
            asked = _asked(body, headers)
            if self._calls is None:
                return self._prepared_script(asked)
            fitted = Fitted(self._tensors.fit(asked.inputs), asked.wanted)
            return Prepared(asked, fitted, fitted.rows or 1, self._calls.of(fitted))
        except BaseException as error:  # noqa: BLE001 - as in `infer`
            return self.refused(error)

    def _prepared_script(self, asked: _Asked) -> Prepared:
        joint, call = self._model.joint, self._shared
        assert joint is not None
        assert call is not None
        body: Any = scripts.request(self._model, asked.inputs)
        item = joint.prepare(encode(body).decode() if self._model.wants_text else body)
        return Prepared(asked, item, joint.rows(item), call)

    def answered(self, prepared: Prepared, result: Any) -> Reply:
        """The answer to one of `prepared`, from its share of the result or what went wrong. Never raises."""
        asked = prepared.asked
        try:
            if isinstance(result, BaseException):
                raise result
            if self._calls is None:
                assert self._model.joint is not None
                answer = self._model.joint.finish(prepared.item, result)
                result = scripts.chosen(scripts.arrays(answer), asked.wanted)
            return self._reply(asked, result)
        except BaseException as error:  # noqa: BLE001 - as in `infer`
            return self.refused(error)

    async def infer_async(self, body: bytes, headers: Headers) -> Reply:
        """The same for a script whose steps are coroutines."""
        try:
            asked = _asked(body, headers)
            assert self._model.predict_async is not None
            data = scripts.request(self._model, asked.inputs)
            answer = await self._model.predict_async(encode(data).decode() if self._model.wants_text else data)
            return self._reply(asked, scripts.chosen(scripts.arrays(answer), asked.wanted))
        except Exception as error:  # noqa: BLE001 - the one place where the model's errors end
            return self.refused(error)

    def _reply(self, asked: _Asked, results: dict[str, Any]) -> Reply:
        outputs = []
        tail = []
        for name, array in results.items():
            if asked.binary.get(name, asked.default):
                header, raw = as_binary(name, array)
                outputs.append(header)
                tail.append(raw)
            else:
                outputs.append(as_json(name, array))
        document: dict[str, Any] = {"model_name": self._name}
        if self._version:
            document["model_version"] = self._version
        if asked.id is not None:
            document["id"] = asked.id
        head = encode({**document, "outputs": outputs})
        if not tail:
            return Reply(200, [_JSON], head)
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
        reference = self._failed(error)
        why = f" {error}." if isinstance(error, Unwritable) else ""
        return refusal(
            500, f"The model {self._name} failed to answer.{why} Its log says why: reference {reference}."
        )

    def _documents(self) -> dict[str, Any]:
        model = {
            "name": self._name,
            "versions": [self._version] if self._version else [],
            "platform": self._tensors.platform,
            "inputs": [_described(each) for each in self._tensors.inputs],
            "outputs": [_described(each) for each in self._tensors.outputs],
        }
        found: dict[str, Any] = {
            "/v2": _SERVER,
            "/v2/health/live": {"live": True},
            "/v2/health/ready": {"ready": True},
        }
        for home in self._homes:
            found[home] = model
            found[f"{home}/ready"] = {"name": self._name, "ready": True}
        return found

    def _unknown(self, path: str) -> str:
        has = f"{self._name} {self._version}".strip()
        return f"{path} does not exist here; the model of this service is {has}."


def _described(tensor: Any) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}


def _asked(body: bytes, headers: Headers) -> _Asked:
    document, tail = _parts(body, headers(HEADER_LENGTH))
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
    return _Asked(inputs, wanted, binary, default, request_id)


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
    found = part.get("parameters")
    return found if isinstance(found, dict) else {}
