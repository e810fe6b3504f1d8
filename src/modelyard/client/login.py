"""Logging in: Keystone v3's bodies (contract §6). Pure."""

from dataclasses import dataclass, field

import httpx

from modelyard.client.credentials import Credentials
from modelyard.client.records import Json

UNAUTHORIZED = 401
TOKEN_HEADER = "X-Auth-Token"  # noqa: S105 - the name of a header
SUBJECT_HEADER = "X-Subject-Token"


@dataclass(frozen=True, slots=True)
class Login:
    """A token and the project it is for ("" for none). `expires_at` as the server writes it."""

    token: str = field(repr=False)
    project_id: str = ""
    project_name: str = ""
    user_name: str = ""
    expires_at: str = ""


def tokens_url(credentials: Credentials) -> str:
    return f"{credentials.auth_url.rstrip('/')}/auth/tokens"


def body(c: Credentials) -> Json:
    """What a login with a password sends. A domain that is not known is left out: the server takes its own."""
    user: Json = (
        {"id": c.user_id} if c.user_id else {"name": c.username, **_domain(c.user_domain_id, c.user_domain_name)}
    )
    auth: Json = {"identity": {"methods": ["password"], "password": {"user": {**user, "password": c.password}}}}
    if c.project_id:
        auth["scope"] = {"project": {"id": c.project_id}}
    elif c.project_name:
        domain = _domain(c.project_domain_id, c.project_domain_name)
        auth["scope"] = {"project": {"name": c.project_name, **domain}}
    return {"auth": auth}


def accepted(response: httpx.Response, token: str = "") -> Login:
    """What an answer to a login (or, with `token`, to a question about it) says."""
    said = response.json()["token"]
    project, user = said.get("project") or {}, said.get("user") or {}
    return Login(
        response.headers.get(SUBJECT_HEADER, token),
        project.get("id", ""),
        project.get("name", ""),
        user.get("name", ""),
        said.get("expires_at", ""),
    )


def _domain(domain_id: str, name: str) -> Json:
    if domain_id:
        return {"domain": {"id": domain_id}}
    return {"domain": {"name": name}} if name else {}
