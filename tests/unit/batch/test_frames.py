"""What a worker is told of a split."""

import json

from modelyard.batch.frames import Assignment, assigned, spoken
from modelyard.domain.batch import Dialect, Fields, Format, Items, Job, Leaf, LeafType, Source, Split

RULE = Fields(
    (("data", Items((Fields((("x", Leaf(LeafType.NUMBER, 0)), ("y", Leaf(LeafType.STRING, column="name")))),))),)
)


def test_a_mapping_rule() -> None:
    leaf, named = {"leaf": "number", "index": 0}, {"leaf": "string", "column": "name"}
    assert spoken(RULE) == {"fields": {"data": {"items": [{"fields": {"x": leaf, "y": named}}]}}}
    assert spoken(None) is None


def test_a_split_of_rows() -> None:
    job = Job("obs://in/", "obs://out/", "/p", Format.CSV, csv=Dialect(True, ";", "gbk"), max_row_bytes=5)
    source = Source(3, "x", "in", "dir/a.csv", 1000, "v", "a.csv_result.txt")
    frame = assigned(job, Assignment(Split(3, 10, 90, 7, 4, deaths=1), [source], ("x", "y"), "utf-16-le", (8, 9)))
    assert (frame[:1], int.from_bytes(frame[1:5])) == (b"S", len(frame) - 5)
    assert json.loads(frame[5:]) == {
        "job": {
            "format": "csv",
            "uri": "/p",
            "method": "POST",
            "mapping": None,
            "file_field": "",
            "csv": {"header": True, "delimiter": ";", "encoding": "utf-16-le", "settled": True},
            "max_row_bytes": 5,
        },
        "source": 3,
        "start": 10,
        "end": 90,
        "first_row": 7,
        "rows": 4,
        "size": 1000,
        "files": [],
        "header": ["x", "y"],
        "careful": True,
        "only": [8, 9],
        "flush_s": 2.0,
        "flush_bytes": 8388608,
    }


def test_a_split_of_files_names_them() -> None:
    job = Job("obs://in/", "obs://out/", "/p", Format.FILE)
    files = [
        Source(3, "x", "in", "dir/a.jpg", 10, "v", "dir/a.jpg_result.txt"),
        Source(4, "https://h/b.jpg?Signature=s", "", "", 20, "v", "b.jpg_result.txt"),
    ]
    said = json.loads(assigned(job, Assignment(Split(3, 0, 0, 0, 2), files))[5:])
    assert said["files"] == [{"name": "a.jpg", "size": 10}, {"name": "b.jpg", "size": 20}]
    assert (said["size"], said["careful"], said["only"], said["header"]) == (0, False, None, None)
    assert "Signature" not in json.dumps(said)
