# Made by scripts/twin.py from aio/streams.py: change that one, then `make client`.

"""An answer that is read while it comes."""

from collections.abc import Iterator

import httpx

from modelyard.client.answers import value
from modelyard.client.errors import Unanswered
from modelyard.client.sse import EventReader, ServerEvent
from modelyard.client.trust import reason


class Answer:
    """Good while the `stream` that gave it lasts, and for one reading."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def content_type(self) -> str:
        return str(self._response.headers.get("Content-Type", ""))

    def chunks(self) -> Iterator[bytes]:
        """The body, in pieces as they come. Unanswered when it breaks off."""
        try:
            yield from self._response.iter_bytes()
        except httpx.TransportError as e:
            raise Unanswered(f"the answer broke off: {reason(e)}") from e

    def events(self) -> Iterator[ServerEvent]:
        """The server-sent events, each as soon as it is whole."""
        reader = EventReader()
        for piece in self.chunks():
            yield from reader.feed(piece)

    def value(self) -> object:
        """All of it: parsed JSON, text, or bytes."""
        return value(b"".join(list(self.chunks())), self.content_type)
