"""What a login asks for, from Keystone's bodies (contract §6)."""

from typing import Any

import pytest

from modelyard.api import keystone
from modelyard.api.schemas.identity import LoginBody
from modelyard.domain.errors import Invalid
from modelyard.operations.identity import Login
from modelyard.operations.scopes import Named, Wanted

PASSWORD = {"methods": ["password"], "password": {"user": {"id": "u1", "password": "secret"}}}


def read(identity: Any, scope: Any = None) -> Login:
    auth = {"identity": identity, **({} if scope is None else {"scope": scope})}
    return keystone.login(LoginBody.parse({"auth": auth}), "1.2.3.4")


@pytest.mark.parametrize(
    ("scope", "wanted"),
    [
        pytest.param(None, Wanted(), id="no word"),
        pytest.param({}, Wanted(), id="empty"),
        pytest.param("unscoped", Wanted(unscoped=True), id="unscoped, a word"),
        pytest.param({"unscoped": {}}, Wanted(unscoped=True), id="unscoped, an object"),
        pytest.param({"project": {"id": "p"}}, Wanted(project=Named(id="p")), id="project by id"),
        pytest.param(
            {"project": {"id": "p", "domain": {"id": "d"}}},
            Wanted(project=Named(id="p")),
            id="an id needs no domain",
        ),
        pytest.param({"project": {"name": "n"}}, Wanted(project=Named(name="n")), id="project by name"),
        pytest.param(
            {"project": {"name": "n", "domain": {"name": "Default"}}},
            Wanted(project=Named(name="n", domain="Default")),
            id="project by name in a domain",
        ),
        pytest.param({"domain": {"id": "d"}}, Wanted(domain=Named(id="d")), id="domain by id"),
        pytest.param({"domain": {"name": "Default"}}, Wanted(domain=Named(name="Default")), id="domain by name"),
    ],
)
def test_scopes(scope: Any, wanted: Wanted) -> None:
    login = read(PASSWORD, scope)
    assert (login.scope, login.user, login.password, login.address) == (
        wanted,
        Named(id="u1"),
        "secret",
        "1.2.3.4",
    )


def test_a_user_by_name_in_a_domain() -> None:
    user = {"name": "ada", "domain": {"id": "d1"}, "password": "secret"}
    assert read({"methods": ["password"], "password": {"user": user}}).user == Named(name="ada", domain="d1")


def test_a_token_for_another_scope() -> None:
    login = read({"methods": ["token"], "token": {"id": "t"}}, {"project": {"id": "p"}})
    assert (login.token, login.scope) == ("t", Wanted(project=Named(id="p")))


@pytest.mark.parametrize(
    ("identity", "scope", "field"),
    [
        pytest.param({"methods": []}, None, "auth.identity.methods", id="no method"),
        pytest.param({"methods": ["magic"]}, None, "auth.identity.methods", id="unknown method"),
        pytest.param({"methods": ["password", "token"]}, None, "auth.identity.methods", id="two methods"),
        pytest.param({"methods": ["password"]}, None, "auth.identity.password", id="no password object"),
        pytest.param({"methods": ["token"]}, None, "auth.identity.token", id="no token object"),
        pytest.param(PASSWORD, {"project": {"id": "p"}, "domain": {"id": "d"}}, "auth.scope", id="two scopes"),
        pytest.param({**PASSWORD, "totp": {"x": 1}}, None, "auth.identity.totp", id="not offered"),
    ],
)
def test_what_is_refused(identity: Any, scope: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(identity, scope)
    assert field in {violation.field for violation in caught.value.violations}


def test_secrets_are_in_no_repr() -> None:
    assert "secret" not in repr(read(PASSWORD))
    assert "t0ken" not in repr(read({"methods": ["token"], "token": {"id": "t0ken"}}))
