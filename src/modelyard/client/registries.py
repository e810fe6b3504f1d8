# Made by scripts/twin.py from aio/registries.py: change that one, then `make client`.

"""Logins at registries of images: what the project is known by there, for the images that its models name."""

from urllib.parse import quote

from modelyard.client.records import Json, rows
from modelyard.client.session import Session


class Registries:
    """The calls about registries. A registry is its host, with its port if it has one."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> list[Json]:
        """Without their passwords."""
        return rows(self._session.call("GET", "/registries"), "registries")

    def save(self, registry: str, user: str, password: str) -> Json:
        """In place of the login that the project had there; used from the next pull on."""
        body = {"user": user, "password": password}
        return self._session.call("PUT", f"/registries/{_quoted(registry)}", body=body)

    def delete(self, registry: str) -> None:
        self._session.call("DELETE", f"/registries/{_quoted(registry)}")


def _quoted(registry: str) -> str:
    return quote(registry, safe="")
