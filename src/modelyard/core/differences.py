"""The differences between two configs, and between two states of a service, in the words of the API."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from modelyard.core.masking import MASK
from modelyard.domain.revision import Variant
from modelyard.domain.service import Service

Change = Literal["added", "removed", "changed", "same"]
Field = tuple[object, object]
"""(before, after); None where the field is absent."""


@dataclass(frozen=True, slots=True)
class VariantDifference:
    """One track; `fields` are those that differ."""

    track: int
    change: Change
    before: Variant | None
    after: Variant | None
    fields: Mapping[str, Field]


def config(before: Sequence[Variant], after: Sequence[Variant]) -> tuple[VariantDifference, ...]:
    """Track by track, as a rollout pairs variants."""
    olds, news = {v.track: v for v in before}, {v.track: v for v in after}
    return tuple(_variant(track, olds.get(track), news.get(track)) for track in sorted(olds | news))


def none(before: Sequence[Variant], after: Sequence[Variant]) -> bool:
    """Whether the two ask for the same, of the same instances."""
    pairs = [(one.before, one.after) for one in config(before, after) if one.change == "same"]
    alike = [old and new and old.template.hash == new.template.hash and old.job == new.job for old, new in pairs]
    return len(alike) == len(before) == len(after) and all(alike)


def service(before: Service, after: Service) -> Mapping[str, Field]:
    """The service-level fields that a user sets, and the desired status."""
    olds = {**before.attributes, "description": before.description, "status": before.desired.value}
    news = {**after.attributes, "description": after.description, "status": after.desired.value}
    return dict(_fields(olds, news))


def _variant(track: int, old: Variant | None, new: Variant | None) -> VariantDifference:
    secret = {f"envs.{name}" for one in (old, new) if one is not None for name in one.secret_names}
    fields = {
        name: (_hidden(pair[0]), _hidden(pair[1])) if name in secret else pair
        for name, pair in _fields(_said(old), _said(new))
    }
    change: Change = "added" if old is None else "removed" if new is None else "changed" if fields else "same"
    return VariantDifference(track, change, old, new, fields)


def _hidden(value: object) -> object:
    return None if value is None else MASK


def _said(variant: Variant | None) -> Mapping[str, object]:
    """Every field with its effective value, defaults included: leaving a default out changes nothing."""
    if variant is None:
        return {}
    template, budget = variant.template, variant.budget
    more = variant.raw.get("additional_properties")
    return {
        **{k: v for k, v in variant.raw.items() if k not in {"additional_properties", "envs", "weight"}},
        "model_id": variant.model_id,
        "model": f"{variant.model_name}/{variant.model_version}",
        "weight": variant.weight,
        "instance_count": variant.instance_count,
        "specification": template.specification,
        **{f"envs.{name}": value for name, value in template.envs},
        **{f"service_secrets.{one.name}": f"version {one.version} at {one.path}" for one in template.secrets},
        "deploy_timeout_in_seconds": variant.deploy_timeout_s,
        **({f"additional_properties.{k}": v for k, v in more.items()} if isinstance(more, Mapping) else {}),
        **({} if variant.job else {"additional_properties.max_surge": budget.max_surge}),
        **({} if variant.job else {"additional_properties.max_unavailable": budget.max_unavailable}),
        "additional_properties.termination_grace_period_seconds": variant.termination_grace_s,
    }


def _fields(olds: Mapping[str, object], news: Mapping[str, object]) -> Iterator[tuple[str, Field]]:
    for name in dict.fromkeys((*olds, *news)):
        if olds.get(name) != news.get(name):
            yield name, (olds.get(name), news.get(name))
