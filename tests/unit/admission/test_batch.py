"""Entries of batch services: the job that each makes, or what is wrong with it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.admission.test_admission import MODELS, WORLD, ask, model

from modelyard.core.admission.batch import BatchFields, Entry, Place, Surroundings, job, violations
from modelyard.core.admission.batch_options import Options, ThresholdRequest
from modelyard.core.admission.catalog import Quotas
from modelyard.core.admission.config import AdmissionInput, admit
from modelyard.core.admission.infer_types import TypedFields
from modelyard.core.admission.variant_request import VariantRequest
from modelyard.domain.batch import Dialect, Fields, Format, Items, Job, Leaf, LeafType, Output, Threshold
from modelyard.domain.model import Model
from modelyard.domain.service import InferType

LEAF = {"type": "number", "index": 0}
RULE = {"type": "object", "properties": {"x": {"index": 0}}}
BY_NAME = {"type": "object", "properties": {"x": {"type": "number", "column": "x"}}}
IMAGE = {"type": "object", "properties": {"images": {"type": "file"}}}
AT = "config[0].additional_properties"


def api(url: str = "/", method: str = "post", data: Any = None, kind: str = "application/json") -> dict[str, Any]:
    return {"url": url, "method": method, "request": {"Content-type": kind, "data": data or {}}}


def declaring(*apis: Mapping[str, Any]) -> Model:
    return model("a-1", config={"apis": list(apis)})


PLAIN = model("a-1")
NUMBERS = declaring(api("/", data={"type": "object", "properties": {"x": {"type": "number"}}}))
IMAGES = declaring(api("/", kind="multipart/form-data", data=IMAGE), api("/raw", kind="image/png"))
CSV = BatchFields("obs://b/in/", "s3://b/out", "/", "csv", RULE)
FILE = BatchFields("obs://b/in/", "s3://b/out", "/", "file")
LINES = BatchFields("obs://b/in/", "s3://b/out", "/", "jsonl")
TABLE = BatchFields("obs://b/in/", "s3://b/out", "/", "parquet")


def with_options(fields: BatchFields, **options: Any) -> BatchFields:
    return replace(fields, options=Options(**options))


def entry(fields: BatchFields, model: Model | None = NUMBERS, **more: Any) -> Entry:
    return Entry("config[0]", fields, Surroundings(model, **more))


X = Fields((("x", Leaf(LeafType.NUMBER)),))
JOBS: dict[str, tuple[BatchFields, Model, Job]] = {
    "csv": (CSV, NUMBERS, Job("obs://b/in/", "s3://b/out", "/", Format.CSV, mapping=X)),
    "every option of csv": (
        with_options(
            CSV,
            csv_header=True,
            csv_delimiter="\t",
            csv_encoding="Latin1",
            output_format="parquet",
            error_threshold=ThresholdRequest(count=0),
            row_timeout_seconds=0.1,
            max_row_bytes=1,
        ),
        NUMBERS,
        Job(
            *("obs://b/in/", "s3://b/out", "/", Format.CSV),
            mapping=X,
            csv=Dialect(True, "\t", "iso8859-1"),
            output=Output.PARQUET,
            error_threshold=Threshold(count=0),
            row_timeout_s=0.1,
            max_row_bytes=1,
        ),
    ),
    "options that say the default": (
        with_options(CSV, csv_header=False, csv_delimiter=",", csv_encoding="UTF8", output_format="txt"),
        NUMBERS,
        Job("obs://b/in/", "s3://b/out", "/", Format.CSV, mapping=X),
    ),
    "manifest": (
        replace(CSV, src_type="ManifestFile", src_path="/b/x.manifest"),
        NUMBERS,
        Job("/b/x.manifest", "s3://b/out", "/", Format.CSV, manifest=True, mapping=X),
    ),
    "no manifest": (
        replace(CSV, src_type="", src_path="/b/x.manifest/"),
        NUMBERS,
        Job("/b/x.manifest/", "s3://b/out", "/", Format.CSV, mapping=X),
    ),
    "file": (FILE, IMAGES, Job("obs://b/in/", "s3://b/out", "/", Format.FILE, file_field="images")),
    "file as a body": (
        replace(FILE, req_uri="/raw"),
        IMAGES,
        Job("obs://b/in/", "s3://b/out", "/raw", Format.FILE),
    ),
    "file beside what it can do without": (
        FILE,
        declaring(
            api(data={"properties": {"size": {"type": "integer"}, "f": {"type": "file"}}, "required": ["f"]})
        ),
        Job("obs://b/in/", "s3://b/out", "/", Format.FILE, file_field="f"),
    ),
    "a schema as text": (
        FILE,
        declaring(api(data='{"properties": {"f": {"type": "file"}}}')),
        Job("obs://b/in/", "s3://b/out", "/", Format.FILE, file_field="f"),
    ),
    "lines": (LINES, PLAIN, Job("obs://b/in/", "s3://b/out", "/", Format.JSONL)),
    "lines by column": (
        replace(LINES, mapping_rule=BY_NAME),
        PLAIN,
        Job(
            "obs://b/in/",
            "s3://b/out",
            "/",
            Format.JSONL,
            mapping=Fields((("x", Leaf(LeafType.NUMBER, column="x")),)),
        ),
    ),
    "tables": (TABLE, PLAIN, Job("obs://b/in/", "s3://b/out", "/", Format.PARQUET)),
    "another method": (
        replace(LINES, req_uri="/p"),
        declaring(api("/p", "get"), api("/p", "put")),
        Job("obs://b/in/", "s3://b/out", "/p", Format.JSONL, method="PUT"),
    ),
    "the implied api": (LINES, declaring(api("/p")), Job("obs://b/in/", "s3://b/out", "/", Format.JSONL)),
    "where only GET is declared": (
        LINES,
        declaring(api("/", "get")),
        Job("obs://b/in/", "s3://b/out", "/", Format.JSONL),
    ),
}


@pytest.mark.parametrize(("fields", "model", "expected"), JOBS.values(), ids=JOBS.keys())
def test_jobs(fields: BatchFields, model: Model, expected: Job) -> None:
    asked = entry(fields, model)
    assert list(violations(asked)) == []
    assert job(asked) == expected


def test_types_that_the_model_declares() -> None:
    """Only the index is said, as on the vendor's page."""
    inner = {f"input_{n}": {"type": "number"} for n in range(2)}
    schema = {
        "type": "object",
        "properties": {"req_data": {"type": "array", "items": [{"type": "object", "properties": inner}]}},
    }
    rule = {
        "properties": {"req_data": {"items": [{"properties": {f"input_{n}": {"index": n} for n in range(2)}}]}}
    }
    asked = entry(replace(CSV, mapping_rule=rule), declaring(api(data=schema, kind="multipart/form-data")))
    inputs = Fields((("input_0", Leaf(LeafType.NUMBER, 0)), ("input_1", Leaf(LeafType.NUMBER, 1))))
    assert list(violations(asked)) == []
    assert job(asked).mapping == Fields((("req_data", Items((inputs,))),))


WRONG: dict[str, tuple[BatchFields, Model | None, list[tuple[str, str, str]]]] = {
    "nothing": (
        BatchFields(),
        NUMBERS,
        [(name, "0104", "is mandatory") for name in ("src_path", "dest_path", "req_uri", "mapping_type")],
    ),
    "no model": (
        replace(CSV, mapping_rule={"properties": {"x": 3}}),
        None,
        [("mapping_rule.properties.x", "0104", "is 3")],
    ),
    "no model, whose types nobody knows": (CSV, None, []),
    "mapping_type": (
        replace(CSV, mapping_type="xml"),
        NUMBERS,
        [("mapping_type", "0104", "one of file, csv, jsonl, parquet")],
    ),
    "src_type": (replace(CSV, src_type="Tape"), NUMBERS, [("src_type", "0104", "'Tape', must be 'ManifestFile'")]),
    "a manifest by another name": (
        replace(CSV, src_type="ManifestFile"),
        NUMBERS,
        [("src_path", "3572", "must end in .manifest")],
    ),
    "a manifest that is not said": (
        replace(CSV, src_path="/b/x.manifest"),
        NUMBERS,
        [("src_path", "3572", "src_type must be 'ManifestFile'")],
    ),
    "req_uri": (replace(CSV, req_uri="/p"), NUMBERS, [("req_uri", "0104", "one of the model's API urls: /")]),
    "req_uri of none": (replace(LINES, req_uri="x"), IMAGES, [("req_uri", "0104", "API urls: /, /raw")]),
    "GET": (
        replace(LINES, req_uri="/p"),
        declaring(api("/p", "get")),
        [("req_uri", "0104", "answers to GET only")],
    ),
    "csv without a rule": (replace(CSV, mapping_rule=None), NUMBERS, [("mapping_rule", "0104", "is mandatory")]),
    "csv with a damaged rule": (
        replace(CSV, mapping_rule={}),
        NUMBERS,
        [("mapping_rule.properties", "0104", "is mandatory")],
    ),
    "a column without a header": (
        replace(CSV, mapping_rule=BY_NAME),
        NUMBERS,
        [("mapping_rule.properties.x.column", "0104", "csv_header must be true")],
    ),
    "an index of lines": (
        replace(LINES, mapping_rule=RULE),
        NUMBERS,
        [("mapping_rule.properties.x.index", "0104", "name the `column`")],
    ),
    "a rule for files": (replace(FILE, mapping_rule=RULE), IMAGES, [("mapping_rule", "0104", "is for rows")]),
    "no file parameter": (FILE, NUMBERS, [("mapping_type", "3514", "declares no file parameter for /")]),
    "nothing declared": (FILE, PLAIN, [("mapping_type", "3514", '"NAME": {"type": "file"}')]),
    "two files": (
        FILE,
        declaring(api(data={"properties": {"a": {"type": "file"}, "b": {"type": "file"}}})),
        [("mapping_type", "0104", "/ has 'a', 'b'")],
    ),
    "more than a file": (
        FILE,
        declaring(api(data={"properties": {"a": {"type": "file"}}, "required": ["a", "b", 3]})),
        [("mapping_type", "0104", "requires more than a file: 'b', 3")],
    ),
}


@pytest.mark.parametrize(("fields", "model", "expected"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_named(
    fields: BatchFields, model: Model | None, expected: list[tuple[str, str, str]]
) -> None:
    found = list(violations(entry(fields, model)))
    assert [(v.field, v.code) for v in found] == [(f"config[0].{name}", code) for name, code, _ in expected]
    for violation, (_, _, said) in zip(found, expected, strict=True):
        assert said in violation.text


OPTIONS: dict[str, tuple[BatchFields, dict[str, Any], str, str]] = {
    "header of files": (FILE, {"csv_header": False}, "csv_header", "is for mapping_type csv, this one is file"),
    "delimiter of lines": (LINES, {"csv_delimiter": ";"}, "csv_delimiter", "this one is jsonl"),
    "encoding of tables": (TABLE, {"csv_encoding": "utf-8"}, "csv_encoding", "this one is parquet"),
    "no delimiter": (CSV, {"csv_delimiter": ""}, "csv_delimiter", "must be one character"),
    "a long delimiter": (CSV, {"csv_delimiter": "||"}, "csv_delimiter", "must be one character"),
    "a quote": (CSV, {"csv_delimiter": '"'}, "csv_delimiter", "neither a quote"),
    "a newline": (CSV, {"csv_delimiter": "\n"}, "csv_delimiter", "the end of a line"),
    "an unknown encoding": (
        CSV,
        {"csv_encoding": "klingon"},
        "csv_encoding",
        "the encoding 'klingon' is not known",
    ),
    "no encoding": (CSV, {"csv_encoding": ""}, "csv_encoding", "the encoding '' is not known"),
    "an output": (CSV, {"output_format": "xml"}, "output_format", "must be one of txt, parquet"),
    "tables of files": (FILE, {"output_format": "parquet"}, "output_format", "for mapping_type file each result"),
    "no threshold": (CSV, {"error_threshold": ThresholdRequest()}, "error_threshold", "one of count and share"),
    "two thresholds": (CSV, {"error_threshold": ThresholdRequest(1, 0.5)}, "error_threshold", "one of count and"),
    "a count": (
        CSV,
        {"error_threshold": ThresholdRequest(-1)},
        "error_threshold.count",
        "is -1, must be at least 0",
    ),
    "a share": (
        CSV,
        {"error_threshold": ThresholdRequest(share=1.5)},
        "error_threshold.share",
        "is 1.5, must be 0 to 1",
    ),
    "a short timeout": (CSV, {"row_timeout_seconds": 0}, "row_timeout_seconds", "is 0, must be 0.1 to 7"),
    "a long timeout": (CSV, {"row_timeout_seconds": 7.5}, "row_timeout_seconds", "is 7.5, must be 0.1 to 7"),
    "no row": (CSV, {"max_row_bytes": 0}, "max_row_bytes", "is 0, must be 1 to 9"),
    "a large row": (CSV, {"max_row_bytes": 10}, "max_row_bytes", "is 10, must be 1 to 9"),
}


@pytest.mark.parametrize(("fields", "options", "name", "said"), OPTIONS.values(), ids=OPTIONS.keys())
def test_options_out_of_bounds(fields: BatchFields, options: dict[str, Any], name: str, said: str) -> None:
    asked = with_options(fields, **options)
    quotas = Quotas(request_timeout_max_s=7, request_body_max_bytes=9)
    (found,) = violations(entry(asked, IMAGES if fields is FILE else NUMBERS, quotas=quotas))
    assert found.field == f"{AT}.{name}"
    assert said in found.text


@pytest.mark.parametrize(
    "name",
    [
        "utf-16",
        "UTF-16LE",
        "utf_16_be",
        "ascii",
        "cp1252",
        "gb18030",
        "shift_jis",
        "big5",
        "euc-kr",
        "koi8-r",
        "utf-32",
    ],
)
def test_encodings_in_which_rows_can_be_told_apart(name: str) -> None:
    assert list(violations(entry(with_options(CSV, csv_encoding=name)))) == []


@pytest.mark.parametrize(
    "name",
    [
        "utf-7",
        "iso2022_jp",
        "hz",
        "cp037",
        "rot13",
        "zlib",
        "unicode_escape",
        "idna",
        "punycode",
        "../x",
        "x" * 50,
    ],
)
def test_encodings_in_which_they_cannot(name: str) -> None:
    assert [v.field for v in violations(entry(with_options(CSV, csv_encoding=name)))] == [f"{AT}.csv_encoding"]


@pytest.mark.parametrize(
    ("place", "code", "said"),
    [
        (Place(malformed="is none"), "3572", "is none"),
        (Place(refused="is another's", missing=True), "4310", "is another's"),
        (Place(missing=True), "3551", "there is nothing at"),
    ],
)
@pytest.mark.parametrize("name", ["src_path", "dest_path"])
def test_places(name: str, place: Place, code: str, said: str) -> None:
    (found,) = violations(entry(CSV, places={getattr(CSV, name): place}))
    assert (found.field, found.code) == (f"config[0].{name}", code)
    assert said in found.text


def test_parquet_needs_what_this_server_may_lack() -> None:
    found = [
        *violations(entry(TABLE, parquet=False)),
        *violations(entry(with_options(CSV, output_format="parquet"), parquet=False)),
    ]
    assert [v.field for v in found] == ["config[0].mapping_type", f"{AT}.output_format"]
    assert all("modelyard[parquet]" in v.text for v in found)


def asked(**more: Any) -> VariantRequest:
    return ask("a-1", None, **{"typed": TypedFields(batch=CSV), **more})


BATCH: AdmissionInput = replace(WORLD, infer_type=InferType.BATCH, models={**MODELS, "a-1": NUMBERS})


def test_the_variant_of_a_batch() -> None:
    for weight in (None, 100):
        (variant,) = admit([replace(asked(), weight=weight)], BATCH).variants
        assert (variant.weight, variant.job) == (100, job(entry(CSV)))
    assert admit([ask("a-1")], WORLD).variants[0].job is None


WHOLE: dict[str, tuple[list[VariantRequest], list[str]]] = {
    "no entry": ([], ["config"]),
    "two entries": ([asked(), replace(asked(), model_id="a-2", typed=TypedFields(batch=LINES))], ["config"]),
    "a share": ([replace(asked(), weight=50)], ["config[0].weight"]),
    "no share": ([replace(asked(), weight=0)], ["config[0].weight"]),
    "max_surge": ([asked(max_surge=1)], [f"{AT}.max_surge"]),
    "max_unavailable": ([asked(max_unavailable=0.5)], [f"{AT}.max_unavailable"]),
    "grace": ([asked(termination_grace_s=1, deploy_timeout_s=60, envs=(("A", "b"),))], []),
    "nodes": ([asked(typed=TypedFields(("n",), CSV))], ["config[0].nodes"]),
    "too many workers": ([asked(instance_count=6)], ["config[0].instance_count"]),
    "a model for edge": (
        [replace(asked(typed=TypedFields(batch=LINES)), model_id="edge-1")],
        ["config[0].model_id"],
    ),
}


@pytest.mark.parametrize(("config", "expected"), WHOLE.values(), ids=WHOLE.keys())
def test_a_config_of_a_batch(config: list[VariantRequest], expected: list[str]) -> None:
    assert [v.field for v in admit(config, BATCH).violations] == expected


def test_no_second_complaint_about_what_could_not_be_read() -> None:
    by_name = TypedFields(batch=replace(CSV, mapping_rule=BY_NAME))
    header = [f"{AT}.csv_header"]
    assert admit([asked(typed=by_name)], BATCH, header).violations == ()
    unread = TypedFields(batch=BatchFields())
    names = [f"config[0].{name}" for name in ("src_path", "dest_path", "req_uri", "mapping_type")]
    assert admit([asked(typed=unread)], BATCH, names).violations == ()
