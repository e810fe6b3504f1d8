"""`modelyard run` and `modelyard check`: a package on its author's machine, without a server."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from modelyard.cli.context import errors, print_json
from modelyard.cli.exits import Exit

if TYPE_CHECKING:
    from modelyard.workshop.check import Finding, Report

PackageDir = Annotated[
    Path, typer.Argument(metavar="PACKAGE_DIR", help="Holds model/ with the package, or is it.")
]
STYLES = {"error": "red", "warning": "yellow", "note": "dim"}


def run(
    package_dir: PackageDir,
    port: Annotated[int, typer.Option(help="Port to serve on; 0 takes a free one.", min=0, max=65535)] = 8080,
) -> None:
    """Serve a package here until Ctrl-C. Dependencies that it declares are installed into a cache first."""
    from modelyard.artifacts.uv import UnresolvedError
    from modelyard.workshop.check import check as checked
    from modelyard.workshop.serving import listening, packages_for
    from modelyard.workshop.serving import run as serve

    report = checked(package_dir)
    tell([f for f in report.findings if f.level != "note"])
    if not report.sound or report.package is None:
        raise typer.Exit(Exit.FAILED)
    _no_image(report)
    try:
        packages = asyncio.run(packages_for(report.requirements, errors.print))
        listener = listening(port)
    except (UnresolvedError, OSError) as error:
        errors.print(Text.assemble(("error: ", "bold red"), str(error)))
        raise typer.Exit(Exit.FAILED) from None
    errors.print("The model is being loaded; when its server is ready, it answers here:")
    typer.echo(f"http://127.0.0.1:{listener.getsockname()[1]}")  # alone on standard output, for scripts
    serve(report.package, listener, packages)


def check(
    package_dir: PackageDir,
    *,
    load: Annotated[bool, typer.Option("--load", help="Also load it, which runs its code, and ask it.")] = False,
    resolve: Annotated[bool, typer.Option("--resolve", help="Also resolve its dependencies.")] = False,
    safe_only: Annotated[
        bool, typer.Option("--safe-only", help="Weights that run code when loaded are errors.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds that loading may take.")] = 120.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Tell everything that is wrong with a package. Runs nothing of it unless told to."""
    from modelyard.workshop.check import check as checked

    report = checked(package_dir, safe_only=safe_only)
    if resolve or load:
        report = _further(report, load=load, safe_only=safe_only, limit_s=timeout)
    if as_json:
        print_json({"sound": report.sound, "findings": [asdict(f) for f in report.findings]})
    else:
        tell(report.findings)
        typer.echo("no errors" if report.sound else "it cannot be published and served like this")
    raise typer.Exit(Exit.OK if report.sound else Exit.FAILED)


def _further(report: "Report", *, load: bool, safe_only: bool, limit_s: float) -> "Report":
    """The report with what resolving, and loading if it is sound until then, found."""
    from modelyard.workshop.trial import resolved, with_load

    if load:
        _no_image(report)
    report = asyncio.run(resolved(report, install=load))
    return with_load(report, limit_s, safe_only=safe_only) if load and report.sound else report


def _no_image(report: "Report") -> None:
    """An image runs in a container engine, which a server has and this command does not."""
    if report.package is not None and report.package.config.get("model_type") == "Image":
        text = "the package is an image: it runs on a server with a container engine; publish and deploy it there"
        errors.print(Text.assemble(("error: ", "bold red"), text))
        raise typer.Exit(Exit.FAILED)


def tell(findings: "list[Finding] | tuple[Finding, ...]") -> None:
    """What was found, on standard error."""
    for finding in findings:
        line = Text.assemble((finding.level, STYLES[finding.level]), f"  {finding.where}: {finding.text}")
        errors.print(line)


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    app.command()(run)
    app.command()(check)
