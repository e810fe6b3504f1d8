"""What waits, for the client that blocks. `aio/clockwork.py` has the same names for the one that does not."""

from collections.abc import Iterator
from threading import Lock
from time import sleep

from modelyard.client.files import FilePart


def streamed(part: FilePart) -> Iterator[bytes]:
    """What is sent of a file."""
    return part.pieces()


__all__ = ["Lock", "sleep", "streamed"]
