"""What the gateway measured, as samples of the page of metrics."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from modelyard.core.metric_catalogue import (
    ANSWERS,
    GATEWAY_CONNECTIONS,
    GATEWAY_IN_FLIGHT,
    GATEWAY_MEMORY,
    GATEWAY_UP,
    GATEWAY_UPTIME,
)
from modelyard.core.tallies import Sample, of_histogram
from modelyard.gateway.base import Answers, GatewayMeasures


def samples(measures: GatewayMeasures | None, *, answers: bool) -> Iterator[Sample]:
    """Of its process. What it cannot be asked for is not told. `answers`: whether callers are answered."""
    yield Sample(GATEWAY_UP, int(answers))
    if measures is not None:
        yield Sample(GATEWAY_CONNECTIONS, measures.connections)
        yield Sample(GATEWAY_IN_FLIGHT, measures.in_flight)
        yield Sample(GATEWAY_MEMORY, measures.memory_bytes)
        yield Sample(GATEWAY_UPTIME, measures.uptime_s)


def of_models(answers: Sequence[Answers]) -> Iterator[tuple[tuple[str, str], Sequence[Sample]]]:
    """Of one service: the name and version of each model that answered ("": none did), and its histograms, one for
    each class of status."""
    models: defaultdict[str, defaultdict[str, list[Answers]]] = defaultdict(lambda: defaultdict(list))
    for one in answers:
        models[one.model][f"{one.status // 100}xx"].append(one)
    for model, classes in sorted(models.items()):
        name, _, version = model.rpartition(":")
        found: list[Sample] = []
        for status, parts in sorted(classes.items()):
            bounds = parts[0].bounds_s
            counts = [sum(of_bucket) for of_bucket in zip(*(one.counts for one in parts), strict=True)]
            total_s = sum(one.total_s for one in parts)
            found += of_histogram(ANSWERS, (status,), bounds, counts, total_s)
        yield (name, version), found
