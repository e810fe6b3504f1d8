"""Which files are a task's input, and what a line of an input manifest says. Pure."""

import json

from modelyard.core.batch.names import is_own
from modelyard.domain.batch import Format
from modelyard.domain.texts import shown, storable

ENDINGS = {
    Format.FILE: (),
    Format.CSV: (".csv",),
    Format.JSONL: (".jsonl", ".ndjson"),
    Format.PARQUET: (".parquet",),
}
"""In any case. None: every file."""

MOST_LINE_BYTES = 64 * 1024
_MOST_KEPT = 1024


class MalformedLineError(ValueError):
    """A line of a manifest names no file. `line`: what it was, as far as it is text."""

    def __init__(self, line: str, text: str) -> None:
        super().__init__(text)
        self.line = storable(line)[:_MOST_KEPT]


def is_input(name: str, form: Format, results: str | None = None) -> bool:
    """Whether a file of the source folder belongs to the input. `results`: where the destination lies in that
    folder ("": it is the folder; None: elsewhere), for what a task wrote there is nobody's input."""
    if name.endswith("/"):
        return False
    if results is not None:
        below = f"{results}/" if results else ""
        if name.startswith(below) and is_own(name.removeprefix(below)):
            return False
    endings = ENDINGS[form]
    return not endings or name.lower().endswith(endings)


def inside(folder: str, destination: str) -> str | None:
    """Where the key `destination` lies below the key `folder`: `results` of `is_input`."""
    if folder == destination:
        return ""
    prefix = f"{folder}/" if folder else ""
    return destination.removeprefix(prefix) if destination.startswith(prefix) else None


def nothing_found(form: Format) -> str:
    """What a source without input has none of."""
    return f"no {' or '.join(ENDINGS[form])} file" if ENDINGS[form] else "no file"


def named_source(line: bytes) -> str:
    """The location that a line of a manifest names; "" for a blank line. Raises MalformedLineError."""
    if len(line) > MOST_LINE_BYTES:
        text = line[:_MOST_KEPT].decode(errors="replace")
        raise MalformedLineError(text, f"the line is longer than {MOST_LINE_BYTES} bytes")
    try:
        text = line.decode().strip()
    except UnicodeDecodeError:
        raise MalformedLineError(line.decode(errors="replace"), "the line is not text in UTF-8") from None
    if not text:
        return ""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedLineError(text, 'the line must be JSON like {"source": "obs://bucket/key"}') from None
    source = said.get("source") if isinstance(said, dict) else None
    if not isinstance(source, str) or not source:
        raise MalformedLineError(text, 'the line must be JSON like {"source": "obs://bucket/key"}')
    if storable(source) != source:
        raise MalformedLineError(source, f"{shown(source.partition('?')[0])} is no text that can be stored")
    return source
