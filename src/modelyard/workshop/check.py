"""Everything that is wrong with a package, said before anybody publishes it. Runs nothing of it."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from modelyard.core import packages
from modelyard.core.requirements import requirements
from modelyard.workshop import script
from modelyard_runtime.formats import carriers, kind
from modelyard_runtime.package import Package


class Level(StrEnum):
    """An ERROR keeps the model from being published or from serving."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """`where`: a field of config.json, or a file below the model's directory."""

    level: Level
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. `package` is None where there is nothing to load."""

    findings: tuple[Finding, ...]
    package: Package | None = None

    @property
    def sound(self) -> bool:
        return all(finding.level is not Level.ERROR for finding in self.findings)

    @property
    def requirements(self) -> tuple[str, ...]:
        return requirements(self.package.config) if self.package else ()


def check(directory: Path, *, safe_only: bool = False) -> Report:
    """`directory` holds `model/`, or is it. `safe_only`: weights that run code when they are loaded are errors."""
    home = directory / "model" if (directory / "model").is_dir() else directory
    if not home.is_dir():
        return Report((Finding(Level.ERROR, str(directory), "is not a directory"),))
    path = home / packages.CONFIG
    config, violations = packages.config(path.read_bytes() if path.is_file() else None, {}, None)
    package = Package(home, dict(config))
    found = [Finding(Level.ERROR, v.field, v.text) for v in violations]
    if not path.is_file():
        text = "is missing: the request to publish must say what it would, and `modelyard run` needs it"
        found.append(Finding(Level.WARNING, packages.CONFIG, text))
    found += [*_files(package), *_weights(package, safe_only=safe_only), *_hints(package)]
    return Report(tuple(found), package)


def _files(package: Package) -> Iterator[Finding]:
    home = package.directory
    names = [path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()]
    for violation in packages.layout(names, package.model_type):
        yield Finding(Level.ERROR, packages.CODE, violation.text)
    for name in sorted(names):
        if name.endswith(".py"):
            for text in script.wrong(name, (home / name).read_text(errors="replace")):
                yield Finding(Level.ERROR, name, text)
    if package.config.get("model_file") and (package.weights is None or not package.weights.is_file()):
        yield Finding(Level.ERROR, "model_file", f"is {package.config['model_file']!r}: there is no such file")


def _weights(package: Package, *, safe_only: bool) -> Iterator[Finding]:
    level = Level.ERROR if safe_only else Level.WARNING
    for path, what in carriers(package):
        yield Finding(level, path.relative_to(package.directory).as_posix(), f"is {what}: loading it runs code")
    weights = package.weights
    if package.script is None and weights is not None and weights.is_file() and kind(weights) == "torch-pickle":
        text = (
            "holds weights, not the code of their network: add a customize_service.py, or save it as TorchScript"
        )
        yield Finding(Level.ERROR, weights.name, text)


def _hints(package: Package) -> Iterator[Finding]:
    if note := packages.runtime_note(package.config, sys.version_info[:2]):
        yield Finding(Level.NOTE, "runtime", note)
    if package.config.get("example") is None:
        yield Finding(Level.NOTE, "example", "is missing: the first caller warms the model up")
