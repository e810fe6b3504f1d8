"""Users, projects, roles and access keys: `/v3`, in Keystone's shape, so that `openstack user create` and its like
work; access keys as the vendor has them. Extensions of the contract, for administrators of the installation;
others see themselves and their own projects.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request, Response

from modelyard.api import keystone
from modelyard.api.documents import ERRORS, asks, takes
from modelyard.api.requests import Caller, ContextDep, Everything, address, body, query
from modelyard.api.routes.identity import base_url
from modelyard.api.schemas import identity as wire
from modelyard.api.schemas.wire import Parsed
from modelyard.domain.errors import Invalid, NotFound, Violation
from modelyard.domain.identity import SYSTEM, Project, Role, User
from modelyard.operations import accounts as admin
from modelyard.operations.accounts import UserChange
from modelyard.operations.scopes import same_domain

Held = TypeVar("Held", User, Project)


def _base(request: Request, deps: Everything) -> str:
    return base_url(request, deps)


Base = Annotated[str, Depends(_base)]
"""Where callers reach this API, without a slash at the end."""

router = APIRouter(prefix="/v3", tags=["administration"], responses=ERRORS)
keys = APIRouter(prefix="/v3.0/OS-CREDENTIAL/credentials", tags=["administration"], responses=ERRORS)

Json = dict[str, Any]
MADE: Json = {"status_code": 201}
Listed = Annotated[wire.List, Depends(query(wire.List))]
UserSent = Annotated[Parsed[wire.UserBody], Depends(body(wire.UserBody))]
ProjectSent = Annotated[Parsed[wire.ProjectBody], Depends(body(wire.ProjectBody))]

USER = {"user": {"name": "bob", "password": "correct horse", "enabled": True}}
PASSWORD = {"user": {"original_password": "correct horse", "password": "battery staple"}}
PROJECT = {"project": {"name": "research"}}
CREDENTIAL = {"credential": {"user_id": "9f0c3a", "project_id": "4e1d77"}}


@router.get("/users", summary="List users", openapi_extra=asks(wire.List))
async def users(base: Base, ctx: ContextDep, caller: Caller, asked: Listed) -> Json:
    return keystone.users(base, _asked(await admin.users(ctx, caller, asked.name), asked))


@router.get("/users/{user_id}", summary="Show a user")
async def user(base: Base, ctx: ContextDep, caller: Caller, user_id: str) -> Json:
    return {"user": keystone.user(base, await admin.user(ctx, caller, user_id))}


@router.post("/users", summary="Create a user", **MADE, openapi_extra=takes(wire.UserBody, USER))
async def create_user(base: Base, deps: Everything, ctx: ContextDep, caller: Caller, sent: UserSent) -> Json:
    """Without any role: see PUT …/roles/{role_id}."""
    given = _read(sent).user or wire.NewUser()
    change = UserChange(given.name, given.password, given.enabled)
    made = await admin.create_user(ctx, caller, deps.passwords, change, given.domain_id)
    return {"user": keystone.user(base, made)}


@router.patch("/users/{user_id}", summary="Change a user", openapi_extra=takes(wire.UserBody, USER))
async def change_user(base: Base, deps: Everything, caller: Caller, user_id: str, sent: UserSent) -> Json:
    """A new password, and `enabled: false`, end every token of the user within seconds."""
    given = _read(sent).user or wire.NewUser()
    if given.domain_id and given.domain_id != (await admin.user(deps.context, caller, user_id)).domain_id:
        raise Invalid(Violation("user.domain_id", "cannot be changed"))
    change = UserChange(given.name, given.password, given.enabled)
    made = await admin.change_user(deps.context, caller, deps.passwords, user_id, change)
    return {"user": keystone.user(base, made)}


@router.delete("/users/{user_id}", summary="Delete a user", status_code=204, response_class=Response)
async def delete_user(ctx: ContextDep, caller: Caller, user_id: str) -> Response:
    """With roles and access keys; the user's tokens end within seconds. Models and services stay."""
    await admin.delete_user(ctx, caller, user_id)
    return Response(status_code=204)


@router.post(
    "/users/{user_id}/password",
    summary="Change the own password",
    status_code=204,
    response_class=Response,
    openapi_extra=takes(wire.PasswordBody, PASSWORD),
)
async def change_password(
    request: Request,
    deps: Everything,
    caller: Caller,
    *,
    user_id: str,
    sent: Annotated[Parsed[wire.PasswordBody], Depends(body(wire.PasswordBody))],
) -> Response:
    """Ends every token of the user, this one too."""
    given = _read(sent).user or wire.Passwords()
    if user_id != caller.user_id:
        raise NotFound("user", user_id)
    before, after = given.original_password or "", given.password or ""
    await admin.change_own_password(deps.context, caller, deps.identity, before, after, address=address(request))
    return Response(status_code=204)


@router.get("/projects", summary="List projects", openapi_extra=asks(wire.List))
async def projects(base: Base, ctx: ContextDep, caller: Caller, asked: Listed) -> Json:
    """All for an administrator, otherwise those in which the caller has a role."""
    return keystone.projects(base, _asked(await admin.projects(ctx, caller, asked.name), asked))


@router.get("/projects/{project_id}", summary="Show a project")
async def project(base: Base, ctx: ContextDep, caller: Caller, project_id: str) -> Json:
    return {"project": keystone.project(base, await admin.project(ctx, caller, project_id))}


@router.post("/projects", summary="Create a project", **MADE, openapi_extra=takes(wire.ProjectBody, PROJECT))
async def create_project(base: Base, ctx: ContextDep, caller: Caller, sent: ProjectSent) -> Json:
    given = _read(sent).project or wire.NewProject()
    enabled = given.enabled is not False
    made = await admin.create_project(ctx, caller, given.name, domain=given.domain_id, enabled=enabled)
    return {"project": keystone.project(base, made)}


@router.patch("/projects/{project_id}", summary="Change a project", openapi_extra=takes(wire.ProjectBody, PROJECT))
async def change_project(base: Base, ctx: ContextDep, caller: Caller, project_id: str, sent: ProjectSent) -> Json:
    """`enabled: false`: within seconds nobody may call anything of the project. What runs goes on."""
    given = _read(sent).project or wire.NewProject()
    if given.domain_id and given.domain_id != (await admin.project(ctx, caller, project_id)).domain_id:
        raise Invalid(Violation("project.domain_id", "cannot be changed"))
    made = await admin.change_project(ctx, caller, project_id, name=given.name, enabled=given.enabled)
    return {"project": keystone.project(base, made)}


@router.get("/domains", summary="List domains", openapi_extra=asks(wire.List))
async def domains(base: Base, ctx: ContextDep, caller: Caller, asked: Listed) -> Json:
    """Those of the projects that the caller sees."""
    names = {caller.domain_id: caller.domain_name}
    names |= {one.domain_id: one.domain_name for one in await admin.projects(ctx, caller)}
    wanted = [one for one in names.items() if same_domain(asked.name, *one) and asked.enabled is not False]
    return keystone.domains(base, wanted)


@router.get("/domains/{domain_id}", summary="Show a domain")
async def domain(base: Base, ctx: ContextDep, caller: Caller, domain_id: str) -> Json:
    for one in [(caller.domain_id, caller.domain_name)] + [
        (known.domain_id, known.domain_name) for known in await admin.projects(ctx, caller)
    ]:
        if same_domain(domain_id, *one):
            return {"domain": keystone.domain(base, *one)}
    raise NotFound("domain", domain_id)


@router.get("/roles", summary="List roles", openapi_extra=asks(wire.List))
async def roles(base: Base, caller: Caller, asked: Listed) -> Json:
    del caller
    return keystone.roles(base, [one for one in Role if asked.name in (None, one.value)])


@router.get("/roles/{role_id}", summary="Show a role")
async def role(base: Base, caller: Caller, role_id: str) -> Json:
    del caller
    if role_id not in {one.value for one in Role}:
        raise NotFound("role", role_id)
    return {"role": keystone.role(base, Role(role_id))}


@router.get("/role_assignments", summary="List who has which role")
async def assignments(request: Request, base: Base, ctx: ContextDep, caller: Caller) -> Json:
    """Query: `user.id`, `scope.project.id`, `include_names`. Administrators have the scope `system`."""
    asked = request.query_params
    grants = await admin.grants(
        ctx, caller, user_id=asked.get("user.id"), project_id=asked.get("scope.project.id")
    )
    names: Mapping[str, Json] = {}
    if "include_names" in asked:
        names = keystone.assigned_names(await admin.users(ctx, caller), await admin.projects(ctx, caller))
    return keystone.assignments(base, grants, names)


@router.get("/projects/{project_id}/users/{user_id}/roles", summary="List a user's roles in a project")
async def roles_of(base: Base, ctx: ContextDep, caller: Caller, project_id: str, user_id: str) -> Json:
    grants = await admin.grants(ctx, caller, user_id=user_id, project_id=project_id)
    return keystone.roles(base, [one.role for one in grants])


ROLE = "/projects/{project_id}/users/{user_id}/roles/{role_id}"
SYSTEM_ROLE = "/system/users/{user_id}/roles/{role_id}"
DONE: dict[str, Any] = {"status_code": 204, "response_class": Response}


@router.put(ROLE, summary="Grant a role", **DONE)
async def grant(ctx: ContextDep, caller: Caller, project_id: str, user_id: str, role_id: str) -> Response:
    """admin, member, reader or invoker. It counts from the user's next login; a token keeps the roles it has."""
    await admin.grant(ctx, caller, user_id, project_id, role_id)
    return Response(status_code=204)


@router.delete(ROLE, summary="Revoke a role", **DONE)
async def revoke(ctx: ContextDep, caller: Caller, project_id: str, user_id: str, role_id: str) -> Response:
    """In effect within seconds: every token of the user ends, and a new login gets the roles that are left."""
    await admin.revoke(ctx, caller, user_id, project_id, role_id)
    return Response(status_code=204)


@router.put(SYSTEM_ROLE, summary="Make an administrator of the installation", **DONE)
async def grant_system(ctx: ContextDep, caller: Caller, user_id: str, role_id: str) -> Response:
    """The only role here is admin."""
    await admin.grant(ctx, caller, user_id, SYSTEM, role_id)
    return Response(status_code=204)


@router.delete(SYSTEM_ROLE, summary="Make an administrator a user again", **DONE)
async def revoke_system(ctx: ContextDep, caller: Caller, user_id: str, role_id: str) -> Response:
    """The last administrator stays one."""
    await admin.revoke(ctx, caller, user_id, SYSTEM, role_id)
    return Response(status_code=204)


@keys.get("", summary="List access keys", openapi_extra=asks(wire.CredentialList))
async def access_keys(
    ctx: ContextDep, caller: Caller, asked: Annotated[wire.CredentialList, Depends(query(wire.CredentialList))]
) -> Json:
    """The caller's own, or those of `user_id` for an administrator; without their secrets."""
    held = await admin.access_keys(ctx, caller, asked.user_id)
    return {"credentials": [keystone.credential(one) for one in held]}


@keys.post("", summary="Create an access key", **MADE, openapi_extra=takes(wire.CredentialBody, CREDENTIAL))
async def create_access_key(
    ctx: ContextDep,
    caller: Caller,
    sent: Annotated[Parsed[wire.CredentialBody], Depends(body(wire.CredentialBody))],
) -> Json:
    """For the caller and their project, unless `user_id` and `project_id` say otherwise. Only this answer has the
    secret."""
    given = _read(sent).credential or wire.NewCredential()
    made = await admin.create_access_key(ctx, caller, given.user_id, given.project_id)
    return {"credential": keystone.credential(made)}


@keys.delete("/{access_key}", summary="Delete an access key", status_code=204, response_class=Response)
async def delete_access_key(ctx: ContextDep, caller: Caller, access_key: str) -> Response:
    """The next request signed with it is refused."""
    await admin.delete_access_key(ctx, caller, access_key)
    return Response(status_code=204)


def _read(sent: Parsed[Any]) -> Any:
    if sent.violations:
        raise Invalid(*sent.violations)
    return sent.value


def _asked(held: Sequence[Held], asked: wire.List) -> list[Held]:
    """Those of the domain, and as enabled, as the query says."""
    return [
        one
        for one in held
        if same_domain(asked.domain_id, one.domain_id, one.domain_id) and asked.enabled in (None, one.enabled)
    ]
