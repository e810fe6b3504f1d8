"""The command `modelyard`: a user of the public API, and the way to start a server."""

import sys

import typer
from rich.text import Text

from modelyard import __version__
from modelyard.cli import (
    admin,
    admin_resources,
    apply,
    audit,
    backup,
    batch,
    changes,
    login,
    models,
    monitoring_files,
    objects,
    packages,
    pools,
    registries,
    secrets,
    server,
    services,
    top,
    topics,
)
from modelyard.cli.choosing import add_profiles
from modelyard.cli.context import asked_of, errors, spoken_for
from modelyard.cli.exits import advice, exit_code
from modelyard.cli.logs import logs
from modelyard.cli.predict import predict
from modelyard.client import ApiError, ClientError

app = typer.Typer(
    name="modelyard",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Serve machine-learning models and change them live.",
)


def print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"modelyard {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Serve machine-learning models and change them live."""


server.register(app)
backup.register(app)
login.register(app)
packages.register(app)
app.command()(predict)
app.command()(logs)
changes.register(services.app)
apply.register(app, services.app)
app.add_typer(services.app, name="services")
app.add_typer(batch.app, name="batch")
app.add_typer(models.app, name="models")
app.add_typer(objects.app, name="objects")
app.add_typer(topics.app, name="topics")
app.add_typer(registries.app, name="registries")
pools.register(app)
app.add_typer(secrets.app, name="secrets")
admin_resources.register(admin.app)
admin.app.command()(audit.audit)
top.register(app, admin.app)
monitoring_files.register(admin.app)
app.add_typer(admin.app, name="admin")
add_profiles(app)


def main() -> None:
    """Run the command; failures become a message, advice and an exit code (`exits.Exit`)."""
    try:
        app()
    except ClientError as e:
        tell(e)
        sys.exit(exit_code(e))
    except KeyboardInterrupt:
        sys.exit(130)


def tell(error: ClientError) -> None:
    """Print a failure on standard error: what, which request, what next."""
    errors.print(Text.assemble(("error: ", "bold red"), str(error)))
    if isinstance(error, ApiError) and error.request_id:
        errors.print(Text(f"request {error.request_id}", style="dim"))
    spoken = spoken_for.get()
    if hint := advice(error, spoken.data_dir if spoken else None, asked_of.get()):
        errors.print(Text(hint))
