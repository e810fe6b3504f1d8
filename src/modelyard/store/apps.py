"""Applications, their codes, and the services that they may invoke."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from modelyard.domain.apps import App, AppCode


class AppReads(Protocol):
    async def apps(self, project_id: str) -> Sequence[App]: ...

    async def app(self, project_id: str | None, app_id: str) -> App | None: ...

    async def app_codes(self, app_id: str) -> Sequence[AppCode]: ...

    async def bound_apps(self, service_id: str) -> Sequence[App]: ...

    async def bound_services(self, app_id: str) -> Sequence[str]: ...

    async def codes_of_services(self) -> Mapping[str, Sequence[AppCode]]:
        """Service id → every code that may invoke it: what the gateway must know, in one statement."""


class AppWrites(AppReads, Protocol):
    async def add_app(self, app: App) -> None:
        """Raises AlreadyExists for a name taken in the project."""

    async def delete_app(self, app_id: str) -> None:
        """With its codes and bindings."""

    async def add_app_code(self, code: AppCode) -> None: ...

    async def delete_app_code(self, app_id: str, digest: str) -> bool:
        """False if the app has no such code."""

    async def bind_app(self, app_id: str, service_id: str) -> None: ...

    async def unbind_app(self, app_id: str, service_id: str) -> None: ...
