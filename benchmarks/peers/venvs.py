"""A virtual environment for each peer, from the versions pinned beside it, made once."""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


class NotInstalled(Exception):
    """A peer cannot be had on this machine; says why."""


def python_of(peer: str, cache: Path, pins: Path = HERE) -> Path:
    """The interpreter of a peer's environment; the same Python as ours. `pins` is the folder that has the peer's
    with its versions. Raises NotInstalled."""
    wanted = pins / peer / "requirements.txt"
    home = cache / "venvs" / peer
    python, done = home / "bin" / "python", home / "installed.txt"
    if done.exists() and done.read_text() == wanted.read_text():
        return python
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise NotInstalled("uv is not there: run make setup")
    base = Path(sys.base_prefix) / "bin" / "python3"
    for command in (
        [uv, "venv", "--quiet", "--allow-existing", "--python", str(base), str(home)],
        [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), "-r", str(wanted)],
    ):
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise NotInstalled(" ".join(ended.stderr.split())[-300:])
    shutil.copy(wanted, done)
    return python


def version_of(peer: str, package: str, pins: Path = HERE) -> str:
    """The version that is pinned for a peer."""
    for line in (pins / peer / "requirements.txt").read_text().splitlines():
        name, _, version = line.partition("==")
        if name == package:
            return version.split()[0]
    return ""
