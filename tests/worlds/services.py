"""Services, variants and templates as tests build them: what a test does not care about is filled in here."""

from dataclasses import replace

from modelyard.domain.revision import Budget, Template, Variant
from modelyard.domain.service import Desired, InferType, Service

FLAVOR = "modelarts.vm.cpu.2u"


def template(model: str = "a1", **fields: object) -> Template:
    made = Template(model, f"digest-{model}", FLAVOR)
    return replace(made, **fields)  # type: ignore[arg-type]  # field by field, as the caller writes it


def variant(
    model: str = "a1",
    *,
    track: int = 1,
    count: int = 1,
    weight: int = 100,
    surge: float = 1,
    unavailable: float = 0,
    deploy_timeout_s: int = 100,
    grace_s: int = 20,
    **fields: object,
) -> Variant:
    """The first letter of a model is its name, the rest its version."""
    made = Variant(
        track=track,
        model_id=model,
        model_name=model[0],
        model_version=model[1:],
        template=template(model),
        instance_count=count,
        weight=weight,
        budget=Budget(surge, unavailable),
        deploy_timeout_s=deploy_timeout_s,
        termination_grace_s=grace_s,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def service(key: str = "svc", **fields: object) -> Service:
    """A real-time service of its first revision that should run, named by its id."""
    made = Service(
        id=key,
        project_id="p1",
        name=key,
        infer_type=InferType.REAL_TIME,
        owner="u1",
        created_ms=1,
        desired=Desired.RUNNING,
        revision=1,
    )
    return replace(made, **fields)  # type: ignore[arg-type]
