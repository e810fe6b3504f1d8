"""A worker in this process: splits in, outcomes out."""

import asyncio
import contextlib
import json
import sys
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.worlds.batch_worker import CSV, HEAD, Published, Ran, connected, serving, split, wait_for, worker

from model_service import BadRequest
from modelyard_runtime.batch.answered import Answered
from modelyard_runtime.batch.crew import Crew
from modelyard_runtime.batch.predictors import InProcess
from modelyard_runtime.batch.worker import Worker
from modelyard_runtime.execution.sharing import alone
from modelyard_runtime.ledger import Ledger
from modelyard_runtime.model import Joint, Limits, Model

ROUTES = {"/": frozenset({"POST"})}


def echo(data: Any) -> Any:
    return {"got": data}


def test_the_documented_example() -> None:
    """Contract §5."""
    names = [f"input_{n}" for n in range(1, 5)]
    leaves = {name: {"leaf": "number", "index": n} for n, name in enumerate(names)}
    mapping = {"fields": {"data": {"fields": {"req_data": {"items": [{"fields": leaves}]}}}}}
    content = b"5.1,3.5,1.4,0.2\n4.9,3,1.4,0.2\n"
    with serving(Model(ROUTES, predict=echo)) as plane:
        ran = plane.run(split({"format": "csv", "mapping": mapping}, content, 2), [content])
    assert ran.raw == (
        b'{"got":{"data":{"req_data":[{"input_1":5.1,"input_2":3.5,"input_3":1.4,"input_4":0.2}]}}}\n'
        b'{"got":{"data":{"req_data":[{"input_1":4.9,"input_2":3,"input_3":1.4,"input_4":0.2}]}}}\n'
    )
    assert (ran.kind, ran.ended) == (b"E", {"abandoned": False})


def test_several_splits_of_a_source() -> None:
    content = b"a\nb\n"
    with serving(Model(ROUTES, predict=echo)) as plane:
        first = plane.run(split(CSV, content, 1, end=2), [content])
        second = plane.run(split(CSV, content, 1, start=2, first_row=1), [content])
    assert (first.lines, second.lines) == ([{"got": ["a"]}], [{"got": ["b"]}])


TEXT = {"leaf": "string", "index": 0}
NUMBER = {"format": "csv", "mapping": {"leaf": "number", "index": 0}}
JSONL = {"format": "jsonl"}
FILE = {"format": "file", "file_field": "image"}


def model(predict: Any = echo, **more: Any) -> Model:
    return Model(ROUTES, predict=predict, **more)


def test_what_is_wrong_with_a_row_is_the_rows() -> None:
    content = b"1\n\nx\n4\n"
    with serving(model()) as plane:
        ran = plane.run(split(NUMBER, content, 4, first_row=10), [content])
    causes = {11: "row 11: the line is empty", 12: 'row 12, column 0: "x" is not of type number'}
    assert ran.failures == causes
    failed = [{"result": "FAILED", "error_message": cause} for cause in causes.values()]
    assert ran.lines == [{"got": 1}, *failed, {"got": 4}]


def test_what_the_model_raises_is_the_rows() -> None:
    def picky(data: Any) -> Any:
        if data == 1:
            raise BadRequest("not one")
        if data == 2:
            raise KeyError("two")
        if data == 3:
            sys.exit(3)
        if data == 4:
            return object()
        if data == 5:
            return (n for n in range(3))
        return {"nan": float("nan")}

    content = b"0\n1\n2\n3\n4\n5\n"
    with serving(model(picky)) as plane:
        ran = plane.run(split(NUMBER, content, 6), [content])
    assert ran.lines[0] == {"nan": None}
    assert list(ran.failures) == [1, 2, 3, 4, 5]
    assert ran.failures[1] == "not one"
    for row in (2, 3, 4):
        assert ran.failures[row].startswith("The model m 1.0.0 failed to answer.")
    assert "Its log says why: reference " in ran.failures[2]
    assert ran.failures[5] == "The model streams its answer, which a batch service does not gather."


def test_failures_of_one_kind_are_in_the_log_once(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_data: Any) -> Any:
        raise KeyError("two")

    content = b"1\n" * 50
    with serving(model(broken)) as plane:
        ran = plane.run(split(NUMBER, content, 50), [content])
    assert len(set(ran.failures.values())) == 1
    log = capsys.readouterr().err
    assert log.count("Traceback") == 1
    assert ran.failures[0].rpartition(" ")[2].rstrip(".") in log


def test_json_lines() -> None:
    content = b'{"a": 1}\r\n\n[1,\n{"a": "\xc3\xa9"}'
    with serving(model()) as plane:
        ran = plane.run(split(JSONL, content, 4), [content])
    assert ran.lines[0] == {"got": {"a": 1}}
    assert ran.lines[3] == {"got": {"a": "é"}}
    assert ran.failures[1] == "row 1: the line is empty"
    assert ran.failures[2].startswith("Incorrect JSON format of the input data.")
    assert "Content-Type" not in ran.failures[2]


def test_json_lines_with_a_rule() -> None:
    content = b'{"a": 1, "b": "x"}\n{"b": 2}\n[]\nx\n'
    job = {"format": "jsonl", "mapping": {"fields": {"n": {"leaf": "number", "column": "a"}}}}
    with serving(model()) as plane:
        ran = plane.run(split(job, content, 4), [content])
    assert ran.lines[0] == {"got": {"n": 1}}
    assert ran.failures[1] == 'row 1 has no "a"'
    assert ran.failures[2] == 'row 2 must be an object for the mapping rule, not "[]"'
    assert ran.failures[3].startswith("row 3: Incorrect JSON format")


def test_a_script_that_parses_its_text() -> None:
    def text(data: Any) -> Any:
        assert isinstance(data, str)
        return {"got": json.loads(data)}

    rows = b'1\n"2"\n'
    with serving(model(text, wants_text=True)) as plane:
        assert plane.run(split(JSONL, rows, 2), [rows]).lines == [{"got": 1}, {"got": "2"}]
        assert plane.run(split(CSV, b"a\n", 1), [b"a\n"]).lines == [{"got": ["a"]}]


def test_answers_are_those_of_requests() -> None:
    def listing(data: Any) -> Any:
        return [data["x"]]

    rows = b'{"x": 1, "meta": {"uuid": "u"}}\n'
    with serving(model(listing, wraps_lists=True)) as plane:
        ran = plane.run(split(JSONL, rows, 1), [rows])
    assert ran.lines == [{"data": {"resp_data": [1]}, "meta": {"uuid": "u"}}]


def files(*contents: bytes | str) -> list[dict[str, Any]]:
    return [{"name": f"folder/{n}.png", "size": len(each)} for n, each in enumerate(contents)]


def test_files_are_uploads() -> None:
    def look(data: Any) -> Any:
        ((name, file),) = data["image"].items()
        return [name, file.name, file.content_type, len(file.read())]

    contents = [b"abc", "it is gone", b"", b"x" * 3_000_000]
    asked = split(FILE, rows=4, source=7, files=files(*contents))
    with serving(model(look)) as plane:
        ran = plane.run(asked, contents)
    assert ran.lines[0] == ["0.png", "0.png", "image/png", 3]
    assert ran.failures == {8: "it is gone"}
    assert ran.lines[2:] == [["2.png", "2.png", "image/png", 0], ["3.png", "3.png", "image/png", 3_000_000]]
    assert ran.published[-1].head["next"] is None


def test_files_share_calls() -> None:
    calls: list[int] = []

    def together(items: list[Any]) -> list[Any]:
        calls.append(len(items))
        return [next(iter(item["image"])) for item in items]

    joint = Joint(predict=together, limits=Limits(max_size=16))
    contents = [b"x"] * 200
    with serving(Model(ROUTES, predict=alone(joint), joint=joint)) as plane:
        ran = plane.run(split(FILE, rows=200, files=files(*contents)), list(contents))
        assert ran.lines == [f"{n}.png" for n in range(200)]
        only = plane.run(split(FILE, rows=200, files=files(*contents), only=[3, 4, 150]), list(contents))
        assert only.lines == ["3.png", "4.png", "150.png"]
    assert max(calls) > 4


def test_files_are_read_ahead() -> None:
    sizes = [1, 2_500_000, 0, 1, 1, 1, 1]
    listed = [{"name": str(n), "size": size} for n, size in enumerate(sizes)]
    asked = split(FILE, rows=7, files=listed)
    with serving(model()) as plane:
        plane.send(b"S", json.dumps(asked).encode())
        wanted = [json.loads(plane.receive()[1]) for _ in range(4)]
    assert [(each["file"], each["offset"], each["length"]) for each in wanted] == [
        (0, 0, 1),
        (1, 0, 1_048_576),
        (1, 1_048_576, 1_048_576),
        (1, 2_097_152, 402_848),
    ]


def test_files_that_are_too_large_or_not_what_they_were() -> None:
    job = {**FILE, "max_row_bytes": 10}
    listed = [{"name": "a", "size": 11}, {"name": "b", "size": 5}]
    with serving(model()) as plane:
        ran = plane.run(split(job, rows=2, files=listed), [b"x" * 11, b"xxx"])
    assert ran.failures == {
        0: "the file has 11 bytes; a row may have 10",
        1: "the file has 3 bytes, and had 5 when it was listed",
    }


def test_a_file_that_is_the_body_itself() -> None:
    def kind(data: Any) -> Any:
        return [type(data).__name__, len(data)]

    job = {"format": "file"}
    listed = [{"name": "a.png", "size": 3}, {"name": "b.json", "size": 7}]
    with serving(model(kind)) as plane:
        ran = plane.run(split(job, rows=2, files=listed), [b"abc", b'{"a":1}'])
    assert ran.lines == [["bytes", 3], ["dict", 1]]


def test_careful_rows_are_published_one_by_one_before_the_next_begins() -> None:
    begun: list[int] = []
    published: list[int] = []

    def predict(data: Any) -> Any:
        begun.append(data)
        return data

    content = b"1\n2\n3\n"
    with serving(model(predict)) as plane:

        def heard(each: Published) -> None:
            published.append(each.head["rows"])

        ran = plane.run(split(NUMBER, content, 3, careful=True), [content], heard)
    assert published == [1, 1, 1]
    assert begun == [1, 2, 3]
    assert [each.head["next"] for each in ran.published] == [[0, 2], [0, 4], None]


def test_only_some_rows() -> None:
    content = b"".join(b"%d\n" % n for n in range(1000))
    with serving(model()) as plane:
        asked = split(NUMBER, content, 1000, only=[3, 4, 700, 999], careful=True)
        ran = plane.run(asked, [content])
    assert [line["got"] for line in ran.lines] == [3, 4, 700, 999]
    assert [each.head["numbers"] for each in ran.published] == [[3], [4], [700], [999]]
    starts = [each.head["next"] for each in ran.published]
    assert starts == [[0, content.index(b"4\n")], [0, content.index(b"5\n")], [0, content.index(b"701\n")], None]


def test_what_is_ready_is_published_while_a_row_takes_long() -> None:
    go_on = threading.Event()

    def predict(data: Any) -> Any:
        if data == 2:
            assert go_on.wait(60)
        return data

    content = b"1\n2\n3\n"
    with serving(model(predict)) as plane:
        ran = plane.run(split(NUMBER, content, 3, flush_s=0.01), [content], lambda _: go_on.set())
    assert ran.published[0].head["next"] == [0, 2]
    assert ran.lines == [1, 2, 3]


def test_a_publication_is_no_larger_than_asked() -> None:
    content = b"1\n" * 50
    with serving(model(lambda _data: "x" * 1000)) as plane:
        ran = plane.run(split(NUMBER, content, 50, flush_bytes=5000), [content])
    assert len(ran.lines) == 50
    assert max(len(b"".join(each.lines)) for each in ran.published) < 7000


def test_nor_when_the_model_writes_all_lines_at_once() -> None:
    class Wide:
        most = 64

        def answer(self, items: Any, _numbers: Any, *, plain: bool = False) -> Answered:
            return Answered([b'"%s"\n' % (b"x" * 1000) * len(items)], [])

    content = b"1\n" * 200
    with worker(lambda _split: Wide(), 64, 64) as plane:
        ran = plane.run(split(NUMBER, content, 200, flush_bytes=5000), [content])
    assert ran.rows == 200
    assert max(len(b"".join(each.lines)) for each in ran.published) < 7000


def test_calls_become_smaller_where_answers_are_large() -> None:
    calls: list[int] = []

    class Large:
        most = 64

        def answer(self, items: Any, _numbers: Any, *, plain: bool = False) -> Answered:
            calls.append(len(items))
            return Answered([b'"%s"\n' % (b"x" * 3_000_000)] * len(items), [])

    content = b"1\n" * 40
    with worker(lambda _split: Large(), 64) as plane:
        assert plane.run(split(NUMBER, content, 40), [content]).rows == 40
    assert max(calls) == 8  # 24 MB, and not again
    assert calls.count(8) == 1


def test_abandoned_it_publishes_what_is_ready() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def predict(data: Any) -> Any:
        if data == 1:
            begun.set()
            assert go_on.wait(60)
        return data

    content = b"1\n2\n3\n4\n"
    asked = split(NUMBER, content, 4)
    with serving(model(predict)) as plane:
        plane.send(b"S", json.dumps(asked).encode())
        ran = Ran()
        plane.step(ran, asked, [content])
        assert begun.wait(60)
        plane.send(b"B")
        plane.send(b"D", b"")  # nobody waits for it; once it was read, so was what came before
        wait_for(lambda: plane.link.abandoned)
        go_on.set()
        while not ran.kind:
            plane.step(ran, asked, [content])
        assert ran.lines == [1]
        assert ran.published[-1].head["next"] == [0, 2]
        assert ran.ended == {"abandoned": True}
        assert plane.run(split(NUMBER, content, 3, start=2, first_row=1), [content]).lines == [2, 3, 4]


@pytest.mark.parametrize(("settled", "first"), [(True, 4), (False, 0)])
def test_it_looks_at_the_beginning_of_a_source_unless_somebody_did(settled: bool, first: int) -> None:
    content = b"1\n2\n3\n4\n"
    asked = split({**NUMBER, "csv": {"encoding": "utf-8", "settled": settled}}, content, 2, start=4, first_row=2)
    with serving(model()) as plane:
        plane.send(b"S", json.dumps(asked).encode())
        kind, wanted = plane.receive()
        assert (kind, json.loads(wanted)["offset"]) == (b"R", first)
        plane.send(b"B")
        assert plane.receive()[0] == b"E"
        assert plane.run(asked, [content]).lines == [{"got": 3}, {"got": 4}]


def test_abandoned_while_it_waits_for_bytes() -> None:
    asked = split(NUMBER, b"1\n", 1)
    with serving(model()) as plane:
        plane.send(b"S", json.dumps(asked).encode())
        assert plane.receive()[0] == b"R"
        plane.send(b"B")
        assert plane.receive() == (b"E", b'{"abandoned":true}')
        plane.send(b"D", b"1\n")  # too late
        assert plane.run(split(NUMBER, b"2\n", 1), [b"2\n"]).lines == [{"got": 2}]


@pytest.mark.parametrize(
    ("job", "content", "rows", "cause"),
    [
        pytest.param(NUMBER, "permission denied", 1, "permission denied", id="refused"),
        pytest.param({"format": "xml"}, b"1\n", 1, "does not know the format 'xml'", id="format"),
        pytest.param({"format": "parquet"}, b"PAR", 1, "", id="parquet"),
        pytest.param(
            {**NUMBER, "csv": {"encoding": "utf-7"}}, b"1\n", 1, "cannot be cut into rows", id="encoding"
        ),
        pytest.param(NUMBER, b"1\n2\n", 1, "more rows than the 1 that were counted", id="more rows"),
        pytest.param(NUMBER, b"1\n2\n", 3, "it has 2 rows where 3 were counted", id="fewer rows"),
        pytest.param(
            {"format": "csv", "mapping": {"leaf": "number", "column": "x"}},
            b"1\n",
            1,
            "has no header",
            id="header",
        ),
        pytest.param(JSONL, '{"a":1}\n'.encode("utf-16"), 1, "must be in UTF-8", id="json in utf-16"),
    ],
)
def test_a_source_that_cannot_be_read(job: Any, content: bytes | str, rows: int, cause: str) -> None:
    length = len(content)
    with serving(model()) as plane:
        ran = plane.run(split(job, b"x" * length, rows), [content])
        assert ran.kind == b"F"
        assert cause in ran.ended["error"]
        assert plane.run(split(NUMBER, b"2\n", 1), [b"2\n"]).lines == [{"got": 2}]


def test_columns_of_a_header() -> None:
    job = {
        "format": "csv",
        "mapping": {"fields": {"a": {"leaf": "string", "column": "y"}}},
        "csv": {"header": True, "delimiter": ";", "encoding": "latin-1"},
    }
    content = "x;y\n1;é\n2\n".encode("latin-1")
    asked = split(job, content, 2, start=4, header=["x", "y"])
    with serving(model()) as plane:
        ran = plane.run(asked, [content])
    assert ran.lines[0] == {"got": {"a": "é"}}
    assert ran.failures == {1: "row 1 has 1 column, the header has 2"}


def test_utf_16_from_the_middle() -> None:
    content = "a\nb\nc\n".encode("utf-16")
    with serving(model()) as plane:
        whole = plane.run(split(CSV, content, 3, careful=True), [content])
        assert whole.lines == [{"got": ["a"]}, {"got": ["b"]}, {"got": ["c"]}]
        start = whole.published[0].head["next"][1]
        rest = plane.run(split(CSV, content, 2, start=start, first_row=1), [content])
    assert rest.lines == [{"got": ["b"]}, {"got": ["c"]}]


def test_a_row_of_fifty_megabytes() -> None:
    long = b'"' + b"x" * 50_000_000 + b'"\n'
    content = b"1\n" + long + b"3\n"
    predict = model(lambda data: len(data[0]))
    with serving(predict) as plane:
        ran = plane.run(split({**CSV, "max_row_bytes": 1_000_000}, content, 3), [content])
        assert ran.lines[0] == ran.lines[2] == 1
        assert ran.failures == {1: "the row is longer than 1000000 bytes"}
        ran = plane.run(split({**CSV, "max_row_bytes": 60_000_000}, content, 3), [content])
        assert ran.lines == [1, 50_000_000, 1]


def test_a_batch_that_fails_is_tried_in_parts() -> None:
    calls: list[int] = []

    def together(items: list[Any]) -> list[Any]:
        calls.append(len(items))
        if 13 in items and len(items) > 1:
            raise MemoryError
        if items == [13]:
            raise BadRequest("unlucky")
        return [{"got": each} for each in items]

    joint = Joint(predict=together, limits=Limits(max_size=64))
    content = b"".join(b"%d\n" % n for n in range(200))
    with serving(Model(ROUTES, predict=alone(joint), joint=joint)) as plane:
        ran = plane.run(split(NUMBER, content, 200), [content])
    assert ran.failures == {13: "unlucky"}
    assert [line.get("got") for line in ran.lines] == [None if n == 13 else n for n in range(200)]
    assert max(calls) > 4  # they grew
    assert len(calls) < 100


def test_coroutines_run_beside_each_other() -> None:
    running = most = 0

    async def predict(data: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(3):
            await asyncio.sleep(0)
        running -= 1
        if data == 3:
            raise BadRequest("three")
        return data

    content = b"".join(b"%d\n" % n for n in range(300))
    with serving(Model(ROUTES, predict_async=predict)) as plane:
        ran = plane.run(split(NUMBER, content, 300), [content])
    assert [line for n, line in enumerate(ran.lines) if n != 3] == [n for n in range(300) if n != 3]
    assert ran.failures == {3: "three"}
    assert 8 < most <= 64


def test_threads_predict_beside_each_other() -> None:
    barrier = threading.Barrier(3)
    places = Crew(3).each(lambda _: barrier.wait(60), range(3))  # three at a time, or never
    assert sorted(places) == [0, 1, 2]


def test_results_of_threads_are_in_the_order_of_the_rows() -> None:
    seen: set[int] = set()

    def predict(data: Any) -> Any:
        seen.add(threading.get_ident())
        return data

    content = b"".join(b"%d\n" % n for n in range(300))
    with serving(model(predict, threads=3)) as plane:
        assert plane.run(split(NUMBER, content, 300), [content]).lines == list(range(300))
    assert len(seen) <= 3


@given(cut=st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_a_connection_that_breaks_anywhere(cut: int) -> None:
    """Nothing is left behind: the worker takes the next connection."""
    content = b"1\n2\n"
    said = json.dumps(split(NUMBER, content, 2)).encode()
    stream = HEAD.pack(b"S", len(said)) + said + HEAD.pack(b"D", len(content)) + content
    cut = len(stream) - cut if cut < len(stream) else 0
    working = Worker(Ledger())
    inside = InProcess(model(), "m")
    predicting = threading.Thread(target=working.work, args=(inside.predictor, inside.most), daemon=True)
    predicting.start()
    with connected(working) as broken:
        broken.connection.sendall(stream[:cut])
    with connected(working) as plane:
        assert plane.run(split(NUMBER, content, 2), [content]).lines == [{"got": 1}, {"got": 2}]
    working.leave()
    predicting.join()


@given(taken=st.integers(0, 400), flush_s=st.sampled_from([0.0, 60.0]))
@settings(max_examples=60, deadline=None)
def test_a_control_plane_that_goes_away_anywhere(taken: int, flush_s: float) -> None:
    content = b"1\n2\n3\n"
    said = json.dumps(split(NUMBER, content, 3, flush_s=flush_s)).encode()
    working = Worker(Ledger())
    inside = InProcess(model(), "m")
    predicting = threading.Thread(target=working.work, args=(inside.predictor, inside.most), daemon=True)
    predicting.start()
    with connected(working) as gone:
        gone.connection.sendall(HEAD.pack(b"S", len(said)) + said + HEAD.pack(b"D", len(content)) + content)
        gone.connection.settimeout(0.01)
        with contextlib.suppress(TimeoutError):
            gone.connection.recv(taken)
    with connected(working) as plane:
        assert len(plane.run(split(NUMBER, content, 3), [content]).lines) == 3
    working.leave()
    predicting.join()
