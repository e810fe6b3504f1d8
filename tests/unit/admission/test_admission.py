"""Admission of a config: weights, models, sizes, tracks. Tables over values."""

from dataclasses import replace

import pytest

from modelyard.core.admission.batch import BatchFields
from modelyard.core.admission.catalog import FLAVORS, Quotas
from modelyard.core.admission.config import AdmissionInput, admit
from modelyard.core.admission.infer_types import TypedFields
from modelyard.core.admission.variant_request import VariantRequest
from modelyard.domain.model import Model, ModelStatus
from modelyard.domain.revision import Budget
from modelyard.domain.service import InferType


def model(key: str, **more: object) -> Model:
    name, _, version = key.partition("-")
    made = Model(key, "p", name, version, "Custom", "/b/k", "u", 1, status=ModelStatus.PUBLISHED, digest="d" + key)
    return replace(made, **more)  # type: ignore[arg-type]


MODELS = {
    m.id: m
    for m in (
        model("a-1"),
        model("a-2"),
        model("b-1"),
        model("new-1", status=ModelStatus.PUBLISHING),
        model("bad-1", status=ModelStatus.FAILED),
        model("edge-1", install_types=frozenset({"edge"})),
    )
}
WORLD = AdmissionInput(MODELS, FLAVORS, Quotas())


def ask(model_id: str | None = "a-1", weight: int | None = 100, **more: object) -> VariantRequest:
    fields = {"specification": "modelarts.vm.cpu.2u", "instance_count": 1, **more}
    return VariantRequest(model_id=model_id, weight=weight, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("weights", "admitted"),
    [
        pytest.param([100], [100], id="one"),
        pytest.param([70, 30], [70, 30], id="two"),
        pytest.param([100, 0], [100, 0], id="zero-is-a-weight"),
        pytest.param([100, None], [100, 0], id="missing-is-zero-when-the-rest-is-100"),
        pytest.param([None, 60, 40], [0, 60, 40], id="missing-first"),
    ],
)
def test_weights(weights: list[int | None], admitted: list[int]) -> None:
    config = [ask(key, weight) for key, weight in zip(["a-1", "a-2", "b-1"], weights, strict=False)]
    assert [v.weight for v in admit(config, WORLD).variants] == admitted


BROKEN = {
    "no-entry": ([], [("config", "0104")]),
    "weights-90": ([ask("a-1", 60), ask("a-2", 30)], [("config", "0104")]),
    "weights-110": ([ask("a-1", 60), ask("a-2", 50)], [("config", "0104")]),
    "weight-missing": ([ask("a-1", 60), ask("a-2", None)], [("config[1].weight", "0104")]),
    "weight-missing-alone": ([ask("a-1", None)], [("config[0].weight", "0104")]),
    "weight-negative": (
        [ask("a-1", -1), ask("a-2", 101)],
        [("config[0].weight", "0104"), ("config[1].weight", "0104")],
    ),
    "model-unknown": ([ask("x")], [("config[0].model_id", "3507")]),
    "model-publishing": ([ask("new-1")], [("config[0].model_id", "3515")]),
    "model-failed": ([ask("bad-1")], [("config[0].model_id", "3515")]),
    "model-for-edge": ([ask("edge-1")], [("config[0].model_id", "3589")]),
    "model-twice": ([ask("a-1", 50), ask("a-1", 50)], [("config[1].model_id", "3516")]),
    "count-0": ([ask(instance_count=0)], [("config[0].instance_count", "0104")]),
    "count-over-quota": ([ask(instance_count=6)], [("config[0].instance_count", "3522")]),
    "flavor-unknown": ([ask(specification="x")], [("config[0].specification", "0104")]),
    "flavor-closed": ([ask(specification="modelarts.vm.gpu.p4")], [("config[0].specification", "0104")]),
    "flavor-custom": ([ask(specification="custom")], [("config[0].specification", "0104")]),
    "timeout-0": ([ask(deploy_timeout_s=0)], [("config[0].deploy_timeout_in_seconds", "0104")]),
    "timeout-7201": ([ask(deploy_timeout_s=7201)], [("config[0].deploy_timeout_in_seconds", "0104")]),
    "surge-0": ([ask(max_surge=0)], [("config[0].additional_properties.max_surge", "0104")]),
    "surge-1.5": ([ask(max_surge=1.5)], [("config[0].additional_properties.max_surge", "0104")]),
    "grace-negative": (
        [ask(termination_grace_s=-1)],
        [("config[0].additional_properties.termination_grace_period_seconds", "0104")],
    ),
    "env-name": ([ask(envs=(("", "x"),))], [("config[0].envs", "0104")]),
    "envs-large": ([ask(envs=(("A", "x" * 70_000),))], [("config[0].envs", "0104")]),
    "many": ([ask(f"m{n}", 100 if n == 0 else 0) for n in range(33)], [("config", "0104")]),
    "several-at-once": (
        [ask("x", 50, instance_count=9), ask("new-1", 40)],
        [
            ("config[0].model_id", "3507"),
            ("config[0].instance_count", "3522"),
            ("config[1].model_id", "3515"),
            ("config", "0104"),
        ],
    ),
}


@pytest.mark.parametrize(("config", "expected"), BROKEN.values(), ids=BROKEN.keys())
def test_every_broken_rule_is_named(config: list[VariantRequest], expected: list[tuple[str, str]]) -> None:
    admission = admit(config, WORLD)
    assert admission.variants == ()
    found = [
        (v.field, v.code) for v in admission.violations if not v.field.startswith("config[") or len(config) < 33
    ]
    assert found == expected


def test_what_was_refused_already_is_not_refused_again() -> None:
    config = [VariantRequest(weight=50), ask("a-2", None)]
    admission = admit(config, WORLD, broken={"config[0].model_id", "config[0].specification", "config[1].weight"})
    assert [v.field for v in admission.violations] == ["config[0].instance_count"]
    assert admit([ask()], WORLD, broken={"description"}).variants == ()


def test_a_variant_holds_what_a_process_depends_on_apart() -> None:
    request = ask(
        envs=(("A", "1"),), max_surge=0.5, deploy_timeout_s=9, termination_grace_s=0, raw={"weight": 100}
    )
    (variant,) = admit([request], WORLD).variants
    assert (variant.template.model_id, variant.template.digest, variant.template.envs) == (
        "a-1",
        "da-1",
        (("A", "1"),),
    )
    assert variant.budget == Budget(0.5, 0)
    assert (variant.deploy_timeout_s, variant.termination_grace_s, variant.raw) == (9, 0, {"weight": 100})
    (same,) = admit([replace(request, weight=100, instance_count=3, deploy_timeout_s=1)], WORLD).variants
    assert same.template.hash == variant.template.hash


def test_successors_inherit_tracks() -> None:
    first = admit([ask("a-1", 50), ask("b-1", 50)], WORLD).variants
    assert [v.track for v in first] == [1, 2]
    world = replace(WORLD, previous=first, next_track=3)
    second = admit([ask("b-1", 40), ask("a-2", 60)], world).variants
    assert [(v.model_id, v.track) for v in second] == [("b-1", 2), ("a-2", 1)]


def test_batch_needs_no_weight() -> None:
    world = replace(WORLD, infer_type=InferType.BATCH)
    fields = BatchFields(src_path="obs://b/in", dest_path="obs://b/out", req_uri="/", mapping_type="jsonl")
    typed = TypedFields(batch=fields)
    assert [v.weight for v in admit([ask("a-1", None, typed=typed)], world).variants] == [100]
