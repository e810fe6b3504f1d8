"""`modelyard login | logout | whoami`: who the other commands speak for."""

import getpass
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from modelyard.cli import profiles, views
from modelyard.cli.asking import somebody
from modelyard.cli.context import (
    AsJson,
    DataDir,
    Profile,
    Source,
    connect,
    errors,
    make_client,
    print_answer,
    source,
)
from modelyard.client import ClientError, Credentials, NotConfigured
from modelyard.client.credentials import auth_url
from modelyard.client.login import SUBJECT_HEADER
from modelyard.client.outgoing import Outgoing
from modelyard.client.records import Json, rows


def login(
    *,
    url: Annotated[
        str | None, typer.Option("--url", envvar="OS_AUTH_URL", help="Address of the server: http://HOST:8470")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", envvar="OS_USERNAME", help="Name of the user.")] = None,
    project: Annotated[
        str | None,
        typer.Option(
            "--project", envvar="OS_PROJECT_NAME", help="Name of the project; asked for if there are several."
        ),
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input, do not ask for it.")
    ] = False,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            "--ca-file",
            envvar="OS_CACERT",
            metavar="FILE",
            help="Believe these certificates (PEM) instead of the usual ones: those of a CA of your own. Kept.",
        ),
    ] = None,
    profile: Profile = None,
) -> None:
    """Log in, for the commands that follow. Asks for what is not given; keeps a token, never the password.

    The token is good for a day, then log in again. With --profile NAME several logins are kept side by side.
    """
    name = _name(profile)
    profiles.path(name)
    where = auth_url(url or _asked("Address of the server", "--url", "http://127.0.0.1:8470"))
    who = user or _asked("User", "--user")
    password = _password(password_stdin)
    believed = str(ca_file.expanduser().absolute()) if ca_file else ""
    given = Credentials(
        auth_url=where, username=who, password=password, project_name=project or "", ca_file=believed
    )
    with make_client(given) as yard:
        fresh = yard.session.login()
        mine = [] if fresh.project_id else rows(yard.session.absolute("GET", "/v3/auth/projects"), "projects")
    if not fresh.project_id:
        with make_client(replace(given, project_name=_choice([str(one["name"]) for one in mine]))) as yard:
            fresh = yard.session.login()
    kept = profiles.Profile(
        auth_url=where,
        username=fresh.user_name or who,
        token=fresh.token,
        expires_at=fresh.expires_at,
        project_name=fresh.project_name,
        project_id=fresh.project_id,
        ca_file=believed,
    )
    file = profiles.save(name, kept)
    until = profiles.when(kept.expires_at)
    errors.print(f"logged in as {kept.username}, project {kept.project_name}, until {until}")
    errors.print(Text(f"the token is in {file}", style="dim"))


def logout(profile: Profile = None) -> None:
    """Log out: revoke the token at the server, and forget it here."""
    name = _name(profile)
    kept = profiles.load(name)
    token = {SUBJECT_HEADER: kept.token}
    said = ""
    try:
        with make_client(kept.credentials()) as yard:
            yard.session.send(
                Outgoing(method="DELETE", url=f"{kept.auth_url.rstrip('/')}/auth/tokens", headers=token)
            )
    except ClientError as error:  # it has ended, or the server is away: it is forgotten here all the same
        said = f"; the server did not revoke the token ({error}), which ends {profiles.when(kept.expires_at)}"
    profiles.remove(name)
    errors.print(f"logged out {kept.username} at {kept.auth_url}{said}")


def whoami(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Tell who the commands speak for: user, project, roles, server, and where that was found."""
    origin = source(data_dir)
    with connect(data_dir) as yard:
        held = yard.session.login()
        headers = {SUBJECT_HEADER: held.token}
        base = origin.credentials.auth_url.rstrip("/")
        asked = Outgoing(method="GET", url=f"{base}/auth/tokens", params={"nocatalog": "1"}, headers=headers)
        token: Json = yard.session.send(asked).json()["token"]
    print_answer({"source": origin.told, "auth_url": base, **token}, _shown(origin, base, token), as_json=as_json)


def _shown(origin: Source, base: str, token: Json) -> RenderableType:
    def name(key: str) -> str:
        value = token.get(key)
        return str(value.get("name", "")) if isinstance(value, dict) else ""

    return views.facts(
        (
            ("user", name("user")),
            ("project", name("project")),
            ("roles", ", ".join(str(role["name"]) for role in rows(token, "roles"))),
            ("server", base),
            ("known from", origin.told),
            ("until", profiles.when(str(token.get("expires_at", "")))),
        )
    )


def _name(profile: str | None) -> str:
    return profile or os.environ.get(profiles.VARIABLE) or profiles.DEFAULT


def _asked(what: str, option: str, default: str | None = None) -> str:
    if not somebody():
        raise typer.BadParameter(f"give {option}: nobody can be asked here")
    return str(typer.prompt(what, default=default, err=True))


def _password(stdin: bool) -> str:
    if not (password := _given_password(stdin)):
        raise typer.BadParameter("no password given")
    return password


def _given_password(stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\n")
    if kept := os.environ.get("OS_PASSWORD"):
        return kept
    if not somebody():
        raise typer.BadParameter("give the password with --password-stdin: nobody can be asked here")
    return getpass.getpass("Password: ")  # asks when it hears: what is typed at once is not lost


def _choice(names: list[str]) -> str:
    if not names:
        raise NotConfigured("the user has a role in no project; an administrator can grant one")
    if not somebody():
        raise typer.BadParameter(f"give --project: the user may use {', '.join(names)}")
    errors.print(f"projects: {', '.join(names)}")
    return str(typer.prompt("Project", default=names[0], err=True))


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    for command in (login, logout, whoami):
        app.command()(command)
