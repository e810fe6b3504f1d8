"""Server-sent events, read as they come (HTML standard, 9.2.6). Bytes in, events out; no input or output here."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field

CONTENT_TYPE = "text/event-stream"


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event; `event` is "message" unless the server named it."""

    data: str
    event: str = "message"
    id: str = ""


@dataclass(slots=True)
class EventReader:
    """Feed it what arrives, in pieces of any size; an event that the stream ends within is dropped."""

    _text: str = ""
    _data: list[str] = field(default_factory=list)
    _event: str = ""
    _id: str = ""
    _decode: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8-sig")("replace")
    )

    def feed(self, piece: bytes) -> Iterator[ServerEvent]:
        """The events that this piece completes."""
        self._text += self._decode.decode(piece)
        while (line := self._line()) is not None:
            if (event := self._take(line)) is not None:
                yield event

    def _line(self) -> str | None:
        """The next whole line. A CR at the very end may be half of a CRLF, and waits."""
        ends = [at for at in (self._text.find("\n"), self._text.find("\r")) if at >= 0]
        if not ends:
            return None
        at = min(ends)
        if self._text[at] == "\r" and at + 1 == len(self._text):
            return None
        line, size = self._text[:at], 2 if self._text[at : at + 2] == "\r\n" else 1
        self._text = self._text[at + size :]
        return line

    def _take(self, line: str) -> ServerEvent | None:
        if not line:
            event = ServerEvent("\n".join(self._data), self._event or "message", self._id) if self._data else None
            self._data, self._event = [], ""
            return event
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None
