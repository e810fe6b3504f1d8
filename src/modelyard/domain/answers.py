"""Answers that are kept, so that a request that is sent again is answered again and not made again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What a request with an Idempotency-Key was answered. `digest` is of the request: another request under the
    same key is refused."""

    digest: str
    status: int
    answer: str
    expires_ms: int
