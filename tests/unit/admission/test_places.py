"""Known fields in another place than theirs are refused with their place; unknown ones are as they were."""

from typing import Any

import pytest

from modelyard.api.schemas.config import ModelProperties, ServiceConfig
from modelyard.api.schemas.services import ServiceCreate, ServiceProperties, ServiceUpdate
from modelyard.core.admission import places
from modelyard.core.admission.properties import Bounds, violations

SERVICE, MODEL = places.SERVICE_PROPERTIES, places.MODEL_PROPERTIES


def test_the_places_have_the_fields_of_the_wire() -> None:
    """A new field is known in one place at least, and so refused in the others."""
    assert {place: set(names) for place, names in places.KNOWN.items()} == {
        places.TOP: set(ServiceCreate.model_fields) | set(ServiceUpdate.model_fields),
        places.ENTRY: set(ServiceConfig.model_fields),
        SERVICE: set(ServiceProperties.model_fields),
        MODEL: set(ModelProperties.model_fields),
    }


@pytest.mark.parametrize(
    ("key", "here", "said"),
    [
        ("max_surge", SERVICE, f"belongs into {MODEL}"),
        ("max_surge", MODEL, ""),
        ("max_surge", places.TOP, f"belongs into {MODEL}"),
        ("traffic_limit", MODEL, f"belongs into {SERVICE}"),
        ("request_limit", places.TOP, f"belongs into {SERVICE}"),
        ("schedule", places.ENTRY, "belongs to the top level of the body"),
        ("cluster_id", SERVICE, "belongs to the top level of the body or belongs into config[]"),
        ("service_name", places.TOP, ""),
        ("status", places.ENTRY, ""),
        ("description", SERVICE, ""),
        ("colour", SERVICE, ""),
    ],
)
def test_where_a_key_belongs(key: str, here: str, said: str) -> None:
    assert places.misplaced(key, here) == said


ENTRY = {"model_id": "m", "specification": "s", "instance_count": 1}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"traffic_limit": {"num": 1, "unit": "DAY"}}, "traffic_limit"),
        ({"max_surge": 1}, "max_surge"),
        ({"instance_count": "2"}, "instance_count"),
        ({"config": [{**ENTRY, "max_unavailable": 1}]}, "config[0].max_unavailable"),
        ({"config": [{**ENTRY, "websocket_upgrade": False}]}, "config[0].websocket_upgrade"),
        ({"config": [{**ENTRY, "priority": 1}]}, "config[0].priority"),
        (
            {"config": [{**ENTRY, "additional_properties": {"request_limit": {}}}]},
            "config[0].additional_properties.request_limit",
        ),
        (
            {"config": [{**ENTRY, "additional_properties": {"any": {"request_limit": {}}}}]},
            "config[0].additional_properties.request_limit",
        ),
        (
            {"config": [{**ENTRY, "additional_properties": {"envs": {"A": "b"}, "max_surge": 1}}]},
            "config[0].additional_properties.envs",
        ),
        ({"additional_properties": {"mine": {"deep": {"max_surge": 1}}, "b": 1}}, "additional_properties.mine"),
    ],
)
@pytest.mark.parametrize("model", [ServiceCreate, ServiceUpdate])
def test_a_body_with_a_known_key_elsewhere(model: Any, body: dict[str, Any], field: str) -> None:
    parsed = model.parse({"service_name": "s", "infer_type": "batch", "config": [ENTRY], **body})
    assert [(v.field, "belongs" in v.text) for v in parsed.violations] == [(field, True)]
    assert field not in parsed.ignored


@pytest.mark.parametrize(
    "body", [{"max_surge": None}, {"colour": 1}, {"config": [{**ENTRY, "status": "running", "model_name": "m"}]}]
)
def test_what_says_nothing_or_is_known_nowhere_is_ignored_as_before(body: dict[str, Any]) -> None:
    parsed = ServiceUpdate.parse(body)
    assert parsed.violations == ()
    assert parsed.ignored


@pytest.mark.parametrize("key", sorted(places.KNOWN[MODEL]))
def test_model_properties_are_no_labels_of_a_service(key: str) -> None:
    sent = {key: 2}
    found = list(violations({}, sent, Bounds()))
    assert [(v.field, v.text) for v in found] == [(f"{SERVICE}.{key}", f"belongs into {MODEL}")]
    assert not list(violations(sent, sent, Bounds())), "an earlier release kept it: it may be sent as it is"
    assert not list(violations(sent, {key: None}, Bounds())), "and be taken away"
