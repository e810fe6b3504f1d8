"""Lines of services on the wire, an extension of the contract: what is asked, and what is answered."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from modelyard.api.schemas.answer import Answer, Maybe, answer
from modelyard.api.schemas.wire import Integer, Wire
from modelyard.operations.logs import MOST_LINES

Number = Annotated[
    Annotated[Integer, Field(ge=0, le=2**62), WithJsonSchema({"type": "integer", "minimum": 0})] | None,
    Field(description="the number of a line"),
]
LineLimit = Annotated[
    Annotated[
        Integer,
        Field(ge=1, le=MOST_LINES),
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_LINES}),
    ]
    | None,
    Field(description="lines of a page. Default 1000."),
]
Tail = Annotated[
    Annotated[
        Integer,
        Field(ge=0, le=MOST_LINES),
        WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MOST_LINES}),
    ]
    | None,
    Field(description="begin with so many lines that are there. Default: all."),
]
Moment = Annotated[
    str | None,
    Field(description="inclusive: milliseconds since 1970, ISO 8601, or so long ago (90s, 10m, 2h, 7d)"),
]
Words = Annotated[
    str | None,
    Field(
        description='each must be somewhere in the line, regardless of case; a "phrase in quotes" is one, and '
        'in quotes \\" is a quote'
    ),
]


class _Lines(Wire):
    since: Moment = None
    until: Moment = None
    instance: Annotated[str | None, Field(description="the id of an instance")] = None
    revision: Annotated[Integer | None, Field(description="the number of a revision")] = None
    words: Words = None
    reference: Annotated[
        str | None, Field(description="what a failed call was answered: its trace is what is found")
    ] = None
    after: Number = None


class LogLineList(_Lines):
    """Query of GET /services/{id}/logs/lines."""

    before: Number = None
    order: Annotated[
        Literal["asc", "desc"] | None, Field(description="asc: the oldest first (default), desc: the newest")
    ] = None
    limit: LineLimit = None


class LogWatch(_Lines):
    """Query of GET /services/{id}/logs/watch."""

    limit: Tail = None


@answer
class LogLineShown(Answer):
    """`number` names the line: the lines of a service are numbered in the order in which they came. `time`: when
    the instance wrote it. `cut`: how many characters are left off at its end."""

    number: int
    time: int
    instance: str
    revision: int
    model: str
    text: str
    reference: Maybe[str] = None
    cut: Maybe[int] = None


@answer
class KeptShown(Answer):
    """What is kept of the service, on disk, and what was cut of it because it was too much, or too old."""

    lines: int
    bytes: int
    oldest: Maybe[int] = None
    cut_lines: int
    cut_bytes: int
    cut_until: Maybe[int] = None
    damaged_files: Maybe[int] = None


@answer
class LogLinePage(Answer):
    """`more`: there is more in the direction that was asked for. `complete`: false where the search ran out of
    time; going on finds the rest. `newer`, `older`: go on from here, as `after` and as `before`."""

    service_id: str
    count: int
    lines: list[LogLineShown]
    more: bool
    complete: bool
    newer: Maybe[int] = None
    older: Maybe[int] = None
    kept: KeptShown


LINE: dict[str, Any] = {
    "number": 1041,
    "time": 1700000000123,
    "instance": "5f0c4d9e-0c1a-4f5e-9a55-0a4f6a1f2b3c",
    "revision": 3,
    "model": "digits:1.0.0",
    "text": "ERROR prediction failed, reference 3f09ab12cd34",
    "reference": "3f09ab12cd34",
}
LINES: dict[str, Any] = {
    "service_id": "f76f20ba-78f5-44e8-893a-37c8c600c02f",
    "count": 1,
    "lines": [LINE],
    "more": True,
    "complete": True,
    "newer": 1041,
    "older": 1041,
    "kept": {"lines": 120000, "bytes": 31457280, "oldest": 1699990000000, "cut_lines": 0, "cut_bytes": 0},
}
