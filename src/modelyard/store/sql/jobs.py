"""Jobs of batch services in a revision's row: a JSON object, every field of it written out."""

from collections.abc import Mapping
from typing import Any

from modelyard.core.batch import mapping
from modelyard.domain.batch import Dialect, Format, Job, Output, Threshold


def to_values(job: Job) -> dict[str, Any]:
    threshold = job.error_threshold
    return {
        "source": job.source,
        "destination": job.destination,
        "uri": job.uri,
        "format": job.format.value,
        "method": job.method,
        "manifest": job.manifest,
        "mapping": None if job.mapping is None else mapping.plain(job.mapping),
        "file_field": job.file_field,
        "csv": {"header": job.csv.header, "delimiter": job.csv.delimiter, "encoding": job.csv.encoding},
        "output": job.output.value,
        "error_threshold": None if threshold is None else {"count": threshold.count, "share": threshold.share},
        "row_timeout_s": job.row_timeout_s,
        "max_row_bytes": job.max_row_bytes,
    }


def from_values(value: Mapping[str, Any]) -> Job:
    rule, threshold = value["mapping"], value["error_threshold"]
    return Job(
        source=value["source"],
        destination=value["destination"],
        uri=value["uri"],
        format=Format(value["format"]),
        method=value["method"],
        manifest=value["manifest"],
        mapping=None if rule is None else mapping.node(rule),
        file_field=value["file_field"],
        csv=Dialect(**value["csv"]),
        output=Output(value["output"]),
        error_threshold=None if threshold is None else Threshold(**threshold),
        row_timeout_s=value["row_timeout_s"],
        max_row_bytes=value["max_row_bytes"],
    )
