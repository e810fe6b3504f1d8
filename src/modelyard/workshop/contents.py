"""The files of a package that go to a server: those that its author meant to put there, as `check` sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelyard.objects.tree import files
from modelyard_runtime.loading.kinds import unseen


@dataclass(frozen=True, slots=True)
class Contents:
    """`home`: the package's directory. `names` of its files, relative, with `/`; `left_out`: those that nobody
    meant (`kinds.unseen`: hidden ones, caches, copies that editors keep)."""

    home: Path
    names: tuple[str, ...]
    left_out: tuple[str, ...]


def contents(package_dir: Path) -> Contents:
    """Of what is, or holds, a package. Raises RefusedFileError, OSError: `check` tells of both before."""
    home = package_dir / "model" if (package_dir / "model").is_dir() else package_dir
    names: Sequence[str] = sorted(file.name for file in files(home, home.resolve().parent))
    return Contents(home, tuple(n for n in names if not unseen(n)), tuple(n for n in names if unseen(n)))
