"""`modelyard admin …`: quotas, flavors, pools, buckets. What projects may use."""

from collections.abc import Mapping
from typing import Annotated

import typer

from modelyard.cli import pool_views, views
from modelyard.cli.admin import Project
from modelyard.cli.asking import asked_secret, confirm_deletion
from modelyard.cli.context import AsJson, DataDir, Yes, connect, print_answer, print_json, show
from modelyard.client import ApiError
from modelyard.client.records import Json

flavors = typer.Typer(no_args_is_help=True, help="Sizes of instances, and who may use them.")
pools = typer.Typer(no_args_is_help=True, help="Dedicated resources of projects.")
buckets = typer.Typer(no_args_is_help=True, help="Which project a bucket belongs to, and where it is.")

NOT_SET = 10**12
"""What the API says of a total that nobody set."""
Flavor = Annotated[str, typer.Argument(metavar="FLAVOR", help="Name of a flavor.")]
Pool = Annotated[str, typer.Argument(metavar="POOL", help="Name or id of a pool.")]
For = Annotated[list[str] | None, typer.Option("--project", help="Only for this project; may be repeated.")]

Endpoint = Annotated[
    str | None,
    typer.Option(help="The socket of its container engine, unix:///PATH; '' for the installation's own."),
]
Cpu = Annotated[float | None, typer.Option(help="Cores that all its instances together may have.")]
MemoryMib = Annotated[int | None, typer.Option("--memory-mib", help="MiB that they together may have.")]
Accelerators = Annotated[float | None, typer.Option(help="GPUs or NPUs that they together may have.")]
Description = Annotated[str | None, typer.Option(help="What people are shown.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `modelyard admin`."""
    app.command()(quotas)
    app.add_typer(flavors, name="flavors")
    app.add_typer(pools, name="pools")
    app.add_typer(buckets, name="buckets")


def quotas(
    project: Project,
    wanted: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]…", help="Quotas to set.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show the quotas of a project, or set some of them."""
    given = dict(_assigned(one) for one in wanted or ())
    with connect(data_dir) as yard:
        limits = yard.admin.quotas(project, given)
        used = {} if as_json else yard.admin.used(project)
    if as_json:
        print_json(limits)
    else:
        rows: list[Json] = [
            {"quota": name, "value": "unbounded" if value == NOT_SET else value, "used": used.get(name)}
            for name, value in sorted(limits.items())
        ]
        show(views.plain(rows, "quota", "value", "used"))


@flavors.command("list")
def list_flavors(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every flavor and whom it is open to."""
    with connect(data_dir) as yard:
        found = yard.admin.flavors()
        names = yard.admin.project_names()
    shown = views.plain(views.named(found, names), "name", "cpu", "memory_mib", "category", "open", "projects")
    print_answer(found, shown, as_json=as_json)


@flavors.command("add")
def add_flavor(
    name: str,
    *,
    cpu: Annotated[float, typer.Option(help="Cores.")],
    memory: Annotated[int, typer.Option(help="MiB.")],
    category: Annotated[str, typer.Option(help="CPU, GPU or NPU.")] = "CPU",
    accelerators: Annotated[float, typer.Option(help="GPUs or NPUs.")] = 0,
    data_dir: DataDir = None,
) -> None:
    """Add a flavor; nobody may use it until it is opened."""
    size = {"cpu": cpu, "memory_mib": memory, "category": category, "accelerators": accelerators}
    with connect(data_dir) as yard:
        yard.admin.create_flavor(name, **size)


@flavors.command("open")
def open_flavor(flavor: Flavor, project: For = None, data_dir: DataDir = None) -> None:
    """Let every project use a flavor, or some."""
    with connect(data_dir) as yard:
        ids = [yard.admin.project_id(one) for one in project or ()]
        try:
            yard.admin.change_flavor(flavor, **({"open_projects": ids} if ids else {"open": True}))
        except ApiError as error:  # the fields of the request are nothing that was typed
            if not error.details:
                raise
            text = "; ".join(text for _, text in error.details)
            raise ApiError(error.status, error.code, text, error.request_id) from error


@flavors.command("close")
def close_flavor(flavor: Flavor, project: For = None, data_dir: DataDir = None) -> None:
    """Let no project use a flavor that it was not opened for, or no longer some. What runs goes on."""
    with connect(data_dir) as yard:
        ids = [yard.admin.project_id(one) for one in project or ()]
        yard.admin.change_flavor(flavor, **({"close_projects": ids} if ids else {"open": False}))


@flavors.command("delete")
def delete_flavor(flavor: Flavor, *, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Delete a flavor that was added and that no service uses."""
    with connect(data_dir) as yard:
        confirm_deletion(f"flavor {flavor}, and to whom it was open", yes)
        yard.admin.delete_flavor(flavor)


@pools.command("list")
def list_pools(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every pool, what it runs on, and how that was last seen."""
    with connect(data_dir) as yard:
        found = yard.admin.pools()
        names = yard.admin.project_names()
    print_answer(found, pool_views.administered(views.named(found, names)), as_json=as_json)


@pools.command("add")
def add_pool(
    name: str,
    project: Project,
    *,
    engine: Annotated[
        str | None, typer.Option(help="What its instances are: process (default) or container.")
    ] = None,
    endpoint: Endpoint = None,
    cpu: Cpu = None,
    memory_mib: MemoryMib = None,
    accelerators: Accelerators = None,
    node: Annotated[
        list[str] | None, typer.Option("--node", help="Name of a node that must be there; may be repeated.")
    ] = None,
    description: Description = None,
    data_dir: DataDir = None,
) -> None:
    """Add a dedicated pool of a project; prints its id."""
    said = {"engine": engine, "endpoint": endpoint, "nodes": node or None, "description": description}
    size = {"cpu": cpu, "memory_mib": memory_mib, "accelerators": accelerators}
    with connect(data_dir) as yard:
        typer.echo(yard.admin.create_pool(name, project, **_given({**said, **size}))["pool_id"])


@pools.command("change")
def change_pool(
    pool: Pool,
    *,
    engine: Annotated[str | None, typer.Option(help="process or container; while no service uses it.")] = None,
    endpoint: Endpoint = None,
    cpu: Cpu = None,
    memory_mib: MemoryMib = None,
    accelerators: Accelerators = None,
    description: Description = None,
    data_dir: DataDir = None,
) -> None:
    """Change what a pool runs on or how much it has. What runs goes on."""
    said = {"engine": engine, "endpoint": endpoint, "description": description}
    change = _given({**said, "cpu": cpu, "memory_mib": memory_mib, "accelerators": accelerators})
    if not change:
        raise typer.BadParameter("nothing to change: name an option")
    with connect(data_dir) as yard:
        yard.admin.change_pool(pool, **change)


@pools.command("status")
def pool_status(
    pool: Pool,
    status: Annotated[str, typer.Argument(help="running, concerning, abnormal or deploying.")],
    data_dir: DataDir = None,
) -> None:
    """Say how a pool is: only a running one takes services."""
    with connect(data_dir) as yard:
        yard.admin.change_pool(pool, status=status)


@pools.command("remove")
def remove_pool(pool: Pool, *, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Remove a pool that no service uses."""
    with connect(data_dir) as yard:
        yard.admin.pool_id(pool)
        confirm_deletion(f"pool {pool}, and which nodes it has", yes)
        yard.admin.delete_pool(pool)


@buckets.command("list")
def list_buckets(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the buckets that projects claimed."""
    with connect(data_dir) as yard:
        found = yard.admin.buckets()
        names = yard.admin.project_names()
    print_answer(found, views.plain(views.named(found, names), "bucket", "project", "endpoint"), as_json=as_json)


@buckets.command("claim")
def claim_bucket(
    bucket: str,
    project: Project,
    *,
    endpoint: Annotated[
        str | None,
        typer.Option(help="The S3 service that has it, https://HOST[:PORT]; '' for none of its own any more."),
    ] = None,
    access_key: Annotated[
        str, typer.Option(help="Who we are there; the secret key is read from standard input.")
    ] = "",
    region: Annotated[str, typer.Option(help="What the service calls its region; us-east-1 if not given.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Give a bucket to a project, if no other has it, and say which S3 service has it."""
    where = {} if endpoint is None else {"endpoint": endpoint}
    if endpoint:
        where |= {"access_key": access_key, "secret_key": asked_secret("Secret key: ")}
        if region:
            where["region"] = region
    elif access_key or region:
        raise typer.BadParameter("--access-key and --region are of no use without --endpoint")
    with connect(data_dir) as yard:
        yard.admin.claim_bucket(bucket, project, **where)


@buckets.command("release")
def release_bucket(bucket: str, *, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Take a bucket from its project; what is in it stays."""
    with connect(data_dir) as yard:
        confirm_deletion(f"the claim of a project to bucket {bucket}; whoever names it first has it then", yes)
        yard.admin.release_bucket(bucket)


def _given(options: Mapping[str, object]) -> dict[str, object]:
    """Those that were named."""
    return {name: value for name, value in options.items() if value is not None}


def _assigned(text: str) -> tuple[str, int]:
    name, equals, value = text.partition("=")
    if not equals or not value.isdigit():
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE with a whole number")
    return name, int(value)
