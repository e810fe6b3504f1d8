"""Which login goes with a pull: the project's own at that registry, else what the installation's file says."""

from collections.abc import Callable

from modelyard.engines.containers.containers import Containers
from modelyard.engines.containers.credentials import Credentials, header, registry_of
from modelyard.engines.containers.images import Image, ImageAwayError
from modelyard.store.base import Store, StoreUnavailableError


class RegistryLogins:
    """`X-Registry-Auth` for a project, or for whoever a service belongs to; "": none is known."""

    def __init__(self, store: Store, otherwise: Credentials) -> None:
        self._store = store
        self._otherwise = otherwise

    async def of_project(self, project_id: str, registry: str) -> str:
        """Raises StoreUnavailableError."""
        async with self._store.read() as reading:
            login = await reading.registry_login(project_id, registry.lower())
        if login is None:
            return self._otherwise.header(registry)
        return header(login.user, login.password, registry)

    async def of_service(self, service_id: str, registry: str) -> str:
        """Raises ImageAwayError."""
        try:
            async with self._store.read() as reading:
                service = await reading.service(None, service_id)
            return await self.of_project(service.project_id if service else "", registry)
        except StoreUnavailableError as error:
            raise ImageAwayError(f"nobody can tell the login at {registry}: {error}") from None

    async def resolved(
        self, containers: Containers, project_id: str, reference: str, progress: Callable[[str], None]
    ) -> Image:
        """What it means now to a project. Raises ImageError, ImageAwayError, StoreUnavailableError."""
        login = await self.of_project(project_id, registry_of(reference))
        return await containers.resolved(reference, progress, login)
