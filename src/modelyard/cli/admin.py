"""`modelyard admin …`: users, projects, roles, access keys. For administrators of the installation.

A password never comes as an argument, which everybody on the machine could read: it is made here, or read from
standard input.
"""

import secrets
import sys
from typing import Annotated

import typer

from modelyard.cli import views
from modelyard.cli.asking import confirm_deletion
from modelyard.cli.context import AsJson, DataDir, Yes, connect, print_answer, print_json
from modelyard.client.administration import SYSTEM
from modelyard.client.records import Json

app = typer.Typer(no_args_is_help=True, help="Administer the installation: users, projects, limits.")
users = typer.Typer(no_args_is_help=True, help="Who may log in.")
projects = typer.Typer(no_args_is_help=True, help="What users, services and models belong to.")
keys = typer.Typer(no_args_is_help=True, help="Access keys, for requests that are signed.")
app.add_typer(users, name="users")
app.add_typer(projects, name="projects")
app.add_typer(keys, name="keys")

User = Annotated[str, typer.Argument(metavar="USER", help="Name or id of a user.")]
Project = Annotated[str, typer.Argument(metavar="PROJECT", help="Name or id of a project.")]
Role = Annotated[str, typer.Argument(metavar="ROLE", help="admin, member, reader or invoker.")]
From = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
Where = Annotated[str | None, typer.Option("--project", help="Name or id of a project.")]
Installation = Annotated[bool, typer.Option("--installation", help="The whole installation, not a project.")]


@users.command("list")
def list_users(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every user."""
    with connect(data_dir) as yard:
        found = yard.admin.users()
    _print(found, as_json, "id", "name", "enabled")


@users.command("create")
def create_user(name: str, stdin: From = False, data_dir: DataDir = None) -> None:
    """Create a user, who has no role anywhere yet; prints the password that was made."""
    password = _password(stdin)
    with connect(data_dir) as yard:
        yard.admin.create_user(name, password)
    _made(name, password, stdin)


@users.command("password")
def new_password(user: User, stdin: From = False, data_dir: DataDir = None) -> None:
    """Give a user a new password. Their tokens end."""
    password = _password(stdin)
    with connect(data_dir) as yard:
        yard.admin.change_user(user, password=password)
    _made(user, password, stdin)


@users.command("disable")
def disable_user(user: User, data_dir: DataDir = None) -> None:
    """Let a user call nothing any more, from the next seconds on."""
    with connect(data_dir) as yard:
        yard.admin.change_user(user, enabled=False)


@users.command("enable")
def enable_user(user: User, data_dir: DataDir = None) -> None:
    """Let a user log in again."""
    with connect(data_dir) as yard:
        yard.admin.change_user(user, enabled=True)


@users.command("delete")
def delete_user(user: User, *, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Delete a user with roles and access keys. Models and services stay."""
    with connect(data_dir) as yard:
        if not yes:
            roles, keys = len(yard.admin.grants(user)), len(yard.admin.access_keys(user))
            confirm_deletion(f"user {user}, with {roles} roles and {keys} access keys", yes)
        yard.admin.delete_user(user)


@projects.command("list")
def list_projects(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every project."""
    with connect(data_dir) as yard:
        found = yard.admin.projects()
    _print(found, as_json, "id", "name", "enabled")


@projects.command("create")
def create_project(name: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Create a project; nobody has a role in it yet."""
    with connect(data_dir) as yard:
        made = yard.admin.create_project(name)
    if as_json:
        print_json(made)
    else:
        typer.echo(made["id"])


@projects.command("disable")
def disable_project(project: Project, data_dir: DataDir = None) -> None:
    """Let nobody call anything of a project. What runs goes on."""
    with connect(data_dir) as yard:
        yard.admin.change_project(project, enabled=False)


@projects.command("enable")
def enable_project(project: Project, data_dir: DataDir = None) -> None:
    """Open a project again."""
    with connect(data_dir) as yard:
        yard.admin.change_project(project, enabled=True)


@app.command("grants")
def list_grants(
    user: Annotated[str | None, typer.Option("--user", help="Name or id of a user.")] = None,
    project: Where = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List who has which role where."""
    with connect(data_dir) as yard:
        grants = yard.admin.grants(user, project)
        names = {str(one["id"]): one["name"] for one in (*yard.admin.users(), *yard.admin.projects())}
    if as_json:
        print_json(grants)
    else:
        _print([_named(one, names) for one in grants], False, "user", "role", "project")


@app.command()
def grant(
    user: User, role: Role, project: Where = None, installation: Installation = False, data_dir: DataDir = None
) -> None:
    """Give a user a role in a project, or make them an administrator (admin --installation)."""
    with connect(data_dir) as yard:
        yard.admin.grant(user, role, _place(project, installation))


@app.command()
@app.command("withdraw", hidden=True)
def revoke(
    user: User,
    role: Role,
    *,
    project: Where = None,
    installation: Installation = False,
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Take a role away. The user's tokens end within seconds; a new login has the roles that are left."""
    place = _place(project, installation)
    with connect(data_dir) as yard:
        yard.admin.user_id(user)
        where = "the installation" if place == SYSTEM else f"project {place}"
        confirm_deletion(f"the role {role} of user {user} in {where}; all their tokens end", yes)
        yard.admin.revoke(user, role, place)


@keys.command("list")
def list_keys(user: User, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the access keys of a user."""
    with connect(data_dir) as yard:
        found = yard.admin.access_keys(user)
        names = yard.admin.project_names()
    print_answer(found, views.plain(views.named(found, names), "access", "project"), as_json=as_json)


@keys.command("create")
def create_key(user: User, project: Project, data_dir: DataDir = None) -> None:
    """Create an access key of a user for a project. Its secret is printed this once."""
    with connect(data_dir) as yard:
        print_json(yard.admin.create_access_key(user, project))


@keys.command("delete")
def delete_key(
    access: Annotated[str, typer.Argument(metavar="ACCESS", help="The access key; `keys list USER` has it.")],
    *,
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Delete an access key, at once."""
    with connect(data_dir) as yard:
        confirm_deletion(f"access key {access}; what is signed with it is refused from then on", yes)
        yard.admin.delete_access_key(access)


def _place(project: str | None, installation: bool) -> str:
    if installation == (project is not None):
        raise typer.BadParameter("name a project with --project, or say --installation")
    return SYSTEM if project is None else project


def _password(stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\n") if stdin else secrets.token_urlsafe(18)


def _made(name: str, password: str, stdin: bool) -> None:
    """Only what was made here is shown."""
    if not stdin:
        print_json({"name": name, "password": password})


def _named(one: Json, names: dict[str, object]) -> Json:
    user, scope = one.get("user"), one.get("scope")
    project = scope.get("project") if isinstance(scope, dict) else None
    user_id = str(user.get("id")) if isinstance(user, dict) else ""
    project_id = str(project.get("id")) if isinstance(project, dict) else ""
    role = one.get("role")
    return {
        "user": names.get(user_id, user_id),
        "role": role.get("name") if isinstance(role, dict) else "",
        "project": names.get(project_id, project_id) if project_id else "(the installation)",
    }


def _print(things: list[Json], as_json: bool, *columns: str) -> None:
    print_answer(things, views.plain(things, *columns), as_json=as_json)
