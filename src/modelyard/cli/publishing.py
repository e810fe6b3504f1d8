"""What `modelyard models publish` does with a package on this machine: judge it, bring it to the server.

It goes to `obs://BUCKET/NAME/VERSION/DIGEST/model/…`, DIGEST being that of its content: so what is there of it
already, after an upload that broke off, is what is still to be sent, and is not sent again.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from modelyard.cli import objects, packages
from modelyard.cli.context import errors
from modelyard.cli.exits import BadFileError, Exit
from modelyard.cli.transfers import carry_out
from modelyard.client import ApiError, Client, Model
from modelyard.client.files import digest_of

if TYPE_CHECKING:
    from modelyard.workshop.contents import Contents

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
VERSION = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{1,2})")
REMOTE = ("obs://", "s3://", "https://", "http://")
SHOWN = 5


def on_this_machine(yard: Client, source: str) -> Path | None:
    """The directory that `source` names here; None: it is a place in the object store. `/BUCKET/KEY` is one,
    unless there is nothing there and such a directory is here. Raises BadFileError."""
    if source.startswith(REMOTE):
        return None
    path = Path(source).expanduser()
    if not source.startswith("/"):
        if not path.is_dir():
            raise BadFileError(f"{source}: there is no such directory here (obs://{source} would be an object's)")
        return path
    if not path.is_dir() or _something_at(yard, source):
        return None
    return path


def _something_at(yard: Client, source: str) -> bool:
    bucket, _, key = source.strip("/").partition("/")
    try:
        return next(iter(yard.objects.list(bucket, f"{key}/" if key else "")), None) is not None
    except ApiError:
        return False


def judged(directory: Path) -> None:
    """Tell what is wrong with it; typer.Exit if it could not be published."""
    from modelyard.workshop.check import check

    report = check(directory)
    packages.tell([finding for finding in report.findings if finding.level != "note"])
    if not report.sound:
        raise typer.Exit(Exit.FAILED)


def named(directory: Path) -> str:
    """What a model is called whose package lies there. Raises typer.BadParameter."""
    here = directory.resolve()
    name = here.parent.name if here.name == "model" else here.name
    if not NAME.fullmatch(name):
        raise typer.BadParameter(f"{name!r} cannot name a model: say NAME VERSION {directory}")
    return name


def next_version(models: Sequence[Model], name: str) -> str:
    """One more than the highest that is published, or being it; 1.0.0 the first. Raises typer.BadParameter."""
    same = [one.model_version for one in models if one.model_name == name and one.model_status != "failed"]
    known = [tuple(map(int, match.groups())) for one in same if (match := VERSION.fullmatch(one))]
    if not known:
        return "1.0.0"
    major, minor, patch = max(known)
    if patch < 99:
        return f"{major}.{minor}.{patch + 1}"
    if minor < 99:
        return f"{major}.{minor + 1}.0"
    if major < 99:
        return f"{major + 1}.0.0"
    raise typer.BadParameter(f"{name} has all versions there are: say NAME VERSION")


def default_bucket(project_id: str) -> str:
    """The bucket of a project's packages. By its id: a login does not always know the name, which may change.

    >>> default_bucket("4E1D77AA-0000-4000-8000-000000000001"), default_bucket("p1")
    ('models-4e1d77aa0000', 'models-p1')
    """
    return "models-" + re.sub(r"[^a-z0-9]", "", project_id.lower())[:12]


def uploaded(yard: Client, directory: Path, name: str, version: str, bucket: str | None) -> str:
    """Where its package is in the object store by now. Raises BadFileError, ClientError."""
    from modelyard.workshop.contents import contents

    bucket = bucket or default_bucket(yard.session.login().project_id)
    package = contents(directory)
    _tell_left_out(package)
    try:
        with errors.status(f"reading {directory}"):
            digest = _digest(package)
    except OSError as error:
        raise BadFileError(f"{error.filename}: {error.strerror}") from error
    home = f"{name}/{version}/{digest}"
    yard.objects.make_bucket(bucket)
    there = {one.key: one.size for one in yard.objects.list(bucket, f"{home}/model/")}
    wanted = [(f"{home}/model/{one}", package.home / one) for one in package.names]
    missing = [one for one in objects.uploads(yard, bucket, wanted) if there.get(one.name) != one.size]
    try:
        carry_out(f"uploading {name}/{version}", missing)
    except OSError as error:
        raise BadFileError(f"{error.filename}: {error.strerror}") from error
    location = f"obs://{bucket}/{home}"
    errors.print(Text(f"uploaded {objects.told(missing)} to {location}"))
    return location


def _digest(package: "Contents") -> str:
    """Of all of it: names and contents."""
    whole = hashlib.sha256()
    for name in package.names:
        whole.update(f"{name}\0{digest_of(package.home / name)}\n".encode())
    return whole.hexdigest()[:16]


def _tell_left_out(package: "Contents") -> None:
    if names := package.left_out:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        errors.print(Text(f"left out: {', '.join(names[:SHOWN])}{more}", style="dim"))
