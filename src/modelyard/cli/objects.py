"""`modelyard objects …`: files to the object store, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from modelyard.cli import views
from modelyard.cli.asking import confirm_deletion
from modelyard.cli.context import AsJson, DataDir, Yes, connect, errors, print_answer
from modelyard.cli.exits import BadFileError
from modelyard.cli.transfers import Transfer, carry_out
from modelyard.client import ApiError, Client, StoredObject
from modelyard.client.files import Progress as Done
from modelyard.client.files import files_below
from modelyard.client.records import Json

app = typer.Typer(no_args_is_help=True, help="Objects: list them, copy them here and there, remove them.")

SCHEMES = ("obs://", "s3://")
Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="Everything below it, as a directory has it.")]


@dataclass(frozen=True, slots=True)
class Place:
    """`key` "": the bucket; one that ends with `/`: what is below."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"obs://{self.bucket}/{self.key}"

    @property
    def folder(self) -> str:
        """The key as the beginning of what is below it."""
        return self.key if not self.key or self.key.endswith("/") else f"{self.key}/"


def place(text: str) -> Place:
    """Raises typer.BadParameter."""
    for scheme in SCHEMES:
        if text.startswith(scheme):
            bucket, _, key = text.removeprefix(scheme).partition("/")
            if bucket:
                return Place(bucket, key)
    raise typer.BadParameter(f"{text!r} is no place in the object store: say obs://BUCKET/KEY")


@app.command("ls")
def list_objects(
    where: Annotated[
        str | None, typer.Argument(metavar="[obs://BUCKET[/PREFIX]]", help="Left out: the project's buckets.")
    ] = None,
    *,
    recursive: Recursive = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List buckets, or what is in one: objects, and what would be directories."""
    with connect(data_dir) as yard:
        if where is None:
            found: list[Json] = [{"bucket": name} for name in yard.objects.buckets()]
            print_answer(found, views.plain(found, "bucket"), as_json=as_json)
            return
        at = place(where)
        listed = [*yard.objects.list(at.bucket, at.key, delimiter="" if recursive else "/")]
    rows: list[Json] = [
        {"size": "" if one.size is None else views.size(one.size), "object": f"obs://{at.bucket}/{one.key}"}
        for one in listed
    ]
    print_answer([one.raw for one in listed], views.plain(rows, "size", "object"), as_json=as_json)


@app.command("cp")
def copy(
    source: Annotated[str, typer.Argument(help="A file, a directory (with -r), or obs://BUCKET/KEY.")],
    target: Annotated[str, typer.Argument(help="The same: one of both is in the object store, the other here.")],
    *,
    recursive: Recursive = False,
    data_dir: DataDir = None,
) -> None:
    """Copy files into the object store, or objects here. Begun again, it goes on with a large file."""
    up = target.startswith(SCHEMES)
    if up == source.startswith(SCHEMES):
        raise typer.BadParameter("one of SOURCE and TARGET is obs://BUCKET/KEY, the other is here")
    with connect(data_dir) as yard:
        if up:
            at = place(target)
            transfers = uploads(yard, at.bucket, _sources(Path(source), at, recursive=recursive))
        else:
            transfers = _downloads(yard, place(source), Path(target), recursive=recursive)
        try:
            carry_out("uploading" if up else "downloading", transfers)
        except OSError as error:
            raise BadFileError(f"{error.filename or source}: {error.strerror}") from error
    errors.print(f"copied {told(transfers)} to {target}")


@app.command("rm")
def remove(
    where: Annotated[str, typer.Argument(metavar="obs://BUCKET[/KEY]", help="An object, or an empty bucket.")],
    *,
    recursive: Recursive = False,
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Remove an object, everything below a key (-r), or a bucket; what is removed is gone."""
    at = place(where)
    with connect(data_dir) as yard:
        keys = [at.key] if at.key and not recursive else []
        if recursive:
            keys = [one.key for one in yard.objects.list(at.bucket, at.folder)]
        confirm_deletion(f"{len(keys)} objects below {at}" if recursive else str(at), yes)
        for key in keys:
            yard.objects.delete(at.bucket, key)
        if not at.key:
            yard.objects.delete_bucket(at.bucket)
    errors.print(f"removed {at}" + (f", {len(keys)} objects" if recursive else ""))


@app.command()
def sign(
    where: Annotated[str, typer.Argument(metavar="obs://BUCKET/KEY", help="An object, or where one is to be.")],
    *,
    method: Annotated[str, typer.Option(help="GET or PUT.")] = "GET",
    expires: Annotated[int, typer.Option(help="Seconds that the URL is good for.")] = 3600,
    data_dir: DataDir = None,
) -> None:
    """Print a URL that reads or writes an object without a token, where the object store can (S3 can)."""
    at = place(where)
    with connect(data_dir) as yard:
        typer.echo(yard.objects.sign(at.bucket, at.key, method=method, expires_s=expires))


def told(transfers: Sequence[Transfer]) -> str:
    """
    >>> told([Transfer("a", 2048, print)])
    '1 file (2.0 KiB)'
    """
    total = views.size(sum(one.size for one in transfers))
    return f"{len(transfers)} file{'' if len(transfers) == 1 else 's'} ({total})"


def uploads(yard: Client, bucket: str, files: Sequence[tuple[str, Path]]) -> list[Transfer]:
    """Of (key, file). Raises BadFileError."""
    try:
        sizes = [path.stat().st_size for _, path in files]
    except OSError as error:
        raise BadFileError(f"{error.filename}: {error.strerror}") from error
    return [
        Transfer(key, size, partial(_upload, yard, bucket, key, path))
        for (key, path), size in zip(files, sizes, strict=True)
    ]


def _sources(source: Path, at: Place, *, recursive: bool) -> list[tuple[str, Path]]:
    """(key, file): a directory's files below the target, a file as the target, or in it if that is a folder."""
    if source.is_dir():
        if not recursive:
            raise typer.BadParameter(f"{source} is a directory: say --recursive")
        return [(at.folder + name, path) for name, path in files_below(source)]
    if not source.is_file():
        raise BadFileError(f"{source}: there is no such file")
    return [(at.folder + source.name if not at.key or at.key.endswith("/") else at.key, source)]


def _downloads(yard: Client, at: Place, target: Path, *, recursive: bool) -> list[Transfer]:
    if not recursive:
        if not at.key or at.key.endswith("/"):
            raise typer.BadParameter(f"{at} names no object: say --recursive for everything below it")
        found = yard.objects.head(at.bucket, at.key)
        path = target / at.key.rpartition("/")[2] if target.is_dir() else target
        return [_download(yard, at.bucket, found, path)]
    found_all = [*yard.objects.list(at.bucket, at.folder)]
    if not found_all:
        raise ApiError(404, "ModelArts.4312", f"there is nothing below {at}")
    return [_download(yard, at.bucket, one, _inside(target, one.key.removeprefix(at.folder))) for one in found_all]


def _inside(directory: Path, name: str) -> Path:
    """Raises BadFileError for a name that would lead elsewhere, whatever the server says."""
    if name.startswith("/") or ".." in name.split("/"):
        raise BadFileError(f"{name!r} leads out of {directory}")
    return directory / name


def _download(yard: Client, bucket: str, found: StoredObject, path: Path) -> Transfer:
    return Transfer(found.key, found.size or 0, partial(_into, yard, bucket, found.key, path))


def _upload(yard: Client, bucket: str, key: str, path: Path, done: Done) -> None:
    yard.objects.upload(bucket, key, path, progress=done)


def _into(yard: Client, bucket: str, key: str, path: Path, done: Done) -> None:
    yard.objects.download(bucket, key, path, progress=done)
