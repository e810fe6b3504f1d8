"""By which names of domains a user and a project are found."""

from typing import Any, cast

import pytest

from modelyard.domain.identity import Project, User
from modelyard.operations.scopes import Named, project_named, user_named
from modelyard.store.base import ReadTransaction


class Directory:
    async def users(self, *, name: str | None = None) -> list[User]:
        return [User("u1", "ada", "d1", "hash")] if name == "ada" else []

    async def projects(self, *, name: str | None = None, user_id: str | None = None) -> list[Project]:
        del user_id
        return [Project("p1", "lab", "d1", "modelyard")] if name in (None, "lab") else []


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        pytest.param(None, True, id="omitted"),
        pytest.param("modelyard", True, id="name"),
        pytest.param("d1", True, id="id"),
        pytest.param("default", True, id="default by id, as OpenStack clients add it"),
        pytest.param("Default", True, id="default by name"),
        pytest.param("sales", False, id="another"),
        pytest.param("Modelyard", False, id="another case"),
    ],
)
async def test_the_default_domain_is_the_servers_own(domain: str | None, found: bool) -> None:
    there = cast("ReadTransaction", cast("Any", Directory()))
    assert (await user_named(there, Named(name="ada", domain=domain)) is not None) == found
    assert (await project_named(there, Named(name="lab", domain=domain), "d1") is not None) == found
