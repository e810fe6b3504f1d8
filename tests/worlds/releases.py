"""Earlier releases of Modelyard, out of this repository's own history, as somebody has them installed.

An `Installation` is a virtual environment with one release in it, on the packages of the environment that runs the
tests.
"""

import compileall
import shutil
import subprocess
import sysconfig
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest
from examples.demo.stage import Stage

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "tests" / "releases.toml"
"""Which states of the code count as released: a commit for each."""


@dataclass(frozen=True)
class Release:
    """`commit` is in this repository's history, `schema` the number of its newest migration."""

    commit: str
    schema: str


def kept() -> dict[str, Release]:
    """By name, oldest first."""
    return {name: Release(**row) for name, row in tomllib.loads(KEPT.read_text())["releases"].items()}


def source(commit: str, into: Path) -> Path:
    """The directory `src` of that commit. Skips, and says so, where the history does not reach back so far."""
    known = subprocess.run(
        ["git", "-C", ROOT, "cat-file", "-e", f"{commit}^{{commit}}"], check=False, capture_output=True
    )
    if known.returncode:
        pytest.skip(f"UPGRADES ARE NOT TESTED: commit {commit} is not in this clone (git fetch --unshallow)")
    packed = subprocess.run(["git", "-C", ROOT, "archive", commit, "src"], check=True, capture_output=True).stdout
    into.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-x", "-C", into], check=True, input=packed)
    return into / "src"


class Installation:
    """`program` is its command `modelyard`."""

    def __init__(self, home: Path) -> None:
        venv.create(home, symlinks=True)
        places = {"base": str(home), "platbase": str(home)}
        self._site = Path(sysconfig.get_path("purelib", vars=places))
        self._site.rmdir()
        packages = sysconfig.get_path("purelib")
        linked = subprocess.run(["cp", "-al", packages, self._site], check=False, capture_output=True)
        if linked.returncode:  # on another file system
            shutil.copytree(packages, self._site, dirs_exist_ok=True, symlinks=True)
        (self._site / "_modelyard.pth").unlink()
        self.program = home / "bin" / "modelyard"
        self.program.write_text(
            f"#!{home}/bin/python\nimport sys\nfrom modelyard.cli.app import main\nsys.exit(main())\n"
        )
        self.program.chmod(0o755)

    def install(self, source: Path) -> None:
        """As wheels are, in the place of what is there: what runs finds other files where it left its own."""
        for package in source.iterdir():
            shutil.rmtree(self._site / package.name, ignore_errors=True)
            shutil.copytree(package, self._site / package.name)
            compileall.compile_dir(self._site / package.name, quiet=2)


def this(into: Path) -> Path:
    """The code that is tested, also what is not committed."""
    shutil.copytree(ROOT / "src", into / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return into / "src"


def stage(installation: Installation) -> Stage:
    """A data directory for it; started by the command that is installed at that moment."""
    made = Stage()
    made.program = installation.program
    return made
