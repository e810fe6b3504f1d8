"""Counters and histograms, as a page has them, read by somebody else's parser."""

from prometheus_client.parser import text_string_to_metric_families

from modelyard.core.metric_catalogue import API_REQUESTS, CATALOGUE, LAG, PASS, PASS_FAILED
from modelyard.core.metrics import lines_of, page
from modelyard.core.tallies import Tallies


def told(tallies: Tallies) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(page(CATALOGUE, [lines_of(tallies.samples())]))
    return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}


def test_counters_add_up_by_their_labels() -> None:
    tallies = Tallies()
    tallies.add(API_REQUESTS, "GET", "2xx")
    tallies.add(API_REQUESTS, "GET", "2xx", by=2)
    tallies.add(API_REQUESTS, "PUT", "5xx")
    tallies.add(PASS_FAILED, "service", by=0)
    assert told(tallies) == {
        ("modelyard_api_requests_total", ("GET", "2xx")): 3,
        ("modelyard_api_requests_total", ("PUT", "5xx")): 1,
        ("modelyard_pass_failures_total", ("service",)): 0,
    }


def test_a_histogram_holds_what_is_within_each_bound() -> None:
    tallies = Tallies()
    for value in (0.0, 0.001, 0.0011, 10.0, 99.0):
        tallies.observe(LAG, value)
    found = told(tallies)
    name = "modelyard_event_loop_lag_seconds"
    assert found[f"{name}_bucket", ("0.001",)] == 2  # a bound is within
    assert found[f"{name}_bucket", ("0.0025",)] == 3
    assert found[f"{name}_bucket", ("10.0",)] == 4
    assert found[f"{name}_bucket", ("+Inf",)] == found[f"{name}_count", ()] == 5
    assert found[f"{name}_sum", ()] == 0.0 + 0.001 + 0.0011 + 10.0 + 99.0


def test_nothing_is_told_of_what_was_not_counted() -> None:
    tallies = Tallies()
    assert told(tallies) == {}
    tallies.observe(PASS, 1.0, "model")
    assert {labels[0] for _, labels in told(tallies)} == {"model"}
