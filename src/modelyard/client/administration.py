# Made by scripts/twin.py from aio/administration.py: change that one, then `make client`.

"""Administration: users, projects, roles, access keys, and what projects may use. For administrators only.

Users and projects may be named or given by id; a name must leave no doubt.
"""

from collections.abc import Mapping

from modelyard.client.errors import UnknownName
from modelyard.client.records import Json, rows
from modelyard.client.session import Session

ADMIN = "/v1/modelyard/admin"
CREDENTIALS = "/v3.0/OS-CREDENTIAL/credentials"
SYSTEM = "system"
"""In place of a project: the whole installation."""
LONG_S = 3600.0
"""For what walks a whole data directory, or removes what nothing uses of it."""


class Administration:
    """The calls that are no project's."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _call(self, method: str, path: str, body: object = None, **params: str | int) -> Json:
        return self._session.absolute(method, path, body=body, params=params)

    def _long(self, method: str, path: str, **params: str | int) -> Json:
        """What takes as long as there are files."""
        return self._session.absolute(method, path, params=params, timeout_s=LONG_S)

    # Users and projects.

    def users(self) -> list[Json]:
        return rows(self._call("GET", "/v3/users"), "users")

    def user_id(self, key: str) -> str:
        """The id of the user with this name or id; UnknownName when there is none, or are several."""
        return _id("user", key, self.users())

    def create_user(self, name: str, password: str) -> Json:
        return _inner(self._call("POST", "/v3/users", {"user": {"name": name, "password": password}}), "user")

    def change_user(self, user: str, **change: object) -> Json:
        """`enabled`, `password` or `name`."""
        return _inner(self._call("PATCH", f"/v3/users/{self.user_id(user)}", {"user": change}), "user")

    def delete_user(self, user: str) -> None:
        self._call("DELETE", f"/v3/users/{self.user_id(user)}")

    def projects(self) -> list[Json]:
        return rows(self._call("GET", "/v3/projects"), "projects")

    def project_id(self, key: str) -> str:
        """As `user_id`."""
        return _id("project", key, self.projects())

    def project_names(self) -> dict[str, str]:
        """Names by id."""
        return {str(one["id"]): str(one["name"]) for one in self.projects()}

    def create_project(self, name: str) -> Json:
        return _inner(self._call("POST", "/v3/projects", {"project": {"name": name}}), "project")

    def change_project(self, project: str, **change: object) -> Json:
        """`enabled` or `name`."""
        path = f"/v3/projects/{self.project_id(project)}"
        return _inner(self._call("PATCH", path, {"project": change}), "project")

    # Roles and access keys.

    def grants(self, user: str | None = None, project: str | None = None) -> list[Json]:
        params: dict[str, str | int] = {"user.id": self.user_id(user)} if user else {}
        if project:
            params["scope.project.id"] = self.project_id(project)
        return rows(self._call("GET", "/v3/role_assignments", **params), "role_assignments")

    def grant(self, user: str, role: str, project: str) -> None:
        """`project` SYSTEM with the role admin makes an administrator."""
        self._call("PUT", self._role(user, role, project))

    def revoke(self, user: str, role: str, project: str) -> None:
        self._call("DELETE", self._role(user, role, project))

    def _role(self, user: str, role: str, project: str) -> str:
        where = SYSTEM if project == SYSTEM else f"projects/{self.project_id(project)}"
        return f"/v3/{where}/users/{self.user_id(user)}/roles/{role}"

    def access_keys(self, user: str) -> list[Json]:
        return rows(self._call("GET", CREDENTIALS, user_id=self.user_id(user)), "credentials")

    def create_access_key(self, user: str, project: str) -> Json:
        wanted = {"user_id": self.user_id(user), "project_id": self.project_id(project)}
        return _inner(self._call("POST", CREDENTIALS, {"credential": wanted}), "credential")

    def delete_access_key(self, access: str) -> None:
        self._call("DELETE", f"{CREDENTIALS}/{access}")

    def audit(self, *, everywhere: bool = False, **asked: str | int) -> list[Json]:
        """Who did what: in the project, or `everywhere` in the installation, newest first. `asked`: user, action,
        resource, outcome, logins ("false"), since, until (milliseconds), after (a number), order, limit."""
        if everywhere:
            return rows(self._call("GET", f"{ADMIN}/audit", **asked), "audit")
        return rows(self._session.call("GET", "/audit", params=asked), "audit")

    # What is used.

    def top(self) -> Json:
        """What the services of every project use now."""
        return self._call("GET", f"{ADMIN}/top")

    def disk(self) -> Json:
        """Bytes of the data directory by what uses them, and what is free."""
        return self._long("GET", f"{ADMIN}/disk")

    def clean(self, *, dry_run: bool) -> Json:
        """Remove what nothing uses; what it was, or would be."""
        return self._long("POST", f"{ADMIN}/clean", **({"dry_run": "true"} if dry_run else {}))

    # What projects may use.

    def quotas(self, project: str, wanted: Mapping[str, int] | None = None) -> Json:
        """Those of a project, after setting some."""
        path = f"{ADMIN}/projects/{self.project_id(project)}/quotas"
        answer = self._call("PUT", path, {"quotas": dict(wanted)}) if wanted else self._call("GET", path)
        return _inner(answer, "quotas")

    def used(self, project: str) -> Json:
        """What a project has of what its quotas count, by the quota."""
        path = f"{ADMIN}/projects/{self.project_id(project)}/quotas"
        used = (self._call("GET", path)).get("used")
        return used if isinstance(used, dict) else {}

    def flavors(self) -> list[Json]:
        return rows(self._call("GET", f"{ADMIN}/flavors"), "flavors")

    def create_flavor(self, name: str, **fields: object) -> Json:
        return self._call("POST", f"{ADMIN}/flavors", {"name": name, **fields})

    def change_flavor(self, name: str, **fields: object) -> Json:
        return self._call("PATCH", f"{ADMIN}/flavors/{name}", fields)

    def delete_flavor(self, name: str) -> None:
        self._call("DELETE", f"{ADMIN}/flavors/{name}")

    def pools(self) -> list[Json]:
        return rows(self._call("GET", f"{ADMIN}/pools"), "pools")

    def pool_id(self, key: str) -> str:
        return _id("pool", key, self.pools(), "pool_id")

    def create_pool(self, name: str, project: str, **fields: object) -> Json:
        return self._call(
            "POST", f"{ADMIN}/pools", {"name": name, "project_id": self.project_id(project), **fields}
        )

    def change_pool(self, pool: str, **fields: object) -> Json:
        return self._call("PATCH", f"{ADMIN}/pools/{self.pool_id(pool)}", fields)

    def delete_pool(self, pool: str) -> None:
        self._call("DELETE", f"{ADMIN}/pools/{self.pool_id(pool)}")

    def buckets(self) -> list[Json]:
        return rows(self._call("GET", f"{ADMIN}/buckets"), "buckets")

    def claim_bucket(self, bucket: str, project: str, **where: str) -> None:
        """`where`: endpoint, access_key, secret_key and perhaps region of the S3 service that has it."""
        body = {"project_id": self.project_id(project), **where}
        self._call("PUT", f"{ADMIN}/buckets/{bucket}", body)

    def release_bucket(self, bucket: str) -> None:
        self._call("DELETE", f"{ADMIN}/buckets/{bucket}")


def _id(kind: str, key: str, candidates: list[Json], field: str = "id") -> str:
    ids = [str(one[field]) for one in candidates]
    if key in ids:
        return key
    named = [str(one[field]) for one in candidates if one.get("name") == key]
    if len(named) != 1:
        raise UnknownName(f"there are {len(named)} {kind}s named {key!r}" if named else f"no {kind} {key!r}")
    return named[0]


def _inner(answer: Json, name: str) -> Json:
    value = answer.get(name)
    return value if isinstance(value, dict) else answer
