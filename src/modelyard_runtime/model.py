"""A loaded model, as protocols and executors see it: the whole interface between what loads and what serves.

    predict(body) → answer                     every model; one request at a time
    rows: read → run → answer                  models of rows: one call may answer several requests at once
    tensors: named arrays → named arrays       models that the Open Inference Protocol can address by tensor

`predict(body) == asked.answer(rows.run(asked.rows))` with `asked = rows.read(body)`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)  # frozen, it would take three times as long to make
class Question:
    """What one request asks: its rows, and how the predictions for them become its answer."""

    rows: Sequence[Any]
    answer: Callable[[Sequence[Any]], Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """`read` raises RequestError; `run` takes the rows of one or several requests, returns as many predictions.
    `run_matrix`, where rows are numbers: the same for a float64 matrix of finite values; it may raise anything for
    what `run` must be asked instead."""

    read: Callable[[Any], Question]
    run: Callable[[Sequence[Any]], Sequence[Any]]
    run_matrix: Callable[[Any], Sequence[Any]] | None = None


@dataclass(frozen=True, slots=True)
class Tensor:
    """`datatype` is one of the Open Inference Protocol; -1 in `shape` is any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tensors:
    """`fit` takes numpy arrays by input name and returns what `run` takes; RequestError (400) for what the model
    cannot take. `run` takes that and the names of the outputs that are wanted (none: the declared ones), and
    returns numpy arrays by output name. What `fit` returned for several requests can be put end to end.
    """

    platform: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    run: Callable[[dict[str, Any], Sequence[str]], dict[str, Any]]
    fit: Callable[[dict[str, Any]], dict[str, Any]] = lambda given: given


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_size` counts rows. A request of more rows than that is a call of its own. `stated`: the package says
    so, and it is no default."""

    max_size: int = 128
    max_delay_s: float = 0.005
    max_wait_s: float = 60.0
    stated: bool = False


@dataclass(frozen=True, slots=True)
class Joint:
    """How a model answers several requests in one call.

    `prepare` turns one decoded request into what joins; it is called on the receiving thread, so it is short and
    safe beside `predict`; its RequestError fails its own request only. `predict` returns one result for each item,
    in order; one that is an exception fails its own request only. If `predict` itself raises, each item is tried
    alone. `finish` makes the answer. `rows` is what an item counts.
    """

    predict: Callable[[list[Any]], Sequence[Any]]
    prepare: Callable[[Any], Any] = lambda data: data
    finish: Callable[[Any, Any], Any] = lambda _item, result: result
    rows: Callable[[Any], int] = lambda _item: 1
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Bounds:
    """A longer message ends its connection (1009), so does silence in both directions (1000). One connection more
    is refused (503)."""

    max_message_bytes: int = 1024**2
    max_connections: int = 1000
    idle_s: int = 3600
    subprotocols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WebSocket:
    """What a script does with a connection (`loading.websocket`): exactly one of `talk` and `hear`."""

    bounds: Bounds
    talk: Callable[[Any], Awaitable[None]] | None = None
    hear: Callable[[Any, str | bytes], Any] | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """`predict` takes the decoded request and returns what is to be encoded; it may raise anything.

    Exactly one of `predict` and `predict_async` is set. `wants_text`: the script parses the JSON text itself.
    `joint` answers several requests in one call, with the same answers as `predict`.
    `wraps_lists`: a list becomes `{"data": {"resp_data": list}}`. `example` is a request for the warm-up.
    A generator as the answer is streamed (`http.sse`).
    """

    routes: dict[str, frozenset[str]]
    predict: Callable[[Any], Any] | None = None
    predict_async: Callable[[Any], Awaitable[Any]] | None = None
    threads: int = 1
    wants_text: bool = False
    wraps_lists: bool = False
    example: Any = None
    joint: Joint | None = None
    rows: Rows | None = None
    tensors: Tensors | None = None
    columns: tuple[str, ...] = ()  # of the declared request schema
    websocket: WebSocket | None = None
