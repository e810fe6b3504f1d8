"""Secrets on the wire. An extension: the contract names secrets of a service, and has no calls to make one."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from modelyard.api.schemas.wire import Wire

SECRET: dict[str, Any] = {"value": "…"}


class SecretBody(Wire):
    """PUT /v1/{project_id}/secrets/{name}."""

    value: Annotated[str | None, Field(description="4 characters to 32 KiB of text; never shown again")] = None

    required: ClassVar[Sequence[str]] = ("value",)
    secrets: ClassVar[Sequence[str]] = ("value",)
