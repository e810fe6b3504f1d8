"""One entry of `config` as requested."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelyard.core.admission.infer_types import TypedFields
from modelyard.core.admission.placement import Placement
from modelyard.core.admission.volumes import VolumeRequest


@dataclass(frozen=True, slots=True)
class VariantRequest:
    """None where a field is absent. `raw` is the entry to echo."""

    model_id: str | None = None
    specification: str | None = None
    instance_count: int | None = None
    weight: int | None = None
    envs: tuple[tuple[str, str], ...] = ()
    secret_envs: tuple[str, ...] = ()
    deploy_timeout_s: int | None = None
    max_surge: float | None = None
    max_unavailable: float | None = None
    termination_grace_s: int | None = None
    placement: Placement = Placement()
    volumes: tuple[VolumeRequest, ...] = ()
    typed: TypedFields = TypedFields()
    raw: Mapping[str, object] = field(default_factory=dict)
