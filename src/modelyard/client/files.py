"""Files of this machine, as they are sent and received: in pieces, in parts, with a digest."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from modelyard.client.errors import ClientError

PIECE = 256 * 1024
Progress = Callable[[int], None]
"""Is told how many bytes of an object are done by now: fewer than before, when some have to be sent again."""


def unwatched(_done: int) -> None:
    """Nobody looks."""


def behind(start: int, progress: Progress) -> Progress:
    """Of one of several: `start` bytes are done already."""
    return lambda done: progress(start + done)


@dataclass(frozen=True, slots=True)
class FilePart:
    """`length` bytes of a file from `offset` on. It may be sent several times, each time from its beginning."""

    path: Path
    offset: int
    length: int
    progress: Progress = unwatched

    def pieces(self) -> Iterator[bytes]:
        """Raises ClientError for a file that became shorter, OSError."""
        left = self.length
        with self.path.open("rb") as file:
            file.seek(self.offset)
            while left:
                piece = file.read(min(PIECE, left))
                if not piece:
                    raise ClientError(f"{self.path} became shorter while it was sent: send it again")
                left -= len(piece)
                yield piece
                self.progress(self.offset + self.length - left)


def digest_of(content: Path | bytes) -> str:
    """As `Content-Digest` has it (RFC 9530). Raises OSError.

    >>> digest_of(b"")
    'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:'
    """
    if isinstance(content, bytes):
        value = hashlib.sha256(content)
    else:
        with content.open("rb") as file:
            value = hashlib.file_digest(file, "sha256")
    return f"sha-256=:{base64.b64encode(value.digest()).decode()}:"


def files_below(directory: Path) -> list[tuple[str, Path]]:
    """(name with `/`, path) of each file in a directory and those in it, in the order of the names."""
    names = ((path.relative_to(directory).as_posix(), path) for path in directory.rglob("*") if path.is_file())
    return sorted(names)
