"""Reading bodies: lenient numbers, every error at once, keys that are ignored and keys that are refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.api import convert
from modelyard.api.body import BodyLimits, json_object
from modelyard.api.envelope import names
from modelyard.api.schemas.queries import Removal, ServiceList
from modelyard.api.schemas.services import ServiceUpdate
from modelyard.api.schemas.wire import MOST_WRONG
from modelyard.domain.errors import Invalid


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        pytest.param(70, 70, id="number"),
        pytest.param("70", 70, id="string"),
        pytest.param(" 70 ", 70, id="spaces"),
        pytest.param(70.0, 70, id="whole-float"),
        pytest.param("70.0", 70, id="whole-decimal"),
        pytest.param(7e1, 70, id="exponent"),
        pytest.param(-0.0, 0, id="negative-zero"),
        pytest.param("7e1", "config[0].weight", id="exponent-string"),
        pytest.param("33.3", "config[0].weight", id="fraction-string"),
        pytest.param("NaN", "config[0].weight", id="nan-string"),
        pytest.param("inf", "config[0].weight", id="infinite-string"),
        pytest.param(10**30, "config[0].weight", id="huge"),
        pytest.param(1e300, "config[0].weight", id="huge-float"),
        pytest.param(None, None, id="null"),
        pytest.param(True, "config[0].weight", id="boolean"),
        pytest.param("7_0", "config[0].weight", id="underscore"),
        pytest.param("70.5", "config[0].weight", id="fraction"),
        pytest.param("", "config[0].weight", id="empty"),
        pytest.param([], "config[0].weight", id="array"),
        pytest.param("9" * 30, "config[0].weight", id="huge-string"),
        pytest.param("٧", "config[0].weight", id="other-digits"),
    ],
)
def test_integers(sent: object, read: object) -> None:
    parsed = ServiceUpdate.parse(
        {"config": [{"model_id": "m", "specification": "s", "instance_count": 1, "weight": sent}]}
    )
    if isinstance(read, str):
        assert [v.field for v in parsed.violations] == [read]
    else:
        assert parsed.violations == ()
        assert parsed.value.config is not None
        assert parsed.value.config[0].weight == read


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        pytest.param(0.5, 0.5, id="number"),
        pytest.param("0.5", 0.5, id="string"),
        pytest.param("5e-1", 0.5, id="exponent-string"),
        pytest.param(2, 2, id="integer"),
        pytest.param(True, None, id="boolean"),
        pytest.param("1e400", None, id="too-large-string"),
        pytest.param(10**400, None, id="too-large"),
        pytest.param("nan", None, id="nan-string"),
        pytest.param("0x1", None, id="hexadecimal"),
    ],
)
def test_numbers(sent: object, read: float | None) -> None:
    parsed = ServiceUpdate.parse({"additional_properties": {"request_limit": {"timeout_seconds": sent}}})
    if read is None:
        assert [v.field for v in parsed.violations] == ["additional_properties.request_limit.timeout_seconds"]
    else:
        assert parsed.value.additional_properties is not None
        assert parsed.value.additional_properties.request_limit is not None
        assert parsed.value.additional_properties.request_limit.timeout_seconds == read


def test_zero_has_no_sign() -> None:
    parsed = ServiceUpdate.parse({"config": [{"custom_spec": {"gpu_p4": -0.0}}]})
    assert parsed.value.config is not None
    assert str(parsed.value.config[0].custom_spec.gpu_p4) == "0.0"  # type: ignore[union-attr]


def test_every_error_is_found_and_each_once() -> None:
    parsed = ServiceUpdate.parse(
        {
            "status": "x",
            "config": [
                {"model_id": 5, "envs": {"A": 1, "B": "b"}, "additional_properties": []},
                "no object",
                {"model_id": "m", "specification": "s", "instance_count": "2"},
            ],
        }
    )
    assert sorted(v.field for v in parsed.violations) == [
        "config[0].additional_properties",
        "config[0].envs.A",
        "config[0].instance_count",
        "config[0].model_id",
        "config[0].specification",
        "config[1]",
        "status",
    ]
    assert parsed.value.config is not None
    assert parsed.value.config[2].instance_count == 2


def test_what_says_nothing_is_not_refused() -> None:
    entry = {
        "model_id": "m",
        "specification": "s",
        "instance_count": 1,
        "nodes": [],
        "src_path": "",
        "affinity": None,
    }
    assert ServiceUpdate.parse({"schedule": [], "config": [entry]}).violations == ()
    refused = Removal.parse({"dry_run": "true"})
    assert {v.field for v in refused.violations} == {"dry_run"}


def test_a_wrapper_around_the_known_properties_is_taken_off() -> None:
    entry = {"model_id": "m", "specification": "s", "instance_count": 1}
    inner = {"max_surge": "0.5", "strange": 1}
    for properties in (inner, {"any-key": inner}):
        parsed = ServiceUpdate.parse({"config": [{**entry, "additional_properties": properties}]})
        assert parsed.violations == ()
        assert parsed.ignored == ("config[0].additional_properties.strange",)
        (variant,) = convert.update_request(parsed).config or ()
        assert variant.max_surge == 0.5
        assert variant.raw["additional_properties"] == {"max_surge": 0.5}


def test_the_echo_keeps_order_and_leaves_out_what_is_unset() -> None:
    entry = {"instance_count": "1", "weight": "100", "envs": None, "model_id": "m", "specification": "s", "x": 1}
    (variant,) = convert.update_request(ServiceUpdate.parse({"config": [entry]})).config or ()
    assert list(variant.raw.items()) == [
        ("instance_count", 1),
        ("weight", 100),
        ("model_id", "m"),
        ("specification", "s"),
    ]


def test_a_query_is_read_like_a_body() -> None:
    parsed = ServiceList.parse({"offset": "2", "limit": "0", "tags": "a", "what": "1"})
    assert [v.field for v in parsed.violations] == ["limit"]
    assert (parsed.value.offset, parsed.ignored) == (2, ("what",))


def test_names_in_a_header() -> None:
    assert names(["a", "b\r\nSet-Cookie: x", "ü"]) == "a, b%0D%0ASet-Cookie%3A%20x, %C3%BC"
    assert names(["k"] * 40).endswith(", ...")


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["config", "status", "description", "schedule", "parse", "model_config", "__class__", "x"])
ENTRY_KEYS = st.sampled_from(["model_id", "weight", "envs", "additional_properties", "nodes", "max_surge", "copy"])


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(KEYS, JSON, max_size=4),
    st.none() | st.lists(st.dictionaries(ENTRY_KEYS, JSON, max_size=4) | JSON, max_size=3),
)
def test_any_object_can_be_read(body: dict[str, Any], config: list[Any] | None) -> None:
    sent = body if config is None else {**body, "config": config}
    try:
        value = json_object(json.dumps(sent).encode(), BodyLimits())
    except Invalid:
        return
    request = convert.update_request(ServiceUpdate.parse(value))
    assert all(v.text for v in request.violations)
    assert json.dumps([variant.raw for variant in request.config or ()]) is not None


def test_what_is_around_wrong_entries_is_not_wrong_for_them() -> None:
    parsed = ServiceUpdate.parse({"config": [{"model_id": "m", "secret_envs": [1, 2]}]})
    wrong = [v.field for v in parsed.violations if "secret_envs" in v.field or v.field in {"config", "config[0]"}]
    assert wrong == ["config[0].secret_envs[0]", "config[0].secret_envs[1]"]
    assert parsed.value.config is not None
    assert parsed.value.config[0].model_id == "m"


def test_a_body_full_of_wrong_entries_is_told_in_bounds() -> None:
    """To tell each of 20,000 took 100 seconds, in which nobody else was answered."""
    parsed = ServiceUpdate.parse({"config": [{"secret_envs": list(range(20_000))}]})
    assert MOST_WRONG <= len(parsed.violations) < 3 * MOST_WRONG
