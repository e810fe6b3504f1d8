"""Other instance counts: which states and models they are for, and the config they make."""

from dataclasses import replace

import pytest
from tests.worlds import services

from modelyard.core.admission.resizing import Count, resized, violations
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.service import InferType, ServiceStatus

SERVICE = services.service("s", status=ServiceStatus.RUNNING)


def variant(track: int, model_id: str, instance_count: int) -> Variant:
    raw = {"envs": {"A": "1"}, "model_id": model_id, "instance_count": instance_count, "weight": 50}
    return services.variant(model_id, track=track, count=instance_count, weight=50, raw=raw)


REVISION = Revision("s", 1, 1, (variant(1, "m-1", 1), variant(2, "m-2", 4)))
TWO = Count("configs[0]", "m-1", 2)
MAY = {ServiceStatus.RUNNING, ServiceStatus.CONCERNING, ServiceStatus.FAILED}


@pytest.mark.parametrize("status", list(ServiceStatus))
def test_states(status: ServiceStatus) -> None:
    wrong = list(violations([TWO], replace(SERVICE, status=status), REVISION))
    assert [(v.field, v.code) for v in wrong] == ([] if status in MAY else [("", "3519")])


@pytest.mark.parametrize("infer_type", [InferType.BATCH, InferType.EDGE])
def test_what_has_no_instances_to_count(infer_type: InferType) -> None:
    (wrong,) = violations([TWO], replace(SERVICE, infer_type=infer_type), REVISION)
    assert (wrong.code, wrong.field) == ("3519", "changed_property")
    assert f"this one is {infer_type}: change its config" in wrong.text


def test_every_wrong_count_is_named() -> None:
    counts = [Count("configs[0]", "m-1", 1), Count("configs[1]", "m-3", 2), Count("configs[2]", "m-2", 5)]
    assert [(v.field, v.text, v.code) for v in violations(counts, SERVICE, REVISION)] == [
        ("configs[0].changed_value", "is 1, as it is already", "0104"),
        ("configs[1].model_id", "model 'm-3' is not in this service", "3529"),
    ]


def test_everything_else_stays_as_it_was_sent_in_its_order() -> None:
    one, two = resized([TWO], REVISION)
    assert list(one.items()) == [
        ("envs", {"A": "1"}),
        ("model_id", "m-1"),
        ("instance_count", 2),
        ("weight", 50),
    ]
    assert two == REVISION.variants[1].raw
    assert one["envs"] is not REVISION.variants[0].raw["envs"]
