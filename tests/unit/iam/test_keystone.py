"""The Keystone shape: what logins mean, and how answers look."""

import pytest

from modelyard.domain.errors import Invalid
from modelyard.domain.identity import Principal, Project, Role
from modelyard.iam import keystone
from modelyard.iam.keystone import DomainScope, Login, Named, PasswordLogin, Places, ProjectScope, TokenLogin
from modelyard.iam.tokens import Scope, Token

USER = {"name": "ada", "password": "pw", "domain": {"name": "Domain"}}
ADA = PasswordLogin(Named(name="ada", domain_name="Domain"), "pw")


def body(user: object = USER, **auth: object) -> dict[str, object]:
    return {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, **auth}}


def token_body(token: object) -> dict[str, object]:
    return {"auth": {"identity": {"methods": ["token"], "token": token}}}


@pytest.mark.parametrize(
    ("request_body", "expected"),
    [
        pytest.param(body(), Login(ADA), id="user by name and domain name"),
        pytest.param(
            body({"name": "ada", "password": "pw", "domain": {"id": "d"}}),
            Login(PasswordLogin(Named(name="ada", domain_id="d"), "pw")),
            id="user by name and domain id",
        ),
        pytest.param(
            body({"name": "ada", "password": "pw"}),
            Login(PasswordLogin(Named(name="ada"), "pw")),
            id="user by name alone",
        ),
        pytest.param(
            body({"id": "u1", "password": "pw", "domain": None}),
            Login(PasswordLogin(Named(id="u1"), "pw")),
            id="user by id",
        ),
        pytest.param(token_body({"id": "abc"}), Login(TokenLogin("abc")), id="token"),
        pytest.param(
            body(scope={"project": {"id": "p1"}}), Login(ADA, ProjectScope(Named(id="p1"))), id="project by id"
        ),
        pytest.param(
            body(scope={"project": {"name": "north", "domain": {"name": "Domain"}}}),
            Login(ADA, ProjectScope(Named(name="north", domain_name="Domain"))),
            id="project by name and domain",
        ),
        pytest.param(
            body(scope={"project": {"name": "north"}}),
            Login(ADA, ProjectScope(Named(name="north"))),
            id="project by name alone",
        ),
        pytest.param(
            body(scope={"domain": {"id": "d"}}), Login(ADA, DomainScope(Named(id="d"))), id="domain by id"
        ),
        pytest.param(
            body(scope={"domain": {"name": "D"}}), Login(ADA, DomainScope(Named(name="D"))), id="domain by name"
        ),
        pytest.param(body(scope="unscoped"), Login(ADA), id="unscoped"),
        pytest.param(body(scope={"unscoped": {}}), Login(ADA), id="unscoped as an object"),
    ],
)
def test_a_login_is_understood(request_body: object, expected: Login) -> None:
    assert keystone.login(request_body) == expected


@pytest.mark.parametrize(
    ("request_body", "field"),
    [
        (None, "auth"),
        ([], "auth"),
        ({}, "auth"),
        ({"auth": "x"}, "auth"),
        ({"auth": {}}, "auth.identity"),
        ({"auth": {"identity": {}}}, "auth.identity.methods"),
        ({"auth": {"identity": {"methods": "password"}}}, "auth.identity.methods"),
        ({"auth": {"identity": {"methods": ["totp"]}}}, "auth.identity.methods"),
        ({"auth": {"identity": {"methods": ["password", "token"]}}}, "auth.identity.methods"),
        ({"auth": {"identity": {"methods": ["password"]}}}, "auth.identity.password"),
        (body({"name": "ada"}), "auth.identity.password.user.password"),
        (body({"password": "pw"}), "auth.identity.password.user"),
        (body({"name": 7, "password": "pw"}), "auth.identity.password.user.name"),
        (body({"name": "a", "password": "pw", "domain": {}}), "auth.identity.password.user.domain.name"),
        (body({"name": "a", "password": "pw", "domain": "d"}), "auth.identity.password.user.domain"),
        (token_body({}), "auth.identity.token.id"),
        (body(scope=7), "auth.scope"),
        (body(scope={"OS-TRUST:trust": {"id": "x"}}), "auth.scope"),
        (body(scope={"project": {}}), "auth.scope.project"),
        (body(scope={"project": {"id": "p"}, "domain": {"id": "d"}}), "auth.scope"),
    ],
)
def test_a_broken_login_names_the_field(request_body: object, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        keystone.login(request_body)
    assert [violation.field for violation in caught.value.violations] == [field]


def test_secrets_are_not_shown() -> None:
    assert "pw" not in repr(keystone.login(body()))
    assert "abc" not in repr(keystone.login(token_body({"id": "abc"})))


PLACES = Places("http://api:8470", "http://api:8470/v3", "local")
WHO = Principal("u1", "ada", "d1", "Domain", "p1", "north", frozenset({Role.READER, Role.ADMIN}))
DOMAIN = {"id": "d1", "name": "Domain"}


def test_the_body_of_a_project_token() -> None:
    token = Token(WHO, Scope.PROJECT, ("password",), 1_769_860_800, 1_769_947_200, "audit")
    assert keystone.token_body(token, PLACES) == {
        "token": {
            "methods": ["password"],
            "user": {"id": "u1", "name": "ada", "domain": DOMAIN, "password_expires_at": None},
            "audit_ids": ["audit"],
            "issued_at": "2026-01-31T12:00:00.000000Z",
            "expires_at": "2026-02-01T12:00:00.000000Z",
            "project": {"id": "p1", "name": "north", "domain": DOMAIN},
            "is_domain": False,
            "roles": [{"id": "admin", "name": "admin"}, {"id": "reader", "name": "reader"}],
            "catalog": [
                {
                    "id": "identity",
                    "type": "identity",
                    "name": "identity",
                    "endpoints": [
                        {
                            "id": "identity-public",
                            "interface": "public",
                            "region": "local",
                            "region_id": "local",
                            "url": "http://api:8470/v3",
                        }
                    ],
                },
                {
                    "id": "modelartsv1",
                    "type": "modelartsv1",
                    "name": "modelarts",
                    "endpoints": [
                        {
                            "id": "modelartsv1-public",
                            "interface": "public",
                            "region": "local",
                            "region_id": "local",
                            "url": "http://api:8470/v1/p1",
                        }
                    ],
                },
            ],
        }
    }


def test_bodies_of_other_tokens() -> None:
    nobody = Principal("u1", "ada", "d1", "Domain", None, None, frozenset())
    unscoped = keystone.token_body(Token(nobody, Scope.UNSCOPED, ("password",), 0, 1, "x"), PLACES)["token"]
    assert unscoped.keys() == {"methods", "user", "audit_ids", "issued_at", "expires_at"}
    domain = keystone.token_body(Token(nobody, Scope.DOMAIN, ("password",), 0, 1, "x"), PLACES)["token"]
    assert domain["domain"] == DOMAIN
    assert "project" not in domain
    assert [service["type"] for service in domain["catalog"]] == ["identity"]
    without = keystone.token_body(Token(WHO, Scope.PROJECT, (), 0, 1, "x"), PLACES, catalog=False)["token"]
    assert "catalog" not in without


def test_lists_of_projects_and_domains() -> None:
    projects = [Project("p1", "north", "d1", "Domain"), Project("p2", "south", "d1", "Domain", enabled=False)]
    listed = keystone.projects_body(projects, "http://api/v3", "projects")
    assert [(p["id"], p["name"], p["domain_id"], p["enabled"]) for p in listed["projects"]] == [
        ("p1", "north", "d1", True),
        ("p2", "south", "d1", False),
    ]
    assert listed["links"] == {"self": "http://api/v3/projects", "previous": None, "next": None}
    domains = keystone.domains_body(projects, "http://api/v3", "auth/domains")["domains"]
    assert [(d["id"], d["name"]) for d in domains] == [("d1", "Domain")]
    assert keystone.version_body("http://api/v3")["version"]["links"] == [
        {"rel": "self", "href": "http://api/v3/"}
    ]
    error = {"code": 401, "title": "Unauthorized", "message": "no"}
    assert keystone.error_body(401, "Unauthorized", "no") == {"error": error}
