"""Reading the JSON object in a request's body, under bounds that no body can exceed.

A body is JSON, whichever type it is said to have of those that are JSON, or of none; compressed by gzip or not.
Everything else is refused by its headers (415), so that nobody's form is taken for JSON by chance.

What arrives is held until its request is answered. So all bodies together have a bound (`Room`), beyond which a
request is sent away for a moment (503). The bodies of callers who are not known yet, logins, are small and have a
room of their own: whoever they are, they keep nobody who is known from being heard. The first kilobytes of each
are free: that is how honest logins pass, and the number of connections bounds it.
"""

import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from modelyard.core import json_text
from modelyard.domain.errors import DomainError, Invalid, TooBusy, Violation
from modelyard.domain.texts import shown

PATCH = "application/json-patch+json"
GZIP = frozenset({"gzip", "x-gzip"})
WINDOW = 31  # zlib's word for "gzip, and nothing else"
MOST_MEMBERS = 16
FREE_BYTES = 4 * 1024
NO_ROOM = "The requests that are arriving are too large together. Send it again."


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Bounds of a control-plane body: bytes (before and after decompression), levels of nesting."""

    max_bytes: int = 4 * 1024 * 1024
    max_depth: int = json_text.MAX_DEPTH


LOGIN_LIMITS = BodyLimits(max_bytes=64 * 1024)
"""Of a caller who is not known yet."""


class Room:
    """Bytes for the bodies of all requests that are not answered yet."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0


class Share:
    """What one body takes of a room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held = 0

    def grow(self, size: int) -> None:
        """The body has so many bytes now. Raises TooBusy when there is no room for them."""
        more = max(size - FREE_BYTES, 0) - self._held
        if more > 0 and self._room.held + more > self._room.most:
            raise TooBusy(NO_ROOM)
        self._room.held += more
        self._held += more

    def release(self) -> None:
        self._room.held -= self._held
        self._held = 0


class BodyTooLarge(DomainError):
    """The body is larger than this server reads."""


class UnsupportedMedia(DomainError):
    """The body is of a type, or in a coding, that nothing here reads. `header`: what would be accepted."""

    def __init__(self, text: str, header: tuple[str, str]) -> None:
        super().__init__(text)
        self.header = header


async def bounded(
    stream: AsyncIterator[bytes], limits: BodyLimits, share: Share | None = None, announced: str = ""
) -> bytes:
    """The whole body; raises TooBusy, and BodyTooLarge as soon as it is, or its Content-Length (`announced`)."""
    if announced.isdecimal() and int(announced) > limits.max_bytes:
        raise _too_large(limits)
    body = bytearray()
    async for piece in stream:
        if len(body) + len(piece) > limits.max_bytes:
            raise _too_large(limits)
        if share is not None:
            share.grow(len(body) + len(piece))
        body += piece
    return bytes(body)


def expect(content_type: str | None, *, patch: bool = False) -> None:
    """Raise UnsupportedMedia for a type that is not JSON; clients that say none send JSON all the same."""
    essence = (content_type or "").partition(";")[0].strip().lower()
    if patch:
        fits = essence in {"application/json", PATCH}
    else:
        fits = essence == "application/json" or (essence.endswith("+json") and essence != PATCH)
    if essence and not fits:
        wanted = f"application/json, {PATCH}" if patch else "application/json"
        text = f"Content-Type is {shown(essence)}, the body must be JSON: say Content-Type: application/json"
        raise UnsupportedMedia(text, ("Accept-Patch" if patch else "Accept", wanted))


def decoded(body: bytes, coding: str | None, limits: BodyLimits) -> bytes:
    """The body without its Content-Encoding; raises UnsupportedMedia, BodyTooLarge, Invalid."""
    codings = [one for part in (coding or "").split(",") if (one := part.strip().lower()) not in {"", "identity"}]
    if not codings:
        return body
    if len(codings) > 1 or codings[0] not in GZIP:
        text = f"Content-Encoding is {shown(', '.join(codings))}, only gzip is read"
        raise UnsupportedMedia(text, ("Accept-Encoding", "gzip"))
    return _inflated(body, limits)


def _inflated(body: bytes, limits: BodyLimits) -> bytes:
    """What one gzip member after the other holds; never more than the limit in memory."""
    unpacked = bytearray()
    for _ in range(MOST_MEMBERS):
        member = zlib.decompressobj(WINDOW)
        try:
            unpacked += member.decompress(body, limits.max_bytes + 1 - len(unpacked))
        except zlib.error as error:
            raise _malformed("the body is not gzip, as Content-Encoding says") from error
        if len(unpacked) > limits.max_bytes:
            raise _too_large(limits)
        if not member.eof:
            raise _malformed("the body is cut off in the middle of its gzip")
        body = member.unused_data
        if not body:
            return bytes(unpacked)
    raise _malformed(f"the body has more than {MOST_MEMBERS} gzip members")


def json_object(body: bytes, limits: BodyLimits) -> Mapping[str, object]:
    """The JSON object in `body`; raises Invalid."""
    value = json_value(body, limits)
    if not isinstance(value, dict):
        raise _malformed("the body must be a JSON object")
    return value


def json_value(body: bytes, limits: BodyLimits) -> object:
    """Any JSON value in `body`; raises Invalid."""
    try:
        return json_text.read(body, max_depth=limits.max_depth)
    except json_text.Malformed as error:
        text = error.text if error.field else f"the body {error.text}"
        raise Invalid(Violation(error.field, text)) from error


def _malformed(text: str) -> Invalid:
    return Invalid(Violation("", text))


def _too_large(limits: BodyLimits) -> BodyTooLarge:
    return BodyTooLarge(f"the request body is larger than {limits.max_bytes} bytes")
