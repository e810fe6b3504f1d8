"""What batch services read and write, on a whole server, through the public API: contract §5 to the letter."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from examples.demo.stage import Stage
from tests.worlds import server
from tests.worlds.batch_jobs import BUCKET, JobFailedError, Jobs, config, fields, leaf, rows_of

from modelyard.client import ApiError, Client

pytestmark = pytest.mark.e2e

FLOWERS = rows_of(**{f"input_{n}": {"type": "number"} for n in range(1, 5)})
FLOWER_RULE = rows_of(**{f"input_{n}": leaf("number", n - 1) for n in range(1, 5)})
CELLS = fields(id={"type": "integer"}, text={"type": "string"}, flag={"type": "boolean"})
CELL_RULE = fields(id=leaf("integer", 0), text=leaf("string", 1), flag=leaf("boolean", 2))
LINES = fields(text={"type": "string"})
LINE_RULE = fields(text=leaf("string", 0))

ECHO = """
from model_service.model_service import SingleNodeService

class Echo(SingleNodeService):
    def _inference(self, data):
        return data
"""
FILES = """
from model_service.model_service import SingleNodeService
import model_service

class Sizes(SingleNodeService):
    def _inference(self, data):
        ((name, file),) = data["image"].items()
        content = file.read()
        if content == b"bad":
            raise model_service.BadRequest("this is no image")
        return {"name": name, "size": len(content)}
"""

stage = pytest.fixture(server.stage, scope="module")
yard = pytest.fixture(server.yard, scope="module")


@pytest.fixture(scope="module")
def jobs(stage: Stage, yard: Client) -> Jobs:
    return Jobs(stage, yard)


@pytest.fixture(scope="module")
def models(stage: Stage, yard: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Ids: echo models of the schemas above, and one of files."""
    home = tmp_path_factory.mktemp("packages")
    image = config(fields(image={"type": "file"}), "multipart/form-data")
    packages = {
        "flowers": (ECHO, config(FLOWERS)),
        "cells": (ECHO, config(CELLS)),
        "text": (ECHO, config(LINES)),
        "images": (FILES, image),
    }
    made = {name: server.script_package(home / name, *package) for name, package in packages.items()}
    yield {name: server.published(stage, yard, name, package) for name, package in made.items()}


@pytest.mark.parametrize("form", ["object", "JSON string"])
def test_the_documented_example(jobs: Jobs, models: dict[str, str], form: str) -> None:
    """Four inputs, a mapping rule, CSV: every byte of what is written."""
    folder = "example-object" if form == "object" else "example-text"
    jobs.put(f"{folder}/data.csv", "5.1,3.5,1.4,0.2\n4.9,3.0,1.4,0.2\n")
    rule: object = FLOWER_RULE if form == "object" else json.dumps(FLOWER_RULE)
    job = jobs.run(models["flowers"], f"{folder}/", rule)
    assert job.raw("data.csv") == (
        b'{"data":{"req_data":[{"input_1":5.1,"input_2":3.5,"input_3":1.4,"input_4":0.2}]}}\n'
        b'{"data":{"req_data":[{"input_1":4.9,"input_2":3.0,"input_3":1.4,"input_4":0.2}]}}\n'
    )
    task_id = job.task()["task_id"]
    assert (job.output / f"infer-result-{task_id}.manifest").read_text() == (
        f'{{"source":"obs://{BUCKET}/{folder}/data.csv","result":"SUCCESSFUL",'
        f'"inference-loc":"obs://{BUCKET}/{job.output.name}/infer-result/data.csv_result.txt"}}\n'
    )
    assert job.names() == ["infer-result-TASK.manifest", "infer-result/data.csv_result.txt"]
    assert job.entry["mapping_rule"] == FLOWER_RULE
    assert job.entry["start_time"] <= job.entry["finished_time"]
    assert (job.task()["rows_done"], job.task()["rows_failed"]) == (2, 0)


def test_an_index_of_minus_one_leaves_the_leaf_out(jobs: Jobs, models: dict[str, str]) -> None:
    jobs.put("minus/a.csv", "1,x,true\n")
    rule = fields(id=leaf("integer", 0), text=leaf("string", -1), flag=leaf("boolean", 2))
    assert jobs.run(models["cells"], "minus/", rule).lines("a.csv") == [{"id": 1, "flag": True}]


def test_quotes_newlines_and_every_line_that_is_wrong(jobs: Jobs, models: dict[str, str]) -> None:
    """A row that cannot be read fails alone, in its place, and says row, column, value and type."""
    jobs.put(
        "cells/odd.csv",
        '1,"a ""word"", and\na line",true\r\n2,plain,FALSE\r\n\r\n3,short\r\nx,wrong,1\r\n4,,0\r\n'
        "5,last,maybe\r\n6,end,1",
    )
    job = jobs.run(models["cells"], "cells/", CELL_RULE)
    one, two, empty, short, wrong, blank, maybe, last = job.lines("odd.csv")
    assert one == {"id": 1, "text": 'a "word", and\na line', "flag": True}
    assert two == {"id": 2, "text": "plain", "flag": False}
    assert blank == {"id": 4, "text": "", "flag": False}
    assert last == {"id": 6, "text": "end", "flag": True}
    for line, *said in (
        (empty, "empty"),
        (short, "2"),
        (wrong, "row 4", "column 0", '"x"', "integer"),
        (maybe, "row 6", "column 2", '"maybe"', "boolean"),
    ):
        assert line["result"] == "FAILED"
        for word in said:
            assert word in line["error_message"], line
    assert [row for _, row, _ in job.failed_rows()] == [2, 3, 4, 6]
    assert job.manifest()[0]["failed_rows"] == 4
    task = job.task()
    assert (task["rows"], task["rows_done"], task["rows_failed"]) == (8, 4, 4)


def test_a_header_names_columns_and_is_no_data(jobs: Jobs, models: dict[str, str]) -> None:
    jobs.put("header/a.csv", "flag;text;id;more\n1;one;7;-\n0;two\n")
    rule = {
        "type": "object",
        "properties": {
            "id": {"type": "integer", "column": "id"},
            "text": {"type": "string", "index": 1},
            "flag": {"type": "boolean", "column": "flag"},
        },
    }
    options = {"csv_header": True, "csv_delimiter": ";"}
    job = jobs.run(models["cells"], "header/", rule, additional_properties=options)
    good, bad = job.lines("a.csv")
    assert good == {"id": 7, "text": "one", "flag": True}
    assert bad["result"] == "FAILED"


def test_a_header_that_lacks_a_column_fails_its_file_alone(jobs: Jobs, models: dict[str, str]) -> None:
    jobs.put("lacking/a.csv", "id,words\n1,x\n")
    jobs.put("lacking/b.csv", "id,text\n2,y\n")
    rule = fields(id={"type": "integer", "column": "id"}, text={"type": "string", "column": "text"})
    job = jobs.run(models["cells"], "lacking/", rule, additional_properties={"csv_header": True})
    bad, good = job.manifest()
    assert bad["result"] == "FAILED"
    assert '"text"' in bad["error_message"]
    assert good["result"] == "SUCCESSFUL"
    assert job.lines("b.csv") == [{"id": 2, "text": "y"}]


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("bom", "\ufeffä€\n".encode(), {}),
        ("utf16", "ä€\r\n".encode("utf-16"), {}),
        ("utf16be", b"\xfe\xff" + "ä€\n".encode("utf-16-be"), {}),
        ("latin", "ä€\n".encode("cp1252"), {"csv_encoding": "cp1252"}),
        ("gb", "汉字\n".encode("gb18030"), {"csv_encoding": "gb18030"}),
    ],
)
def test_encodings(jobs: Jobs, models: dict[str, str], name: str, content: bytes, options: dict[str, str]) -> None:
    jobs.put(f"enc-{name}/a.csv", content)
    job = jobs.run(models["text"], f"enc-{name}/", LINE_RULE, additional_properties=options)
    assert job.lines("a.csv") == [{"text": "汉字" if name == "gb" else "ä€"}]


def test_bytes_that_are_no_text_fail_where_they_are(jobs: Jobs, models: dict[str, str]) -> None:
    jobs.put("broken/a.csv", b"good\nb\xffd\nalso\n")
    good, bad, also = jobs.run(models["text"], "broken/", LINE_RULE).lines("a.csv")
    assert (good, also) == ({"text": "good"}, {"text": "also"})
    assert bad["result"] == "FAILED"


def test_folders_empty_files_and_names_that_collide(jobs: Jobs, models: dict[str, str]) -> None:
    """Results lie in the folders of their inputs. Only .csv is read."""
    jobs.put("many/a.csv", "1,one,1\n")
    jobs.put("many/deep/er/a.csv", "2,two,0\n")
    jobs.put("many/empty.csv", "")
    jobs.put("many/notes.txt", "not me")
    job = jobs.run(models["cells"], "many/", CELL_RULE)
    assert job.lines("a.csv") == [{"id": 1, "text": "one", "flag": True}]
    assert job.lines("deep/er/a.csv") == [{"id": 2, "text": "two", "flag": False}]
    assert job.raw("empty.csv") == b""
    assert [(line["source"].rpartition("many/")[2], line["result"]) for line in job.manifest()] == [
        ("a.csv", "SUCCESSFUL"),
        ("deep/er/a.csv", "SUCCESSFUL"),
        ("empty.csv", "SUCCESSFUL"),
    ]


def test_results_beside_their_inputs(jobs: Jobs, models: dict[str, str]) -> None:
    """A destination inside the source: a second run does not read the results of the first."""
    jobs.put("both/a.csv", "1,one,1\n")
    for _ in range(2):
        job = jobs.run(models["cells"], "both/", CELL_RULE, dest_path=f"/{BUCKET}/both/")
        assert job.task()["sources"] == 1


def test_a_manifest_in_every_spelling(jobs: Jobs, models: dict[str, str]) -> None:
    """Also a presigned one of a host that nobody configured: it is the project's own bucket that is read."""
    for name in ("one", "two", "three", "four", "five"):
        jobs.put(f"listed/{name}.png", name * 10)
    sources = [
        f"obs://{BUCKET}/listed/one.png",
        f"s3://{BUCKET}/listed/two.png",
        f"https://{BUCKET}.obs.example.com/listed/three.png",
        f"https://{BUCKET}.s3.example.com/listed/four.png?X-Amz-Signature=secret&X-Amz-Expires=60",
        f"/{BUCKET}/listed/five.png",
        f"obs://{BUCKET}/listed/nothing.png",
    ]
    lines = "".join(json.dumps({"source": source}) + "\n" for source in sources)
    path = jobs.put("listed/all.manifest", lines)
    job = jobs.run(models["images"], path, src_type="ManifestFile")
    manifest = job.manifest()
    assert [line["result"] for line in manifest] == ["SUCCESSFUL"] * 5 + ["FAILED"]
    assert [line["source"] for line in manifest[:3]] == sources[:3]
    assert "secret" not in json.dumps(manifest) or manifest[3]["source"] == sources[3]
    for line, name in zip(manifest, ("one", "two", "three", "four", "five"), strict=False):
        place = line["inference-loc"].removeprefix(f"obs://{BUCKET}/")
        answer = json.loads((jobs.root / place).read_text())
        assert answer == {"name": f"{name}.png", "size": 10 * len(name)}
    assert "nothing.png" in manifest[5]["source"]
    assert manifest[5]["error_message"]


def test_files_that_the_model_refuses(jobs: Jobs, models: dict[str, str]) -> None:
    jobs.put("pictures/a.png", "good")
    jobs.put("pictures/b.png", "bad")
    jobs.put("pictures/sub/a.png", "")
    job = jobs.run(models["images"], "pictures/")
    assert job.names() == [
        "infer-result-TASK.manifest",
        "infer-result-TASK_failed.jsonl",
        "infer-result/a.png_result.txt",
        "infer-result/sub/a.png_result.txt",
    ]
    good, bad, empty = job.manifest()
    assert (good["result"], bad["result"], empty["result"]) == ("SUCCESSFUL", "FAILED", "SUCCESSFUL")
    assert "this is no image" in bad["error_message"]
    assert job.lines("sub/a.png") == [{"name": "a.png", "size": 0}]


def test_json_lines(jobs: Jobs, models: dict[str, str]) -> None:
    """Each line is the request as it is; with a rule, the fields that it picks."""
    jobs.put("jsonl/a.jsonl", '{"id": 1, "text": "one", "more": [1]}\nno json\n\n{"id": 2}\n')
    whole = jobs.run(models["cells"], "jsonl/", mapping_type="jsonl")
    one, bad, empty, two = whole.lines("a.jsonl")
    assert (one, two) == ({"id": 1, "text": "one", "more": [1]}, {"id": 2})
    assert bad["result"] == empty["result"] == "FAILED"
    rule = fields(id={"type": "integer", "column": "id"})
    picked = jobs.run(models["cells"], "jsonl/", rule, mapping_type="jsonl")
    assert [line.get("id") for line in picked.lines("a.jsonl")] == [1, None, None, 2]


def test_parquet_in_and_out(jobs: Jobs, models: dict[str, str]) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="PARQUET IS NOT TESTED: pyarrow is not there")
    import pyarrow.parquet as parquet

    table = pyarrow.table({"id": list(range(5000)), "text": [f"t{n}" for n in range(5000)]})
    (jobs.root / "parquet").mkdir()
    parquet.write_table(table, jobs.root / "parquet/a.parquet", row_group_size=700)
    job = jobs.run(
        models["cells"], "parquet/", mapping_type="parquet", additional_properties={"output_format": "parquet"}
    )
    written = parquet.read_table(job.output / "infer-result/a.parquet_result.parquet")
    assert written.num_rows == 5000
    text = jobs.run(models["cells"], "parquet/", mapping_type="parquet")
    assert text.lines("a.parquet") == [{"id": n, "text": f"t{n}"} for n in range(5000)]


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"src_path": "nowhere"}, "3572", ["src_path"]),
        ({"src_path": f"/{BUCKET}/nothing-there/"}, "3551", ["src_path", "nothing-there"]),
        ({"dest_path": "obs://"}, "3572", ["dest_path"]),
        ({"req_uri": "/no/such"}, "", ["req_uri", "/no/such"]),
        ({"mapping_type": "xml"}, "", ["mapping_type", "xml"]),
        ({"mapping_rule": None}, "", ["mapping_rule"]),
        ({"mapping_rule": "{"}, "", ["mapping_rule"]),
        ({"mapping_rule": fields(id=leaf("integer", -1))}, "", ["mapping_rule", "no leaf"]),
        ({"additional_properties": {"csv_delimiter": "ab"}}, "", ["csv_delimiter", "ab"]),
        ({"additional_properties": {"error_threshold": {"share": 2}}}, "", ["error_threshold", "2"]),
        ({"src_type": "ManifestFile"}, "3572", [".manifest"]),
        ({"instance_count": 1000}, "3522", ["instance_count"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_is_refused(
    jobs: Jobs, models: dict[str, str], yard: Client, changes: dict[str, Any], code: str, words: list[str]
) -> None:
    """A clear error, and nothing is there afterwards."""
    jobs.put("refused/a.csv", "1,a,1\n")
    before = len(yard.services.list())
    asked = jobs.asked(models["cells"], "refused/", CELL_RULE, dest_path=f"/{BUCKET}/refused-out/") | changes
    with pytest.raises(ApiError) as refused:
        yard.session.call(
            "POST", "/services", body={"service_name": "refused", "infer_type": "batch", "config": [asked]}
        )
    assert refused.value.status == 400
    assert refused.value.code.endswith(code)
    for word in words:
        assert word in str(refused.value)
    assert len(yard.services.list()) == before
    assert not (jobs.root / "refused-out").exists()


def test_lines_of_a_manifest_that_name_no_file_fail_alone(jobs: Jobs, models: dict[str, str]) -> None:
    jobs.put("wrong/a.png", "abc")
    lines = [f'{{"source": "obs://{BUCKET}/wrong/a.png"}}', "no json", '{"source": "ftp://b/k"}', '{"file": "x"}']
    path = jobs.put("wrong/list.manifest", "\r\n".join(lines))
    good, *bad = jobs.run(models["images"], path, src_type="ManifestFile").manifest()
    assert good["result"] == "SUCCESSFUL"
    assert [line["result"] for line in bad] == ["FAILED"] * 3
    assert all(line["error_message"] for line in bad)


def test_a_manifest_of_nothing_fails_the_job(jobs: Jobs, models: dict[str, str]) -> None:
    path = jobs.put("wrong/empty.manifest", "\n")
    with pytest.raises(JobFailedError, match="lists no file"):
        jobs.run(models["images"], path, src_type="ManifestFile")
