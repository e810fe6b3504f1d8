"""Make the blocking client from the one for asyncio: src/modelyard/client/aio/X.py becomes …/client/X.py.

`--check` only says whether they are up to date. The words that differ are below; everything else is the same text.
"""

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).parent.parent / "src" / "modelyard" / "client"
BY_HAND = {"__init__.py", "clockwork.py"}
WORDS = (
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsync([A-Z])", r"\1"),
    (r"\basynccontextmanager\b", "contextmanager"),
    (r"\bAwaitable\[([^][]*)\]", r"\1"),
    (r"\bAwaitable, ", ""),
    (r"\b__a(enter|exit)__", r"__\1__"),
    (r"\ba(close|read|iter_bytes)\b", r"\1"),
    (r"\bmodelyard\.client\.aio\b", "modelyard.client"),
)


def twin(name: str) -> str:
    """The blocking module, formatted."""
    text = (CLIENT / "aio" / name).read_text()
    for pattern, instead in WORDS:
        text = re.sub(pattern, instead, text)
    head = f"# Made by scripts/twin.py from aio/{name}: change that one, then `make client`.\n\n"
    for command in (
        ("check", "--select", "I,F401,UP028,C416", "--unsafe-fixes", "--fix-only", "--quiet"),
        ("format",),
    ):
        text = _ruff(*command, given=text, name=name)
    return head + text


def _ruff(*command: str, given: str, name: str) -> str:
    ruff = [str(Path(sys.executable).with_name("ruff")), *command, "--stdin-filename", str(CLIENT / name), "-"]
    return subprocess.run(ruff, input=given, capture_output=True, text=True, check=True).stdout


def main() -> int:
    stale = []
    for source in sorted((CLIENT / "aio").glob("*.py")):
        made = CLIENT / source.name
        if source.name in BY_HAND or (made.exists() and made.read_text() == twin(source.name)):
            continue
        stale.append(source.name)
        if "--check" not in sys.argv[1:]:
            made.write_text(twin(source.name))
    if "--check" in sys.argv[1:] and stale:
        print(f"not up to date, run make client: {', '.join(stale)}")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
