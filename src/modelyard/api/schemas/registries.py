"""Logins at registries of images on the wire. An extension: the contract has no such calls."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from modelyard.api.schemas.wire import Wire

LOGIN: dict[str, Any] = {"user": "robot", "password": "…"}


class RegistryBody(Wire):
    """PUT /v1/{project_id}/registries/{registry}."""

    user: str | None = None
    password: Annotated[str | None, Field(description="or a token that serves as one; never shown again")] = None

    required: ClassVar[Sequence[str]] = ("user", "password")
