"""docs/reference/metrics.md from the catalogue of metrics."""

from collections.abc import Iterator

from modelyard.core.metric_catalogue import ON_PAGE_OF_SERVICE, ORIGINS, SECTIONS, Family, Of

HEAD = """# Metrics

Made by `make reference` from `core/metric_catalogue.py`. How to have them read:
[Watch with Prometheus](../howto/watch-with-prometheus.md).

`GET /metrics` has all of them, `GET /v1/{project_id}/services/{service_id}/metrics` those of one service (marked
with a star). Names stay as they are. Units are in the names: seconds, bytes; a counter ends in `_total` and is to
be read through `rate` or `increase`. What is not known is not there, and never 0 in its place. Labels are
projects, services, models, instances and words of ours; no path, reference or address, nothing that callers sent.

Counters of the control plane (sections Control plane, API, Logs, Traces, Audit, and times of the database)
begin at 0 with its process; those of an instance with the instance; `modelyard_gateway_request_seconds` with the
gateway. The gateway and instances go on counting while no control plane runs, so theirs are never less after
such a time.
`modelyard_invocations_total` and `modelyard_invocations_failed_total` outlive all three.

## Labels of origin
"""


def markdown() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    yield "| a metric of | has the labels |"
    yield "| --- | --- |"
    for of in Of:
        yield f"| {of.value} | {', '.join(f'`{name}`' for name in ORIGINS[of]) or 'none'} |"
    for title, families in SECTIONS:
        yield f"\n## {title}\n"
        yield "| metric | type | of | more labels | meaning |"
        yield "| --- | --- | --- | --- | --- |"
        yield from (_row(family) for family in families)


def _row(family: Family) -> str:
    names = ", ".join(f"`{name}`" for name in family.labels)
    mark = " *" if family.of in ON_PAGE_OF_SERVICE else ""
    return f"| `{family.name}`{mark} | {family.kind} | {family.of.value} | {names} | {family.about} |"
