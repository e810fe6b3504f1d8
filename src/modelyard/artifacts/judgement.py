"""What is wrong with a package: one judgement for `modelyard check`, `modelyard run` and publishing.

It reads a listing of the files, config.json, the Python files that the script imports and the first bytes of model
files; it runs nothing. An ERROR keeps the model from being published and from being run; the words are the same
wherever they are said (`Finding.said`).
"""

import stat
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath

from modelyard.artifacts import script
from modelyard.core.admission.fields import AUTO
from modelyard.core.packages import contents, images
from modelyard.core.packages.requirements import requirements
from modelyard.domain.errors import Violation
from modelyard.objects.tree import RefusedFileError, files
from modelyard_runtime.formats import carriers
from modelyard_runtime.formats.sniff import kind
from modelyard_runtime.loading import declared, kinds
from modelyard_runtime.loading.package import MAX_CONFIG_BYTES, Package

MAX_BYTES = 20 * 1024**3
"""The vendor's bound on a package (`ModelArts.3044`)."""
MAX_FILES = 200_000
MAX_SOURCE_BYTES = 8 * 1024**2


class Level(StrEnum):
    """An ERROR keeps the model from being published or from serving."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """`where`: a field of config.json, or a file below the model's directory. `code`: of the contract's errors."""

    level: Level
    where: str
    text: str
    code: str = ""

    @property
    def said(self) -> str:
        return f"{self.where}: {self.text}" + (f" (ModelArts.{self.code})" if self.code else "")


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. `package` is None where there is nothing to load; its config is the effective one."""

    findings: tuple[Finding, ...]
    package: Package | None = None

    @property
    def sound(self) -> bool:
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level is Level.ERROR)

    @property
    def requirements(self) -> tuple[str, ...]:
        return requirements(self.package.config) if self.package else ()


@dataclass(frozen=True, slots=True)
class Request:
    """What a request to publish says of the package: its type, the fields that config.json also has."""

    model_type: str = AUTO
    attributes: Mapping[str, object] = field(default_factory=dict)

    @property
    def initial(self) -> str | None:
        said = self.attributes.get("initial_config")
        return said if isinstance(said, str) else None


def judge(home: Path, request: Request | None = None, *, safe_only: bool = False) -> Report:
    """`home` is the `model/` of a package. `request`: None on the author's machine, where config.json must say
    everything. `safe_only`: weights that run code when they are loaded are errors. Raises OSError."""
    try:
        sizes = {file.name: file.size for file in files(home, home.resolve().parent, most=MAX_FILES)}
    except RefusedFileError as error:
        return Report((Finding(Level.ERROR, error.name, error.text),))
    if large := tuple(too_large(sizes)):
        return Report(large)
    names = tuple(sorted(sizes))
    text, findings = _config_text(home)
    asked = request or Request()
    config, violations = contents.config(text, asked.attributes, asked.initial)
    model_type = config.get("model_type") if asked.model_type == AUTO else asked.model_type
    command = bool(config.get("cmd"))
    if model_type in (None, "") and (command or contents.CODE in names):
        model_type = "Custom"  # the script says the rest, or the command does
    if model_type is not None:
        config = {"model_type": model_type, **{k: v for k, v in config.items() if k != "model_type"}}
    package = Package(home, dict(config))
    findings += _errors(violations)
    unread = any(f.where.startswith("model/") for f in findings)
    said_type = model_type if isinstance(model_type, str) else None
    findings += _errors(contents.layout(names, said_type, unread=unread, command=command))
    if model_type == images.TYPE:
        return Report((*findings, *_errors(tuple(images.violations(config)))), package)
    if command:
        return Report((*findings, *_carriers(package, safe_only=safe_only), *_runtime(package)), package)
    findings += [*_script(home, names), *_fields(package), *_model_file(package, names)]
    if text is None and request is None:
        said = "is missing: the request to publish must say what it would, and `modelyard run` needs it"
        findings.append(Finding(Level.WARNING, contents.CONFIG, said))
    findings += [*_carriers(package, safe_only=safe_only), *_weights(package), *_notes(package)]
    return Report(tuple(findings), package)


def too_large(sizes: Mapping[str, int]) -> Iterator[Finding]:
    """What can be said of a package by its files' names and sizes (bytes), so before any of it is copied."""
    if (total := sum(sizes.values())) > MAX_BYTES:
        text = f"the package has {total} bytes, more than {MAX_BYTES}"
        yield Finding(Level.ERROR, "source_location", text, "3044")
    for name, most in ((contents.CONFIG, MAX_CONFIG_BYTES), (contents.CODE, MAX_SOURCE_BYTES)):
        if (size := sizes.get(name, 0)) > most:
            yield Finding(Level.ERROR, f"model/{name}", f"has {size} bytes, at most {most} are read", "3016")


def _config_text(home: Path) -> tuple[bytes | None, list[Finding]]:
    path = home / contents.CONFIG
    try:
        info = path.stat()
    except FileNotFoundError:
        return None, []
    if stat.S_ISDIR(info.st_mode) and not any(path.iterdir()):
        return None, []  # as an object store has it: there are no empty directories
    if not stat.S_ISREG(info.st_mode):
        return None, [Finding(Level.ERROR, f"model/{contents.CONFIG}", "is a directory, must be a file", "3016")]
    with path.open("rb") as file:
        return file.read(MAX_CONFIG_BYTES + 1), []


def _errors(violations: Collection[Violation]) -> list[Finding]:
    return [Finding(Level.ERROR, v.field, v.text, v.code) for v in violations]


def _script(home: Path, names: Collection[str]) -> Iterator[Finding]:
    present = frozenset(names)
    if contents.CODE not in present:
        return

    def read(name: str) -> bytes | None:
        if name not in present:
            return None
        with (home / name).open("rb") as file:
            return file.read(MAX_SOURCE_BYTES)

    for fault in script.faults(contents.CODE, read):
        level = Level.ERROR if fault.surely else Level.WARNING
        yield Finding(level, fault.name, fault.text if fault.surely else f"{fault.text}, should it be imported")


def _fields(package: Package) -> Iterator[Finding]:
    """What the model server reads of config.json."""
    for where, text in declared.wrong(package):
        yield Finding(Level.ERROR, where, text, "3016")


def _model_file(package: Package, names: Collection[str]) -> Iterator[Finding]:
    said = package.config.get("model_file")
    if said:
        if isinstance(said, str) and said not in names:
            yield Finding(Level.ERROR, "model_file", f"is {said!r}: there is no such file")
        return
    candidates = package.candidates
    if package.script is None:
        if len(candidates) > 1:
            yield Finding(Level.ERROR, "model_file", kinds.ambiguous(candidates))
        return
    takes = kinds.KINDS.get(package.model_type)
    if takes is None or not takes.takes_file:
        return
    wanted = kinds.suffixes(package.model_type, script=True)
    same = [n for n in candidates if PurePosixPath(n).suffix == PurePosixPath(candidates[0]).suffix]
    if len(same) > 1 and len(kinds.named(same)) > 1:
        text = f"{kinds.ambiguous(same)}; until then model_path is {kinds.first(candidates, package.model_type)}"
        yield Finding(Level.WARNING, "model_file", text)
    if package.model_type == "PyTorch" and not any(_holds_data(n) for n in names):
        text = f"there is no model file ({', '.join(wanted)}); a model that needs none is of the type Custom"
        yield Finding(Level.ERROR, "model_file", text)


def _holds_data(name: str) -> bool:
    """Whether a script may load this file: it is not hidden, not config.json, neither code nor a text about it."""
    path = PurePosixPath(name)
    return not (kinds.unseen(name) or name == contents.CONFIG or path.suffix in {".py", ".md", ".rst"})


def _carriers(package: Package, *, safe_only: bool) -> Iterator[Finding]:
    """A script, and a command, may load any file of its package."""
    level = Level.ERROR if safe_only else Level.WARNING
    only = ", and only formats that run none are taken (MODELYARD_SAFE_FORMATS_ONLY)" if safe_only else ""
    for path, what in carriers(package):
        yield Finding(
            level, path.relative_to(package.directory).as_posix(), f"is {what}: loading it runs code{only}"
        )


def _weights(package: Package) -> Iterator[Finding]:
    chosen = package.config.get("model_file")
    candidates = (chosen,) if isinstance(chosen, str) and chosen else package.candidates
    if package.script is None and len(candidates) == 1:
        path = package.directory / candidates[0]
        if path.is_file() and kind(path) == "torch-pickle":
            text = "holds weights, not the code of their network: "
            text += "add a customize_service.py, or save the model as TorchScript or with torch.export"
            yield Finding(Level.ERROR, candidates[0], text)


def _runtime(package: Package) -> Iterator[Finding]:
    if note := contents.runtime_note(package.config, sys.version_info[:2]):
        yield Finding(Level.NOTE, "runtime", note)


def _notes(package: Package) -> Iterator[Finding]:
    yield from _runtime(package)
    if package.config.get("example") is None:
        warm_up = "the first caller" if package.script else "a row of zeros, if it takes one,"
        yield Finding(Level.NOTE, "example", f"is missing: {warm_up} warms the model up")
