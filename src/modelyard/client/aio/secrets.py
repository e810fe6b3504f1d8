"""Secrets of the project, which its services find as files."""

from urllib.parse import quote

from modelyard.client.aio.session import AsyncSession
from modelyard.client.records import Json, rows


class AsyncSecrets:
    """The calls about secrets."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list(self) -> list[Json]:
        """Without their values; with the names of the services that have them."""
        return rows(await self._session.call("GET", "/secrets"), "secrets")

    async def save(self, name: str, value: str) -> Json:
        """Another value makes another version, which services have from their next change on."""
        return await self._session.call("PUT", f"/secrets/{quote(name, safe='')}", body={"value": value})

    async def delete(self, name: str) -> None:
        """Refused while a service has it."""
        await self._session.call("DELETE", f"/secrets/{quote(name, safe='')}")
