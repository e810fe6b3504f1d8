"""What users read of a task's results, besides the results themselves: a line for each file, and one for each row
that failed. Pure."""

from dataclasses import dataclass

import msgspec

from modelyard.core.batch.names import RESULTS
from modelyard.domain.batch import Source

MANIFEST_LINES = 10_000

_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Sum:
    """Of one input file: how many `rows` it had, and how many `failed`; `cause`: why the first one did."""

    rows: int = 0
    failed: int = 0
    cause: str = ""


def manifest_line(source: Source, sum: Sum, below: str) -> bytes:
    """`below`: the destination, as `obs://bucket/key`. A file of which nothing could be read has no results."""
    if source.error:
        return _line({"source": source.location, "result": "FAILED", "error_message": source.error})
    place = f"{below.rstrip('/')}/{RESULTS}/{source.result}"
    if sum.rows and sum.failed == sum.rows:
        rows = f"all {sum.rows} rows" if sum.rows > 1 else "its only row"
        cause = f"{rows} failed: {sum.cause}"
        failed = {"source": source.location, "result": "FAILED", "error_message": cause, "inference-loc": place}
        return _line({**failed, "failed_rows": sum.failed})
    more = {"failed_rows": sum.failed} if sum.failed else {}
    return _line({"source": source.location, "result": "SUCCESSFUL", "inference-loc": place, **more})


def file_line(source: Source, cause: str | None, below: str) -> bytes:
    """Of a file that was one row itself; `cause`: why it failed, if it did. Then it has no results."""
    if source.error or cause is not None:
        said = source.error or cause
        return _line({"source": source.location, "result": "FAILED", "error_message": said})
    place = f"{below.rstrip('/')}/{RESULTS}/{source.result}"
    return _line({"source": source.location, "result": "SUCCESSFUL", "inference-loc": place})


def failed_row(source: Source, row: int, cause: str) -> bytes:
    """`number` counts the input files, `row` the rows of this one, both from 0."""
    return _line({"source": source.location, "number": source.number, "row": row, "error": cause})


def _line(said: dict[str, object]) -> bytes:
    return _encode(said) + b"\n"
