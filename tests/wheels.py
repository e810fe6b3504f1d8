"""A small index of wheels in a directory: packages that exist nowhere else."""

import zipfile
from collections.abc import Sequence
from pathlib import Path


def wheel(directory: Path, name: str, version: str, code: str, requires: Sequence[str] = ()) -> Path:
    """A pure wheel of one package `name` whose `__init__` is `code`."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", code)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def only_here(links: Path, cache: Path) -> dict[str, str]:
    """Environment variables with which uv takes packages from `links` and nowhere else."""
    return {"UV_FIND_LINKS": str(links), "UV_NO_INDEX": "1", "UV_CACHE_DIR": str(cache)}
