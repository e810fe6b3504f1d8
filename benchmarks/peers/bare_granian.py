"""The least that can answer: a Granian RSGI application that sends the body back."""

from typing import Any


class Echo:
    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        body = await protocol()
        protocol.response_bytes(200, [("content-type", "application/json")], body)


app = Echo()
