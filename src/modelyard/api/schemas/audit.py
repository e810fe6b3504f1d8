"""The audit on the wire. An extension: the contract has no such calls."""

from typing import Annotated, Any, Literal

from pydantic import Field

from modelyard.api.schemas.answer import Answer, Maybe, Word, answer
from modelyard.api.schemas.queries import Limit, Offset
from modelyard.api.schemas.wire import Integer, QueryFlag, Wire
from modelyard.domain.audit import Means, Outcome


class AuditList(Wire):
    """Query of GET /v1/{project_id}/audit."""

    user: Annotated[str | None, Field(description="name or id of a user")] = None
    action: Annotated[str | None, Field(description="a part of the action")] = None
    resource: Annotated[str | None, Field(description="a part of the resource, or of its name")] = None
    outcome: Literal["begun", "done", "refused", "failed"] | None = None
    logins: Annotated[
        QueryFlag | None, Field(description="false leaves out logins that succeeded; those refused stay")
    ] = None
    since: Annotated[Integer | None, Field(description="milliseconds since 1970 UTC, inclusive")] = None
    until: Annotated[Integer | None, Field(description="milliseconds since 1970 UTC, inclusive")] = None
    after: Annotated[Integer | None, Field(description="only rows behind the one of this number")] = None
    order: Annotated[Literal["asc", "desc"] | None, Field(description="of the numbers; default desc")] = None
    offset: Offset = None
    limit: Limit = None


class InstallationAuditList(AuditList):
    """Query of GET /v1/modelyard/admin/audit."""

    project_id: Annotated[str | None, Field(description="only of this project; empty: of the installation")] = None


@answer
class AuditShown(Answer):
    """One row. `times`: so many requests alike, until `last_time`. A field that says nothing is left out."""

    number: int
    occur_time: int
    action: str
    outcome: Word[Outcome]
    request_id: Maybe[str] = None
    status: Maybe[int] = None
    error_code: Maybe[str] = None
    project_id: Maybe[str] = None
    user_id: Maybe[str] = None
    user_name: Maybe[str] = None
    authenticated_by: Maybe[Word[Means]] = None
    resource: Maybe[str] = None
    resource_name: Maybe[str] = None
    address: Maybe[str] = None
    user_agent: Maybe[str] = None
    fields: Maybe[list[str]] = None
    times: int
    last_time: Maybe[int] = None


@answer
class AuditPage(Answer):
    total_count: int
    count: int
    audit: list[AuditShown]


EXAMPLES: dict[type[Answer], Any] = {
    AuditPage: {
        "total_count": 1,
        "count": 1,
        "audit": [
            {
                "number": 4711,
                "occur_time": 1700000000000,
                "action": "PUT /v1/{project_id}/services/{service_id}",
                "outcome": "done",
                "request_id": "9f0c2d4f5a6b47d0a3b1d0c7e8f90123",
                "status": 200,
                "project_id": "8a2c",
                "user_id": "51bb",
                "user_name": "ada",
                "authenticated_by": "token",
                "resource": "services/7f3e",
                "resource_name": "digits",
                "address": "192.0.2.7",
                "user_agent": "python-httpx/0.28.1",
                "fields": ["config[].model_id", "config[].weight"],
                "times": 1,
            }
        ],
    }
}
