"""How the control plane and the process of the logs talk: frames over pipes, each a call or its outcome.

    length (4 octets) · number of the call (8) · what (1) · body (MessagePack)

Of a call `what` is its place in `CALLS`; of an outcome, which has the call's number, DONE, UNAVAILABLE or FAILED.
Both ends are of one release: whoever started the other wrote it.
"""

from typing import Any

import msgspec

from modelyard.core.output_lines import Place
from modelyard.domain.logs import Found, Kept, Line, LogQuery, Origin
from modelyard.domain.output import Output

HEAD = 13
DONE, UNAVAILABLE, FAILED = 0, 1, 2
Taken = tuple[Place, int]
"""How far it is kept, and how many lines that were."""

CALLS: dict[str, tuple[Any, Any]] = {
    "append": (tuple[Origin, list[Line], str], int),
    "position": (tuple[Origin], str),
    "search": (tuple[str, LogQuery], Found),
    "kept": (tuple[str], Kept),
    "services": (tuple[()], list[str]),
    "bound": (tuple[str, int, int], None),
    "remove": (tuple[str], None),
    "take": (tuple[Origin, Output, Place, frozenset[str], bool], Taken),
}
"""By name: its arguments, its result."""
NAMES = list(CALLS)


def frame(number: int, what: int, body: object) -> bytes:
    packed = msgspec.msgpack.encode(body)
    return (len(packed)).to_bytes(4, "big") + number.to_bytes(8, "big") + bytes((what,)) + packed


def head(octets: bytes) -> tuple[int, int, int]:
    """Length, number, what."""
    return int.from_bytes(octets[:4], "big"), int.from_bytes(octets[4:12], "big"), octets[12]


def arguments(name: str, body: bytes) -> tuple[Any, ...]:
    found: tuple[Any, ...] = msgspec.msgpack.decode(body, type=CALLS[name][0])
    return found


def result(name: str, body: bytes) -> Any:
    return msgspec.msgpack.decode(body, type=CALLS[name][1])


def text(body: bytes) -> str:
    return msgspec.msgpack.decode(body, type=str)
