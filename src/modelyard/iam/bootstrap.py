"""The first start: a domain, a project, an administrator with a random password and an access key.

`DATA_DIR/credentials.json` (0600) hands them to whoever may read the data directory. Order of events, so that a
crash at any point loses nothing: the file is written first, the database commits second; a start that finds the
file and an empty database uses the file's secrets. Later starts refresh only where things are (ports may have
changed). A file that its owner deleted comes back without secrets: those cannot be read back, and are not
replaced behind the owner's back. One that is damaged is named, unless nothing is stored yet: then it is made anew.
"""

import json
import secrets
import string
import uuid
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from modelyard import files
from modelyard.domain.identity import SYSTEM, Project, Role, User
from modelyard.iam.passwords import Passwords

FILE_NAME = "credentials.json"
_LETTERS = string.ascii_uppercase + string.digits
_MIXED = string.ascii_letters + string.digits
_SECRETS = ("password", "access_key", "secret_key")
_FIXED = ("domain_id", "domain_name", "project_id", "project_name", "user_id", "user_name", *_SECRETS)


class Directory(Protocol):
    """A part of `store.base.WriteTransaction`."""

    async def projects(self, *, name: str | None = None, user_id: str | None = None) -> Sequence[Project]: ...

    async def user(self, key: str) -> User | None: ...

    async def grants(self, *, project_id: str | None = None) -> Sequence[object]: ...

    async def save_project(self, project: Project) -> None: ...

    async def save_user(self, user: User) -> None: ...

    async def grant(self, user_id: str, project_id: str, role: Role) -> None: ...

    async def save_access_key(self, access_key: str, user_id: str, project_id: str, secret_key: str) -> None: ...


class Directories(Protocol):
    """A part of `store.base.Store`."""

    def write(self) -> AbstractAsyncContextManager[Directory]: ...


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are now, written into the file at every start. `auth_url` ends in /v3."""

    auth_url: str
    api_url: str
    gateway_url: str
    region: str


@dataclass(frozen=True, slots=True)
class Names:
    """What the first domain, project and user are called."""

    domain: str = "modelyard"
    project: str = "local"
    user: str = "admin"


async def prepare(
    store: Directories, data_dir: Path, places: Places, names: Names, passwords: Passwords
) -> dict[str, str]:
    """Make the first rows if there are none, and the credentials file. Returns what the file says."""
    path = data_dir / FILE_NAME
    kept, damage = _read(path)
    async with store.write() as directory:
        existing = await directory.projects()
        if existing and damage:
            raise files.DamagedFileError(damage)
        if existing:
            await _administered(directory, kept.get("user_id", ""))
    if existing:
        known = kept or {"domain_name": existing[0].domain_name}
        content = {**known, **_where(places)}
        _write(path, content)
        return content
    fresh = kept if all(kept.get(name) for name in _FIXED) else _generated(names)
    content = {**fresh, **_where(places)}
    _write(path, content)
    password_hash = await passwords.hash(fresh["password"])
    async with store.write() as directory:
        if not await directory.projects():
            await _fill(directory, fresh, password_hash)
    return content


async def _administered(directory: Directory, user_id: str) -> None:
    """An installation that nobody administers (its last administrator was removed, or it is older than that role)
    belongs to the user of the credentials file: whoever can write there can read the keys beside it."""
    if user_id and not await directory.grants(project_id=SYSTEM) and await directory.user(user_id):
        await directory.grant(user_id, SYSTEM, Role.ADMIN)


async def _fill(directory: Directory, given: dict[str, str], password_hash: str) -> None:
    project_id, user_id = given["project_id"], given["user_id"]
    await directory.save_project(
        Project(project_id, given["project_name"], given["domain_id"], given["domain_name"])
    )
    await directory.save_user(User(user_id, given["user_name"], given["domain_id"], password_hash))
    await directory.grant(user_id, project_id, Role.ADMIN)
    await directory.grant(user_id, SYSTEM, Role.ADMIN)
    await directory.save_access_key(given["access_key"], user_id, project_id, given["secret_key"])


def _generated(names: Names) -> dict[str, str]:
    return {
        "domain_id": uuid.uuid4().hex,
        "domain_name": names.domain,
        "project_id": uuid.uuid4().hex,
        "project_name": names.project,
        "user_id": uuid.uuid4().hex,
        "user_name": names.user,
        "password": random_secret(24),
        "access_key": random_access_key(),
        "secret_key": random_secret(40),
    }


def random_access_key() -> str:
    """Twenty capital letters and digits, as the vendor's."""
    return "".join(secrets.choice(_LETTERS) for _ in range(20))


def random_secret(length: int) -> str:
    """Letters and digits: nothing that a shell or an URL would change."""
    return "".join(secrets.choice(_MIXED) for _ in range(length))


def _where(places: Places) -> dict[str, str]:
    return {
        "auth_url": places.auth_url,
        "api_url": places.api_url,
        "gateway_url": places.gateway_url,
        "region": places.region,
    }


def _read(path: Path) -> tuple[dict[str, str], str]:
    """The content of the file, empty if it is missing, and what is wrong with it."""
    try:
        content = files.read_object(path, follow=True)
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError) as error:
        advice = "restore it, or move it away, and it comes back without its secrets"
        return {}, f"{path} is damaged ({error}): {advice}"
    return {name: value for name, value in content.items() if isinstance(value, str)}, ""


def _write(path: Path, content: dict[str, str]) -> None:
    files.keep(path, (json.dumps(content, indent=2) + "\n").encode())
