"""Options of a batch in an entry's additional_properties: extensions of ours, each with its bounds.

csv_header            true: the first row of each file names the columns             csv
csv_delimiter         one character. Default ","                                     csv
csv_encoding          of files without a byte order mark. Default utf-8              csv
output_format         txt (default) | parquet                                        csv, jsonl, parquet
error_threshold       {"count": n} or {"share": 0 to 1}: the task fails beyond it
row_timeout_seconds   how long the prediction of one row may take. Default 60
max_row_bytes         how large a row, or a file, may be. Default 12 MiB
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from modelyard.core.admission.catalog import Quotas
from modelyard.core.batch.encodings import UncuttableEncodingError, encoding_of, units
from modelyard.domain.batch import Dialect, Format, Job, Output, Threshold
from modelyard.domain.errors import Violation
from modelyard.domain.texts import shown

LEAST_TIMEOUT_S = 0.1
NO_DELIMITERS = frozenset('"\r\n\0')


@dataclass(frozen=True, slots=True)
class ThresholdRequest:
    """None where a field is absent."""

    count: int | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """None where a field is absent."""

    csv_header: bool | None = None
    csv_delimiter: str | None = None
    csv_encoding: str | None = None
    output_format: str | None = None
    error_threshold: ThresholdRequest | None = None
    row_timeout_seconds: float | None = None
    max_row_bytes: int | None = None


NAMES = tuple(field.name for field in fields(Options))
OF_CSV = tuple(name for name in NAMES if name.startswith("csv_"))


def said(options: Options) -> tuple[str, ...]:
    """The names of those that were given."""
    return tuple(name for name in NAMES if getattr(options, name) is not None)


def violations(at: str, options: Options, format: Format | None, quotas: Quotas) -> Iterator[Violation]:
    """What is wrong with them for this format (None: nobody knows which)."""
    for name in OF_CSV:
        if getattr(options, name) is not None and format not in {None, Format.CSV}:
            yield Violation(f"{at}.{name}", f"is for mapping_type csv, this one is {format}")
    yield from _dialect(at, options)
    yield from _output(f"{at}.output_format", options.output_format, format)
    if options.error_threshold is not None:
        yield from _threshold(f"{at}.error_threshold", options.error_threshold)
    timeout, most_s = options.row_timeout_seconds, quotas.request_timeout_max_s
    if timeout is not None and not LEAST_TIMEOUT_S <= timeout <= most_s:
        yield Violation(f"{at}.row_timeout_seconds", f"is {timeout:g}, must be {LEAST_TIMEOUT_S:g} to {most_s}")
    size, most = options.max_row_bytes, quotas.request_body_max_bytes
    if size is not None and not 1 <= size <= most:
        yield Violation(f"{at}.max_row_bytes", f"is {size}, must be 1 to {most}")


def _dialect(at: str, options: Options) -> Iterator[Violation]:
    delimiter, name = options.csv_delimiter, options.csv_encoding
    try:
        encoding = encoding_of(Dialect().encoding if name is None else name, b"")[0]
    except UncuttableEncodingError as error:
        yield Violation(f"{at}.csv_encoding", str(error))
        encoding = Dialect().encoding
    if delimiter is None:
        return
    if len(delimiter) != 1 or delimiter in NO_DELIMITERS:
        text = f"is {shown(delimiter)}, must be one character, and neither a quote nor the end of a line"
        yield Violation(f"{at}.csv_delimiter", text)
        return
    try:
        units(encoding, delimiter)
    except UncuttableEncodingError as error:
        yield Violation(f"{at}.csv_delimiter", str(error))


def _output(at: str, name: str | None, format: Format | None) -> Iterator[Violation]:
    if name is None:
        return
    if name not in set(Output):
        yield Violation(at, f"is {shown(name)}, must be one of {', '.join(Output)}")
    elif name == Output.PARQUET and format is Format.FILE:
        yield Violation(at, "is 'parquet', which holds rows: for mapping_type file each result is a file")


def _threshold(at: str, asked: ThresholdRequest) -> Iterator[Violation]:
    count, share = asked.count, asked.share
    if (count is None) == (share is None):
        yield Violation(at, "must have one of count and share")
    if count is not None and count < 0:
        yield Violation(f"{at}.count", f"is {count}, must be at least 0")
    if share is not None and not 0 <= share <= 1:
        yield Violation(f"{at}.share", f"is {share:g}, must be 0 to 1")


def applied(options: Options, job: Job) -> Job:
    """The job with valid options."""
    usual, threshold = Dialect(), options.error_threshold
    encoding = encoding_of(options.csv_encoding, b"")[0] if options.csv_encoding else usual.encoding
    return replace(
        job,
        csv=Dialect(bool(options.csv_header), options.csv_delimiter or usual.delimiter, encoding),
        output=Output(options.output_format) if options.output_format else job.output,
        error_threshold=Threshold(threshold.count, threshold.share) if threshold else None,
        row_timeout_s=job.row_timeout_s if options.row_timeout_seconds is None else options.row_timeout_seconds,
        max_row_bytes=job.max_row_bytes if options.max_row_bytes is None else options.max_row_bytes,
    )
