"""Reading Envoy's counters."""

from modelyard.domain.service import Invocations
from modelyard.gateway.admin import counted

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
