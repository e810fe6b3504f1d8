"""Stored answers: a request that is repeated under its Idempotency-Key is answered again, not carried out
again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer to a request with an Idempotency-Key. `digest` identifies the request: a different one under the
    same key is refused."""

    digest: str
    status: int
    answer: str
    expires_ms: int
