"""Applications and AppCodes on the wire (contract §6)."""

from collections.abc import Sequence
from typing import Any, ClassVar

from modelyard.api.schemas.wire import Wire

APP: dict[str, Any] = {"name": "shop", "description": "the web shop"}
BINDING: dict[str, Any] = {"apps": [{"app_id": "5e9c1b7a"}]}


class AppCreate(Wire):
    """POST /v1/{project_id}/app-auth/apps."""

    name: str | None = None
    description: str | None = None

    required: ClassVar[Sequence[str]] = ("name",)


class BoundApp(Wire):
    app_id: str | None = None

    required: ClassVar[Sequence[str]] = ("app_id",)


class AppBinding(Wire):
    """POST /v1/{project_id}/services/{service_id}/app-auth-api."""

    apps: list[BoundApp] | None = None

    required: ClassVar[Sequence[str]] = ("apps",)


class AppList(Wire):
    """Query of GET /v1/{project_id}/app-auth/apps."""

    name: str | None = None


BODIES = (AppCreate, AppBinding)
