"""What an instance tells, and what of it a page believes."""

import re

import pytest

from modelyard.core import metrics
from modelyard.core.metrics import MOST_SAMPLES, OF_INSTANCES, Family, labels, page, sample, told
from modelyard_runtime.ledger import Ledger
from modelyard_runtime.metrics import text

ORIGIN = 'instance="i-1"'


def ours() -> bytes:
    ledger = Ledger()
    ledger.begun = 3
    ledger.finish(200, 0.00012345678901234567)
    ledger.finish(500, 12345678.9)
    ledger.mine.batch_rows.add(3)
    return text(ledger, {"start": 0.1, "imports": 0.000001, "warm-up": 12.5, "total": 13.0}).encode()


def test_everything_that_the_model_server_tells_is_taken_over() -> None:
    """And with its own help and types: the table here must follow the model server's."""
    page_of_one = ours()
    lines = page_of_one.decode().splitlines()
    said = [line for line in lines if not line.startswith("#")]
    found = told(page_of_one, ORIGIN)
    assert sum(map(len, found.values())) == len(said)
    shown = page(OF_INSTANCES, [found]).splitlines()
    assert {line for line in lines if line.startswith("# TYPE")} <= set(shown)
    helps = tuple(line.removesuffix(".") for line in lines if line.startswith("# HELP"))
    assert all(any(line.startswith(said) for line in shown) for said in helps)  # a command's is told as well
    assert [re.sub(r'instance="i-1",?', "", line).replace("{}", "") for line in shown if line[0] != "#"] == said


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("modelyard_in_flight 2", 'modelyard_in_flight{instance="i-1"} 2', id="plain"),
        pytest.param(
            'modelyard_answers_total{status="2xx"} 1e+05',
            'modelyard_answers_total{instance="i-1",status="2xx"} 1e+05',
            id="label",
        ),
        pytest.param(
            'modelyard_request_seconds_bucket{le="+Inf",} 7',
            'modelyard_request_seconds_bucket{instance="i-1",le="+Inf"} 7',
            id="comma at the end",
        ),
        pytest.param(
            "modelyard_request_seconds_sum 0.5", 'modelyard_request_seconds_sum{instance="i-1"} 0.5', id="sum"
        ),
    ],
)
def test_a_sample_gets_its_origin(line: str, expected: str) -> None:
    (lines,) = told(line.encode(), ORIGIN).values()
    assert lines == [expected]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('modelyard_in_flight{instance="i-2"} 2', id="somebody else's label"),
        pytest.param('modelyard_answers_total{status="2xx",service_id="other"} 2', id="a label more"),
        pytest.param('modelyard_answers_total{status="2xx\\",x=\\"1"} 2', id="a label in a label"),
        pytest.param('modelyard_answers_total{status="everything"} 2', id="a value that is none of the label's"),
        pytest.param("modelyard_answers_total 2", id="a label less"),
        pytest.param('modelyard_request_seconds_bucket{le="1e999"} 2', id="no bound"),
        pytest.param("modelyard_request_seconds 2", id="a histogram without parts"),
        pytest.param("modelyard_instance_up 1", id="a family of ours"),
        pytest.param("modelyard_invented_total 1", id="a family of nobody"),
        pytest.param("modelyard_in_flight NaN", id="nan"),
        pytest.param("modelyard_in_flight -1", id="below zero"),
        pytest.param("modelyard_in_flight 1e999", id="infinite"),
        pytest.param("modelyard_in_flight 0x10", id="hexadecimal"),
        pytest.param("modelyard_in_flight ١", id="digits of another script"),
        pytest.param("modelyard_in_flight 1 1700000000000", id="a time"),
        pytest.param("modelyard_in_flight 1\r", id="a carriage return"),
        pytest.param("# TYPE modelyard_in_flight histogram", id="another type"),
        pytest.param("# HELP modelyard_in_flight lies", id="another help"),
        pytest.param("hello", id="prose"),
        pytest.param("\x00\xff" * 100, id="noise"),
        pytest.param("modelyard_in_flight" + " " * 60_000, id="long"),
    ],
)
def test_what_else_it_tells_is_left_out(line: str) -> None:
    assert told(line.encode("utf-8", "replace"), ORIGIN) == {}
    assert told(line.encode("latin-1", "replace"), ORIGIN) == {}


def test_nothing_is_told_twice() -> None:
    twice = b"modelyard_in_flight 1\nmodelyard_in_flight 2\n"
    assert told(twice, ORIGIN) == {"modelyard_in_flight": ['modelyard_in_flight{instance="i-1"} 1']}
    bounds = b'modelyard_batch_rows_bucket{le="1"} 1\nmodelyard_batch_rows_bucket{le="1.0"} 2\n'
    assert [len(lines) for lines in told(bounds, ORIGIN).values()] == [1]


def test_an_instance_tells_so_much_and_no_more() -> None:
    flood = "".join(f'modelyard_queue_seconds_bucket{{le="{n}"}} 1\n' for n in range(MOST_SAMPLES + 1))
    assert sum(map(len, told(flood.encode(), ORIGIN).values())) == MOST_SAMPLES


def test_labels_are_escaped() -> None:
    assert labels({"a": 'x"} 1\n# \\', "b": "ü"}) == 'a="x\\"} 1\\n# \\\\",b="ü"'


def test_a_page_has_each_family_once() -> None:
    one, two = Family("one", "gauge", "The first."), Family("two", "counter", "The second.")
    parts = [
        {"two": [sample("two", 'i="1"', 1)]},
        {"one": [sample("one", "", 5)], "two": [sample("two", 'i="2"', 2)]},
    ]
    assert page((one, two, Family("three", "gauge", "Not there.")), parts) == (
        "# HELP one The first.\n# TYPE one gauge\none 5\n"
        '# HELP two The second.\n# TYPE two counter\ntwo{i="1"} 1\ntwo{i="2"} 2\n'
    )


def test_samples_of_two_families_have_different_names() -> None:
    assert len(metrics.SAMPLES) == sum(3 if f.kind == "histogram" else 1 for f in OF_INSTANCES)
