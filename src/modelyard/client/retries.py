"""When a request is sent again. Pure.

A request that may have been carried out is never repeated, unless repeating it is harmless by its nature (GET) or
by agreement with the server (Idempotency-Key):

    nothing listens, the connection was refused          nothing was sent: every request is repeated
    the connection broke on the way                      GET, HEAD, OPTIONS, and what carries an Idempotency-Key
    no answer in time                                    never: the time that the caller gave is over
    503 with Retry-After                                 the same, and PUT and DELETE, which were refused
"""

from collections.abc import Mapping

import httpx

RETRIES = 2
"""How often by default, after the first time."""
LONGEST_PAUSE_S = 10.0
"""Who is told to come back later than this is told so, instead of waiting here."""

READING = frozenset({"GET", "HEAD", "OPTIONS"})
REPLACING = frozenset({"PUT", "DELETE"})
KEY = "Idempotency-Key"


def after_failure(
    error: httpx.TransportError, attempt: int, method: str, headers: Mapping[str, str]
) -> float | None:
    """Seconds until the next try (`attempt` 1 was the first), None for never.

    >>> after_failure(httpx.ConnectError(""), 1, "POST", {}), after_failure(httpx.ReadError(""), 1, "POST", {})
    (0.1, None)
    """
    broken = isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError)
    return pause_s(attempt) if unsent(error) or (broken and _harmless(method, headers)) else None


def unsent(error: httpx.TransportError) -> bool:
    """Whether no connection was made, so that nothing of the request can have arrived."""
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)


def after_answer(
    status: int, retry_after: str, attempt: int, method: str, headers: Mapping[str, str]
) -> float | None:
    """As `after_failure`, for an answer.

    >>> after_answer(503, "1", 1, "GET", {}), after_answer(503, "1", 1, "POST", {})
    (1.0, None)
    """
    if status != 503 or not retry_after.isdecimal() or float(retry_after) > LONGEST_PAUSE_S:
        return None
    return max(float(retry_after), pause_s(attempt)) if method in REPLACING or _harmless(method, headers) else None


def pause_s(attempt: int) -> float:
    """
    >>> pause_s(1), pause_s(2), pause_s(9)
    (0.1, 0.4, 2.0)
    """
    return float(min(0.1 * 4 ** (attempt - 1), 2.0))


def _harmless(method: str, headers: Mapping[str, str]) -> bool:
    return method in READING or any(name.lower() == KEY.lower() for name in headers)
