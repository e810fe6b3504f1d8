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

    auth_url: str = ""
    user_name: str
    password: str = ""
    domain_name: str
    project_name: str
    project_id: str
    region: str = ""
    gateway_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user, a password or a token, and a project. `auth_url` ends in `/v3`. `repr` leaves the secrets out.

    A domain that is not named is the server's own: it has one. With a token alone there is no other once it ends.
    `ca_file`: whose certificates are believed ("": see `trust`). `gateway_url`: where models are called on the
    server itself ("": it is elsewhere).
    """

    auth_url: str
    username: str
    password: str = ""
    token: str = ""
    user_id: str = ""
    project_name: str = ""
    project_id: str = ""
    user_domain_name: str = ""
    user_domain_id: str = ""
    project_domain_name: str = ""
    project_domain_id: str = ""
    region_name: str = ""
    ca_file: str = ""
    gateway_url: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.username!r} at {self.auth_url!r}, project {self.project_name!r})"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read OS_AUTH_URL, OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME …; NotConfigured names what is missing.

        By the names that OpenStack clients know: a user or project by id too, OS_TOKEN in place of a password, and
        a domain by OS_USER_DOMAIN_…, OS_PROJECT_DOMAIN_…, or OS_DOMAIN_… and OS_DEFAULT_DOMAIN for both.
        """
        env = os.environ if environ is None else environ

        def first(*names: str) -> str:
            return next((env[name] for name in names if env.get(name)), "")

        needed = (("OS_AUTH_URL",), ("OS_USERNAME", "OS_USER_ID"), ("OS_PASSWORD", "OS_TOKEN"))
        token = first("OS_TOKEN") if not env.get("OS_PASSWORD") else ""
        missing = [names[0] for names in needed if not first(*names) and not (token and "OS_USERNAME" in names)]
        if missing:
            raise NotConfigured(f"{', '.join(missing)} not set in the environment")
        return cls(
            auth_url=auth_url(env["OS_AUTH_URL"]),
            username=first("OS_USERNAME"),
            password=first("OS_PASSWORD"),
            token=token,
            user_id=first("OS_USER_ID"),
            project_name=first("OS_PROJECT_NAME", "OS_TENANT_NAME"),
            project_id=first("OS_PROJECT_ID", "OS_TENANT_ID"),
            user_domain_id=first("OS_USER_DOMAIN_ID") or _unless("OS_USER_DOMAIN_NAME", "OS_DOMAIN_ID", env),
            user_domain_name=first("OS_USER_DOMAIN_NAME", "OS_DOMAIN_NAME", "OS_DEFAULT_DOMAIN"),
            project_domain_id=first("OS_PROJECT_DOMAIN_ID")
            or _unless("OS_PROJECT_DOMAIN_NAME", "OS_DOMAIN_ID", env),
            project_domain_name=first("OS_PROJECT_DOMAIN_NAME", "OS_DOMAIN_NAME", "OS_DEFAULT_DOMAIN"),
            region_name=first("OS_REGION_NAME"),
            ca_file=first("OS_CACERT"),
        )

    @classmethod
    def from_data_dir(cls, data_dir: Path) -> Self:
        """Read `credentials.json`, which `modelyard up` writes for its own user only."""
        path = data_dir / FILE_NAME
        if path.exists() and not path.is_file():  # to open a pipe waits
            raise NotConfigured(f"{path} is no regular file")
        try:
            stored = msgspec.json.decode(path.read_bytes(), type=_File)
        except FileNotFoundError:
            raise NotConfigured(f"there is no {path}") from None
        except OSError as e:
            raise NotConfigured(f"{path} cannot be read: {e.strerror}") from e
        except msgspec.DecodeError as e:
            raise NotConfigured(f"{path} is not a credentials file: {e}") from e
        if not stored.auth_url:
            raise NotConfigured(f"{path} does not say where the server is: start it once with `modelyard up`")
        if not stored.password:
            raise NotConfigured(f"{path} holds no password any more; set OS_PASSWORD and the other OS_* variables")
        return cls(
            auth_url=stored.auth_url,
            username=stored.user_name,
            password=stored.password,
            project_name=stored.project_name,
            project_id=stored.project_id,
            user_domain_name=stored.domain_name,
            project_domain_name=stored.domain_name,
            region_name=stored.region,
            gateway_url=stored.gateway_url,
        )

    def environment(self) -> dict[str, str]:
        """The variables that OpenStack clients read, password included."""
        variables = {
            "OS_AUTH_URL": self.auth_url,
            "OS_AUTH_TYPE": "password" if self.password else "token",
            "OS_IDENTITY_API_VERSION": "3",
            "OS_USERNAME": self.username,
            "OS_USER_ID": self.user_id,
            "OS_PASSWORD": self.password,
            "OS_TOKEN": "" if self.password else self.token,
            "OS_USER_DOMAIN_NAME": self.user_domain_name,
            "OS_USER_DOMAIN_ID": self.user_domain_id,
            "OS_PROJECT_DOMAIN_NAME": self.project_domain_name,
            "OS_PROJECT_DOMAIN_ID": self.project_domain_id,
            "OS_PROJECT_NAME": self.project_name,
            "OS_PROJECT_ID": self.project_id,
            "OS_REGION_NAME": self.region_name,
            "OS_CACERT": self.ca_file,
        }
        of_a_user = ("OS_USERNAME", "OS_USER_ID", "OS_USER_DOMAIN_NAME", "OS_USER_DOMAIN_ID")
        left_out = () if self.password else of_a_user  # clients refuse a user beside a token
        return {name: value for name, value in variables.items() if value and name not in left_out}


def auth_url(text: str) -> str:
    """The address of the identity API, whether or not its version was given.

    >>> auth_url("http://yard:8470"), auth_url("yard:8470/"), auth_url("https://yard/v3/")
    ('http://yard:8470/v3', 'http://yard:8470/v3', 'https://yard/v3')
    """
    plain = text.strip().rstrip("/")
    whole = plain if "://" in plain else f"http://{plain}"
    return whole if whole.endswith("/v3") else f"{whole}/v3"


def _unless(name: str, instead: str, env: Mapping[str, str]) -> str:
    return "" if env.get(name) else env.get(instead, "")
