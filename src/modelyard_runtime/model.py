"""A loaded model, as the data plane sees it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Model:
    """`predict` takes the decoded request and returns what is to be encoded; it may raise anything.

    Exactly one of `predict` and `predict_async` is set. `wants_text`: the script parses the JSON text itself.
    `wraps_lists`: a list becomes `{"data": {"resp_data": list}}`. `example` is a request for the warm-up.
    """

    routes: dict[str, frozenset[str]]
    predict: Callable[[Any], Any] | None = None
    predict_async: Callable[[Any], Awaitable[Any]] | None = None
    threads: int = 1
    wants_text: bool = False
    wraps_lists: bool = False
    example: Any = None
