# Made by scripts/twin.py from aio/secrets.py: change that one, then `make client`.

"""Secrets of the project, which its services find as files."""

from urllib.parse import quote

from modelyard.client.records import Json, rows
from modelyard.client.session import Session


class Secrets:
    """The calls about secrets."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> list[Json]:
        """Without their values; with the names of the services that have them."""
        return rows(self._session.call("GET", "/secrets"), "secrets")

    def save(self, name: str, value: str) -> Json:
        """Another value makes another version, which services have from their next change on."""
        return self._session.call("PUT", f"/secrets/{quote(name, safe='')}", body={"value": value})

    def delete(self, name: str) -> None:
        """Refused while a service has it."""
        self._session.call("DELETE", f"/secrets/{quote(name, safe='')}")
