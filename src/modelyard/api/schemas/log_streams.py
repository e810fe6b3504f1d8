"""Groups and streams of logs on the wire (contract §7), as the public API of LTS has them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, WithJsonSchema

from modelyard.api.schemas.wire import Integer, QueryFlag, Wire

Ttl = Annotated[Integer | None, Field(description="1 to 365: older lines are not shown. Default 30.")]


class LogGroupCreate(Wire):
    """POST /v2/{project_id}/groups."""

    log_group_name: Annotated[
        str | None,
        Field(description="1 to 64 letters, digits, _ - and .; does not begin with . or _, does not end with ."),
    ] = None
    ttl_in_days: Ttl = None

    required: ClassVar[Sequence[str]] = ("log_group_name",)


class LogGroupUpdate(Wire):
    """POST /v2/{project_id}/groups/{log_group_id}."""

    ttl_in_days: Ttl = None

    required: ClassVar[Sequence[str]] = ("ttl_in_days",)


class LogStreamCreate(Wire):
    """POST /v2/{project_id}/groups/{log_group_id}/streams."""

    log_stream_name: Annotated[str | None, Field(description="as the name of a group")] = None
    ttl_in_days: Annotated[Integer | None, Field(description="1 to 365. Default: as its group has it.")] = None

    required: ClassVar[Sequence[str]] = ("log_stream_name",)


class LogStreamList(Wire):
    """Query of GET /v2/{project_id}/log-streams."""

    log_group_name: Annotated[str | None, Field(description="only of this group")] = None
    log_stream_name: Annotated[str | None, Field(description="only of this name")] = None


QueryLimit = Annotated[
    Annotated[
        Integer,
        Field(ge=1, le=5000),
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 5000}),
    ]
    | None,
    Field(description="lines of an answer. Default 50."),
]


class LogContentQuery(Wire):
    """POST …/streams/{log_stream_id}/content/query."""

    start_time: Annotated[Integer | None, Field(description="milliseconds since 1970 UTC, inclusive")] = None
    end_time: Annotated[Integer | None, Field(description="milliseconds since 1970 UTC, inclusive")] = None
    labels: Annotated[
        dict[str, str | int] | None,
        Field(description="each must be the line's: service, service_id, instance, revision, model"),
    ] = None
    keywords: Annotated[
        str | None,
        Field(description='each word must be in the line, regardless of case; a "phrase in quotes" is one'),
    ] = None
    line_num: Annotated[str | int | None, Field(description="where to go on from: the line_num of an answer")] = (
        None
    )
    is_desc: Annotated[QueryFlag | None, Field(description="the newest first. Default: the oldest.")] = None
    search_type: Annotated[
        Literal["init", "forwards", "backwards"] | None,
        Field(
            description="init (default) begins; forwards goes on in the order of is_desc, backwards against it. "
            "A line_num alone means forwards"
        ),
    ] = None
    limit: QueryLimit = None
    is_count: Annotated[QueryFlag | None, Field(description="`count` is how many there are in all")] = None
    highlight: Annotated[
        QueryFlag | None, Field(description="put <HighLightTag> around keywords. Default: no.")
    ] = None

    later: ClassVar[Mapping[str, str]] = {"query": "there is no analysis by SQL", "scroll_id": "line_num goes on"}


GROUP: dict[str, Any] = {"log_group_name": "models", "ttl_in_days": 7}
STREAM: dict[str, Any] = {"log_stream_name": "digits"}
QUERY: dict[str, Any] = {
    "start_time": "1700000000000",
    "end_time": "1700003600000",
    "keywords": "prediction failed",
    "labels": {"revision": "3"},
    "limit": 100,
}
BODIES = (LogGroupCreate, LogGroupUpdate, LogStreamCreate, LogContentQuery)
