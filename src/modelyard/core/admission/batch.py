"""What a config entry of a batch service asks for (contract §2 and §5): the job that it makes, or every rule that
it breaks.

                 mapping_rule     its leaves by
    file         refused          –
    csv          mandatory        index, or column where csv_header is true
    jsonl        may be absent    column
    parquet      may be absent    column

What has no meaning for batch services, or for this mapping_type, is refused. Whether object paths are well formed,
are the project's and lead to anything was found out before (`Place`).
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from modelyard.core.admission import batch_options as options_of
from modelyard.core.admission.batch_options import Options
from modelyard.core.admission.catalog import Quotas
from modelyard.core.admission.fields import told
from modelyard.core.batch.mapping import Cells, Normalised, normalised
from modelyard.core.packages import apis
from modelyard.core.packages.apis import Api
from modelyard.domain.batch import Format, Job
from modelyard.domain.errors import Violation
from modelyard.domain.model import Model
from modelyard.domain.texts import shown

MANIFEST = "ManifestFile"
MANIFEST_SUFFIX = ".manifest"
FIELDS = ("src_path", "dest_path", "req_uri", "mapping_type", "mapping_rule", "src_type")
MANDATORY = ("src_path", "dest_path", "req_uri", "mapping_type")
MALFORMED, MISSING, REFUSED, NO_PARAMETERS, FULL = "3572", "3551", "4310", "3514", "0118"
EXTRA = "the extra modelyard[parquet] (make install-parquet, or pip install 'modelyard[parquet]')"


@dataclass(frozen=True, slots=True)
class Place:
    """An object path as it was found: why it is none, or why the project may not use it ("": it is, and may);
    whether nothing is there (False also where nobody could tell); why nothing can be written below it,
    and why the project may write nothing more in its bucket."""

    malformed: str = ""
    refused: str = ""
    missing: bool = False
    obstacle: str = ""
    full: str = ""


@dataclass(frozen=True, slots=True)
class BatchFields:
    """The fields of an entry that only batch services have; None where they are absent. `mapping_rule` has been
    parsed."""

    src_path: str | None = None
    dest_path: str | None = None
    req_uri: str | None = None
    mapping_type: str | None = None
    mapping_rule: Mapping[str, object] | None = None
    src_type: str | None = None
    options: Options = Options()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an entry is held against. `model` None: there is no such model. `places` by the path as it was sent;
    `parquet`: whether this server can read and write it."""

    model: Model | None = None
    quotas: Quotas = Quotas()
    places: Mapping[str, Place] = field(default_factory=dict)
    parquet: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, which is at `path`. `broken`: paths that were refused when the request was read."""

    path: str
    fields: BatchFields
    given: Surroundings
    broken: Collection[str] = ()

    @property
    def properties(self) -> str:
        return f"{self.path}.additional_properties"

    @property
    def format(self) -> Format | None:
        try:
            return Format(self.fields.mapping_type or "")
        except ValueError:
            return None

    @property
    def api(self) -> Api | None:
        """None: there is none, or it is unknown which."""
        model, uri = self.given.model, self.fields.req_uri
        return apis.at(model.config, uri) if model is not None and uri else None

    @property
    def rule(self) -> Normalised | None:
        """The rule as it is used; None: there is none, or it cannot be judged."""
        rule, format, api = self.fields.mapping_rule, self.format, self.api
        if rule is None or format in {None, Format.FILE}:
            return None
        header_at = f"{self.properties}.csv_header"
        header = bool(self.fields.options.csv_header) or told(header_at, self.broken)
        cells = Cells(by_index=False, by_column=True)
        if format is Format.CSV:
            cells = Cells(True, header, "is for csv with a header line: csv_header must be true")
        return normalised(rule, api.schema if api else None, cells, f"{self.path}.mapping_rule")


def violations(entry: Entry) -> Iterator[Violation]:
    """What is wrong with it."""
    fields, format = entry.fields, entry.format
    for name in MANDATORY:
        if not getattr(fields, name):
            yield Violation(f"{entry.path}.{name}", "is mandatory for batch services")
    for name in ("src_path", "dest_path"):
        yield from _place(f"{entry.path}.{name}", getattr(fields, name), entry.given.places)
    results = entry.given.places.get(fields.dest_path or "", Place())
    for text, code in ((results.obstacle, MALFORMED), (results.full, FULL)):
        if text:
            yield Violation(f"{entry.path}.dest_path", text, code)
    yield from _source(entry)
    yield from _uri(entry)
    if fields.mapping_type and format is None:
        known = ", ".join(Format)
        yield Violation(f"{entry.path}.mapping_type", f"is {shown(fields.mapping_type)}, must be one of {known}")
    if format is not None:
        yield from _file(entry) if format is Format.FILE else _rows(entry, format)
        if format is Format.PARQUET and not entry.given.parquet:
            yield Violation(f"{entry.path}.mapping_type", f"'parquet' needs {EXTRA}, which this server lacks")
    if fields.options.output_format == "parquet" and not entry.given.parquet:
        text = f"'parquet' needs {EXTRA}, which this server lacks"
        yield Violation(f"{entry.properties}.output_format", text)
    for violation in options_of.violations(entry.properties, fields.options, format, entry.given.quotas):
        if not any(told(path, [violation.field]) for path in entry.broken):  # a part of it was complained about
            yield violation


def job(entry: Entry) -> Job:
    """The job of a valid entry."""
    fields, api, format, rule = entry.fields, entry.api, entry.format, entry.rule
    assert fields.src_path
    assert fields.dest_path
    assert api is not None
    assert format is not None
    made = Job(
        source=fields.src_path,
        destination=fields.dest_path,
        uri=api.url,
        format=format,
        method=api.method,
        manifest=fields.src_type == MANIFEST,
        mapping=rule.node if rule else None,
        file_field=_file_field(api) if format is Format.FILE else "",
    )
    return options_of.applied(fields.options, made)


def _place(at: str, path: str | None, places: Mapping[str, Place]) -> Iterator[Violation]:
    place = places.get(path or "", Place())
    if place.malformed:
        yield Violation(at, place.malformed, MALFORMED)
    elif place.refused:
        yield Violation(at, place.refused, REFUSED)
    elif place.missing:
        yield Violation(at, f"there is nothing at {shown(path)}", MISSING)


def _source(entry: Entry) -> Iterator[Violation]:
    kind, path = entry.fields.src_type, entry.fields.src_path or ""
    if kind not in {None, "", MANIFEST}:
        yield Violation(f"{entry.path}.src_type", f"is {shown(kind)}, must be {shown(MANIFEST)} or absent")
    elif kind and path and not path.endswith(MANIFEST_SUFFIX):
        yield Violation(f"{entry.path}.src_path", "must end in .manifest for src_type ManifestFile", MALFORMED)
    elif not kind and path.endswith(MANIFEST_SUFFIX):
        text = f"is {shown(path)}: src_type must be {shown(MANIFEST)} for a list of files (a folder ends in /)"
        yield Violation(f"{entry.path}.src_path", text, MALFORMED)


def _uri(entry: Entry) -> Iterator[Violation]:
    uri, model, api = entry.fields.req_uri, entry.given.model, entry.api
    if not uri or model is None:
        return
    if api is None:
        known = ", ".join(dict.fromkeys(one.url for one in apis.declared(model.config)))
        text = f"is {shown(uri)}, must be one of the model's API urls: {known}"
        yield Violation(f"{entry.path}.req_uri", text)
    elif not api.takes_body:
        text = f"is {shown(uri)}, which the model answers to {api.method} only: nothing can be sent to it"
        yield Violation(f"{entry.path}.req_uri", text)


def _rows(entry: Entry, format: Format) -> Iterator[Violation]:
    if entry.fields.mapping_rule is None and format is Format.CSV:
        yield Violation(f"{entry.path}.mapping_rule", "is mandatory for mapping_type csv")
    if entry.rule is not None:
        yield from entry.rule.violations


def _file(entry: Entry) -> Iterator[Violation]:
    """One request per file: the api takes a single one, and nothing else that it cannot do without."""
    if entry.fields.mapping_rule:
        yield Violation(f"{entry.path}.mapping_rule", "is for rows: for mapping_type file each request is a file")
    api, at = entry.api, f"{entry.path}.mapping_type"
    if api is None:
        return
    files = _files(api)
    if len(files) > 1:
        names = ", ".join(shown(name) for name in files)
        yield Violation(at, f"is 'file', which needs an api with one file parameter; {api.url} has {names}")
    elif not files and not api.takes_bytes:
        declare = '{"Content-type": "multipart/form-data", "data": {"properties": {"NAME": {"type": "file"}}}}'
        text = f"is 'file', and the model declares no file parameter for {api.url}: its config.json must say so"
        yield Violation(at, f'{text} in apis, as "request": {declare}', NO_PARAMETERS)
    required = api.schema.get("required")
    more = [name for name in required if name not in files] if isinstance(required, list) else []
    if files and more:
        names = ", ".join(shown(name) for name in more)
        yield Violation(at, f"is 'file', but {api.url} requires more than a file: {names}")


def _files(api: Api) -> list[str]:
    return [
        name
        for name, schema in api.parameters.items()
        if isinstance(schema, Mapping) and schema.get("type") == "file"
    ]


def _file_field(api: Api) -> str:
    return next(iter(_files(api)), "")
