"""Reading Envoy's counters."""

import pytest

from modelyard.domain.service import Invocations
from modelyard.gateway.admin import answered, counted, measured
from modelyard.gateway.base import Answers, GatewayMeasures

TEXT = """\
modelyard.requests.service.-.code.404: 5
modelyard.requests.service.a-1.code.0: 1
modelyard.requests.service.a-1.code.200: 10
modelyard.requests.service.a-1.code.401: 2
modelyard.requests.service.a-1.code.503: 3
modelyard.requests.service.a-1.code.500: 1
modelyard.requests.service.b.code.200: 7
http.gateway.downstream_rq_total: 99
"""


def test_counters_are_summed_by_service() -> None:
    assert counted(TEXT) == {"a-1": Invocations(17, 4), "b": Invocations(7, 0)}


def test_no_calls_yet() -> None:
    assert counted("") == {}


def buckets(labels: str, *counts: int) -> str:
    bounds = ("1000", "25000", "+Inf")
    lines = [
        f'envoy_modelyard_latency_bucket{{{labels},le="{b}"}} {n}' for b, n in zip(bounds, counts, strict=True)
    ]
    ends = (
        f"envoy_modelyard_latency_sum{{{labels}}} 2500.5",
        f"envoy_modelyard_latency_count{{{labels}}} {counts[-1]}",
    )
    return "\n".join(["# TYPE envoy_modelyard_latency histogram", *lines, *ends, ""])


def test_answers_by_service_model_and_status() -> None:
    page = (
        buckets('of="a-1 200 iris:1.0.0"', 3, 5, 6)
        + buckets('of="a-1 401 "', 1, 1, 1)
        + buckets('of=" 404 "', 9, 9, 9)
    )
    assert answered(page) == (
        Answers("a-1", "", 401, (0.001, 0.025), (1, 0, 0), 0.0025005),
        Answers("a-1", "iris:1.0.0", 200, (0.001, 0.025), (3, 2, 1), 0.0025005),
    )


def test_a_gateway_of_an_earlier_release_measures_no_answers() -> None:
    assert answered("") == ()


def test_any_name_of_a_model_is_read() -> None:
    page = buckets(r'of="a 200 a\"} 1,le=\\\nü:2"', 1, 1, 1)
    assert [one.model for one in answered(page)] == ['a"} 1,le=\\\nü:2']


def test_what_the_gateway_does_now() -> None:
    stats = (
        "http.gateway.downstream_cx_active: 3\nhttp.gateway.downstream_rq_active: 2\n"
        "server.memory_allocated: 100\nserver.uptime: 7\n"
    )
    assert measured(stats) == GatewayMeasures(3, 2, 100, 7.0)
    with pytest.raises(OSError, match="does not tell"):
        measured(stats.replace("server.uptime", "server.x"))
