"""The parts of a check that do something: resolve dependencies, load the model."""

from dataclasses import replace

from modelyard.artifacts.environments import Environments
from modelyard.artifacts.uv import Installer, UnresolvedError
from modelyard.workshop.check import Finding, Level, Report
from modelyard.workshop.serving import cache, packages_for, tried


async def resolved(report: Report, *, install: bool) -> Report:
    """With what the dependencies need beside what is installed; `install` also builds their environment."""
    if not report.requirements:
        return report
    try:
        missing = await Installer().missing(report.requirements)
        if install:
            await packages_for(report.requirements, lambda _text: None)
    except (UnresolvedError, OSError) as error:
        return _with(report, Finding(Level.ERROR, "dependencies", str(error)))
    text = f"installs {', '.join(missing)}" if missing else "are all installed already"
    return _with(report, Finding(Level.NOTE, "dependencies", text))


def with_load(report: Report, limit_s: float, *, safe_only: bool) -> Report:
    """With what came of loading it; call after `resolved(install=True)`."""
    assert report.package is not None
    built = Environments(cache(), Installer()).find(report.requirements) if report.requirements else None
    site = built / "site" if built and (built / "site").is_dir() else None
    return _with(report, *tried(report.package, site, limit_s, safe_only=safe_only))


def _with(report: Report, *findings: Finding) -> Report:
    return replace(report, findings=(*report.findings, *findings))
