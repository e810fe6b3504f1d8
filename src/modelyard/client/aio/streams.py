"""An answer that is read while it comes."""

from collections.abc import AsyncIterator

import httpx

from modelyard.client.answers import value
from modelyard.client.errors import Unanswered
from modelyard.client.sse import EventReader, ServerEvent
from modelyard.client.trust import reason


class AsyncAnswer:
    """Good while the `stream` that gave it lasts, and for one reading."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def content_type(self) -> str:
        return str(self._response.headers.get("Content-Type", ""))

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, in pieces as they come. Unanswered when it breaks off."""
        try:
            async for piece in self._response.aiter_bytes():
                yield piece
        except httpx.TransportError as e:
            raise Unanswered(f"the answer broke off: {reason(e)}") from e

    async def events(self) -> AsyncIterator[ServerEvent]:
        """The server-sent events, each as soon as it is whole."""
        reader = EventReader()
        async for piece in self.chunks():
            for event in reader.feed(piece):
                yield event

    async def value(self) -> object:
        """All of it: parsed JSON, text, or bytes."""
        return value(b"".join([piece async for piece in self.chunks()]), self.content_type)
