"""uv as the resolver and installer of an environment that lies over Modelyard's own interpreter.

Two steps: what would have to be installed beside what is there (a dry run: nothing of ours changes), then exactly
that, into a directory. What the interpreter has already, frameworks first of all, is not installed again.

Where packages come from is uv's own configuration (`UV_INDEX_URL`, `UV_FIND_LINKS`, uv.toml …); pip's variables
count where uv's are not set. Only wheels, unless told otherwise: a source distribution runs its author's code.
"""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from modelyard.processes import oom

Say = Callable[[str], None]

OURS = ("granian", "msgspec")
"""What the model server imports: a model cannot have another version of it in the same process."""

FROM_PIP = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_NO_INDEX": "UV_NO_INDEX",
    "PIP_CERT": "SSL_CERT_FILE",
}
UV_SAYS_WHERE = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
)
HIDDEN = ("MODELYARD_", "OS_", "PG", "PYTHON", "VIRTUAL_ENV", "CONDA_")
LAST_LINES = 12
AWAY = re.compile(
    r"error sending request|client error \(Connect\)|dns error|Connection (?:refused|reset|timed out)"
    r"|operation timed out|Network is unreachable|HTTP status server error \(5\d\d|\b429 Too Many Requests"
    r"|error decoding response body",
    re.IGNORECASE,
)
"""What uv says where asking again may help. A 404 or a package that is not there is an answer."""


class UnresolvedError(Exception):
    """There is no such environment; the message is the resolver's, for the author of the model."""


class IndexAwayError(UnresolvedError):
    """Where packages come from cannot be asked now: a later try may find it."""


@dataclass(frozen=True, slots=True)
class Installer:
    """`builds`: source distributions may be built, which runs their code with our rights."""

    python: str = sys.executable
    builds: bool = False
    limit_s: float = 1800.0

    async def missing(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """What `wanted` needs beside what the interpreter has, as name==version. Raises UnresolvedError."""
        files = (("-r", wanted), ("-c", _constraints()))
        output = await self._run(files, "--dry-run", "--break-system-packages", *self._policy())
        return tuple(re.findall(r"^ \+ (\S+==\S+)", output, re.MULTILINE))

    async def install(self, exact: Sequence[str], target: Path, say: Say) -> None:
        """`exact` and nothing else, compiled, into `target`. Raises UnresolvedError."""
        say(f"installing {', '.join(exact)}")
        options = ("--target", str(target), "--no-deps", "--compile-bytecode", "--no-progress")
        await self._run((("-r", exact),), *options, *self._policy())

    def _policy(self) -> tuple[str, ...]:
        return () if self.builds else ("--only-binary", ":all:")

    async def _run(self, files: Sequence[tuple[str, Sequence[str]]], *options: str) -> str:
        """What uv says. Requirements go through pipes, so that none of them can be an option."""
        with contextlib.ExitStack() as stack:
            arguments: list[str] = []
            handles = []
            for option, lines in files:
                handle = os.memfd_create("requirements", 0)
                stack.callback(os.close, handle)
                os.write(handle, "".join(f"{line}\n" for line in lines).encode())
                handles.append(handle)
                arguments += [option, f"/proc/self/fd/{handle}"]
            command = (uv(), "pip", "install", "--python", self.python, "--color", "never", *options, *arguments)
            return await self._finished(command, handles)

    async def _finished(self, command: Sequence[str], handles: Sequence[int]) -> str:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment(os.environ),
            pass_fds=handles,
            start_new_session=True,
            cwd="/",
        )
        try:
            oom.spare(oom.NOBODY, process.pid)
            with contextlib.suppress(OSError):  # who serves goes first
                os.setpriority(os.PRIO_PROCESS, process.pid, 10)
            async with asyncio.timeout(self.limit_s):
                output, _ = await process.communicate()
        except TimeoutError:
            raise UnresolvedError(f"dependencies were not installed within {self.limit_s:.0f} s") from None
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        text = output.decode(errors="replace")
        if process.returncode:
            raise IndexAwayError(explained(text)) if away(text) else UnresolvedError(explained(text))
        return text


def uv() -> str:
    """The executable that comes with the package uv. Raises UnresolvedError."""
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        raise UnresolvedError("uv is not installed on the server: dependencies cannot be installed") from None


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """uv's environment: ours without what concerns only us, and with pip's options where uv has none."""
    kept = {name: value for name, value in environ.items() if not name.startswith(HIDDEN)}
    told = any(name in kept for name in UV_SAYS_WHERE)
    for pip, name in FROM_PIP.items():
        if pip in kept and name not in kept and (not told or name not in UV_SAYS_WHERE):
            kept[name] = kept[pip]
    return kept


def away(output: str) -> bool:
    """Whether uv failed for want of an answer: no connection, no name, no time, an error of the index's server."""
    return AWAY.search(output) is not None


def explained(output: str) -> str:
    """The lines of uv's output that tell its reader what to do."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    start = next((i for i, line in enumerate(lines) if line.startswith(("error", "×"))), 0)
    text = " ".join(lines[start:][:LAST_LINES])
    hints = []
    if any(f"{ours}==" in text for ours in OURS):
        hints.append(f"the model server itself needs {' and '.join(_constraints())}")
    if "no usable wheels" in text or "building from source is disabled" in text:
        hints.append("only wheels are installed, unless the administrator sets dependency_builds")
    return text + "".join(f" ({hint})" for hint in hints)


def _constraints() -> tuple[str, ...]:
    return tuple(f"{name}=={metadata.version(name)}" for name in OURS)
