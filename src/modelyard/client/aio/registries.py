"""Logins at registries of images: what the project is known by there, for the images that its models name."""

from urllib.parse import quote

from modelyard.client.aio.session import AsyncSession
from modelyard.client.records import Json, rows


class AsyncRegistries:
    """The calls about registries. A registry is its host, with its port if it has one."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list(self) -> list[Json]:
        """Without their passwords."""
        return rows(await self._session.call("GET", "/registries"), "registries")

    async def save(self, registry: str, user: str, password: str) -> Json:
        """In place of the login that the project had there; used from the next pull on."""
        body = {"user": user, "password": password}
        return await self._session.call("PUT", f"/registries/{_quoted(registry)}", body=body)

    async def delete(self, registry: str) -> None:
        await self._session.call("DELETE", f"/registries/{_quoted(registry)}")


def _quoted(registry: str) -> str:
    return quote(registry, safe="")
