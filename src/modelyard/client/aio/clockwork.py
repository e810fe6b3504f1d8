"""What waits, for the client that does not block."""

from asyncio import Lock, sleep
from collections.abc import AsyncIterator

from modelyard.client.files import FilePart


async def streamed(part: FilePart) -> AsyncIterator[bytes]:
    """What is sent of a file: a piece is read faster than a thread would be asked to."""
    for piece in part.pieces():
        yield piece


__all__ = ["Lock", "sleep", "streamed"]
