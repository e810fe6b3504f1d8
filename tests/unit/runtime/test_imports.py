"""What a program of the same Python, started by a script, may be and can import: real interpreters."""

import os
import py_compile
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from modelyard_runtime.loading.children import variables

WORKER = "import log, helper; from customize_service import KNOWN; print(helper.HELPS, KNOWN)"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A package: a script, a module beside it, and the same as a zip, as a directory and as bytecode."""
    home = tmp_path / "package"
    home.mkdir()
    (home / "customize_service.py").write_text("KNOWN = 'known'\n")
    (home / "helper.py").write_text("HELPS = 'helps'\n")
    (home / "worker.py").write_text(WORKER)
    with zipfile.ZipFile(home / "zipped.zip", "w") as archive:
        archive.writestr("__main__.py", WORKER)
        archive.writestr("within.py", "HELPS = 'zipped'\n")
        archive.writestr("below/deeper.py", "HELPS = 'deeper'\n")
    (home / "program").mkdir()
    (home / "program" / "__main__.py").write_text(WORKER)
    compiled = home / "source.py"
    compiled.write_text("HELPS = 'compiled'\n")
    py_compile.compile(str(compiled), str(home / "bare.pyc"))
    compiled.unlink()
    return home


def said(home: Path, *argv: str) -> str:
    """What the program prints; nothing is written into the package."""
    before = sorted(home.rglob("*"))
    environ = {"PATH": os.environ["PATH"], **variables(home / "customize_service.py", {})}
    ran = subprocess.run(
        [sys.executable, *argv], capture_output=True, text=True, env=environ, cwd=home.parent, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert sorted(home.rglob("*")) == before
    return ran.stdout.strip()


@pytest.mark.parametrize("name", ["worker.py", "zipped.zip", "program"])
@pytest.mark.parametrize("relative", [False, True])
def test_a_file_of_the_package_runs_as_a_program(home: Path, name: str, relative: bool) -> None:
    assert said(home, f"{home.name}/{name}" if relative else str(home / name)) == "helps known"


@pytest.mark.parametrize(
    "code",
    [
        "import runpy; runpy.run_path(HOME + '/worker.py')",
        "import sys; sys.path.insert(0, HOME + '/zipped.zip'); import within; print(within.HELPS, 'known')",
        "import sys; sys.path.insert(0, HOME + '/zipped.zip/below'); import deeper; print(deeper.HELPS, 'known')",
        "import bare; print(bare.HELPS, 'known')",
        "import sys; sys.path.insert(0, 'package/program'); import __main__; import worker",
    ],
    ids=["run_path", "zip", "zip_below", "bytecode", "relative"],
)
def test_what_is_imported_from_the_package_by_path(home: Path, code: str) -> None:
    assert said(home, "-c", f"HOME = {str(home)!r}; {code}").endswith(" known")
