"""Where the API is and who calls it: from the environment (OS_*) or from a data directory's credentials.json.

The names are those of OpenStack clients, so that one `eval "$(modelyard env)"` serves them and this client.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from modelyard.client.errors import NotConfigured

FILE_NAME = "credentials.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """What the client uses of credentials.json."""

    auth_url: str
    user_name: str
    password: str = ""
    domain_name: str
    project_name: str
    project_id: str
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user, a password and a project. `auth_url` ends in `/v3`. `repr` leaves the password out."""

    auth_url: str
    username: str
    password: str
    project_name: str = ""
    project_id: str = ""
    user_domain_name: str = "Default"
    project_domain_name: str = "Default"
    region_name: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.username!r} at {self.auth_url!r}, project {self.project_name!r})"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read OS_AUTH_URL, OS_USERNAME, OS_PASSWORD, OS_PROJECT_ID …; NotConfigured names what is missing."""
        env = os.environ if environ is None else environ
        missing = [name for name in ("OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD") if not env.get(name)]
        if missing:
            raise NotConfigured(f"{', '.join(missing)} not set in the environment")
        return cls(
            auth_url=env["OS_AUTH_URL"],
            username=env["OS_USERNAME"],
            password=env["OS_PASSWORD"],
            project_name=env.get("OS_PROJECT_NAME", ""),
            project_id=env.get("OS_PROJECT_ID", ""),
            user_domain_name=env.get("OS_USER_DOMAIN_NAME", "Default"),
            project_domain_name=env.get("OS_PROJECT_DOMAIN_NAME", "Default"),
            region_name=env.get("OS_REGION_NAME", ""),
        )

    @classmethod
    def from_data_dir(cls, data_dir: Path) -> Self:
        """Read `credentials.json`, which `modelyard up` writes for its own user only."""
        path = data_dir / FILE_NAME
        try:
            found = msgspec.json.decode(path.read_bytes(), type=_File)
        except FileNotFoundError:
            raise NotConfigured(f"there is no {path}") from None
        except OSError as e:
            raise NotConfigured(f"{path} cannot be read: {e.strerror}") from e
        except msgspec.DecodeError as e:
            raise NotConfigured(f"{path} is not a credentials file: {e}") from e
        if not found.password:
            raise NotConfigured(f"{path} holds no password any more; set OS_PASSWORD and the other OS_* variables")
        return cls(
            auth_url=found.auth_url,
            username=found.user_name,
            password=found.password,
            project_name=found.project_name,
            project_id=found.project_id,
            user_domain_name=found.domain_name,
            project_domain_name=found.domain_name,
            region_name=found.region,
        )

    def environment(self) -> dict[str, str]:
        """The variables that OpenStack clients read, password included."""
        variables = {
            "OS_AUTH_URL": self.auth_url,
            "OS_AUTH_TYPE": "password",
            "OS_IDENTITY_API_VERSION": "3",
            "OS_USERNAME": self.username,
            "OS_PASSWORD": self.password,
            "OS_USER_DOMAIN_NAME": self.user_domain_name,
            "OS_PROJECT_DOMAIN_NAME": self.project_domain_name,
            "OS_PROJECT_NAME": self.project_name,
            "OS_PROJECT_ID": self.project_id,
            "OS_REGION_NAME": self.region_name,
        }
        return {name: value for name, value in variables.items() if value}
