"""The short notation of one entry of a service's config: MODEL[=WEIGHT][xINSTANCES].

iris/1.0.0            all of the traffic (an equal share when there are several), one instance
iris/1.0.0=70         70 of 100
iris/1.0.0=70x2       and two instances
iris/1.0.0x2          two instances

In an update an entry takes the place of one there is: of the same model version, else of another version of the
model, else of the next one that is left, as the server pairs them. What the notation does not say stays as it is
there: instances, specification, environment variables and everything else; the weights too, when none is given and
every entry has its successor.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import typer

from modelyard.client import Model, Variant
from modelyard.client.records import Json, record

NOTATION = re.compile(r"(?P<model>.+?)(?:=(?P<weight>\d+))?(?:x(?P<count>\d+))?")
ANSWERED = frozenset(
    {"model_name", "model_version", "status", "scaling", "support_debug", "start_time", "finished_time"}
)
"""Fields of an entry that only answers have."""


@dataclass(frozen=True, slots=True)
class Said:
    """One entry as it was written; None where it says nothing."""

    text: str
    model: str
    weight: int | None
    count: int | None


@dataclass(frozen=True, slots=True)
class ForAll:
    """What the options of an update say of every entry; None leaves it as it is. `unset`: variables to drop;
    `pool`: its name, "" for none."""

    specification: str | None = None
    envs: Mapping[str, str] = field(default_factory=dict)
    unset: Sequence[str] = ()
    deploy_timeout_s: int | None = None
    pool: str | None = None

    def __bool__(self) -> bool:
        return self != ForAll()

    def over(self, one: Variant) -> Variant:
        envs = {name: value for name, value in {**one.envs, **self.envs}.items() if name not in self.unset}
        timeout = self.deploy_timeout_s
        return replace(
            one,
            specification=one.specification if self.specification is None else self.specification,
            envs=envs,
            deploy_timeout_in_seconds=one.deploy_timeout_in_seconds if timeout is None else timeout,
            more=one.more if self.pool is None else placed(one.more, self.pool),
        )


def placed(more: Mapping[str, object], pool: str) -> Mapping[str, object]:
    """The other fields of an entry that is in this pool; "": in none of its own."""
    others = {name: value for name, value in more.items() if name not in {"pool_name", "cluster_id"}}
    return {**others, "pool_name": pool} if pool else others


def said(text: str) -> Said:
    """Read the notation. Raises typer.BadParameter."""
    match = NOTATION.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is not MODEL[=WEIGHT][xINSTANCES]")
    model, equals, weight_text = match["model"].partition("=")
    if equals:  # no name has one
        raise typer.BadParameter(f"{weight_text!r} is no weight of {model}: write MODEL[=WEIGHT][xINSTANCES]")
    weight, count = match["weight"], match["count"]
    return Said(
        text, match["model"], None if weight is None else int(weight), None if count is None else int(count)
    )


def variant(text: str, among: int, model_id: Callable[[str], str], base: Variant) -> Variant:
    """Read one entry out of `among`, everything that the notation does not say as in `base`.

    `model_id` turns the name of a model into its id. Raises typer.BadParameter.
    """
    one = said(text)
    weight = _share(one, among)
    return replace(base, model_id=model_id(one.model), weight=weight, instance_count=one.count or 1)


def present(entries: Iterable[Json]) -> list[Variant]:
    """The config of an answer, as it would be sent again."""
    known = {one.name for one in fields(Variant)}
    variants = []
    for entry in entries:
        more = {name: value for name, value in entry.items() if name not in known | ANSWERED}
        variants.append(replace(record(entry, Variant), more=more))
    return variants


def successors(
    texts: Sequence[str], before: Sequence[Variant], model: Callable[[str], Model], new: Variant
) -> list[Variant]:
    """The config after an update: each entry over the one it takes the place of, over `new` where none is left.

    `model` finds a model by its name. Raises typer.BadParameter.
    """
    entries = [said(text) for text in texts]
    models = [model(one.model) for one in entries]
    bases = _paired(models, before)
    stays = len(before) == len(bases) == len(entries) and sum(v.weight for v in before) == 100
    if not stays or any(one.weight is not None for one in entries):
        weights = [_share(one, len(entries)) for one in entries]
    else:
        weights = [bases[i].weight for i in range(len(entries))]
    variants = []
    for i, one in enumerate(entries):
        base = bases.get(i, new)
        count = base.instance_count if one.count is None else one.count
        variants.append(replace(base, model_id=models[i].model_id, weight=weights[i], instance_count=count))
    return variants


def _paired(models: Sequence[Model], before: Sequence[Variant]) -> dict[int, Variant]:
    """Index of a new entry → the one it succeeds; as instances are paired by `core.rollout.pairing`."""
    pairs: dict[int, Variant] = {}
    left = list(before)
    rules: tuple[Callable[[Variant, Model], bool], ...] = (
        lambda old, new: old.model_id == new.model_id,
        lambda old, new: old.model_name == new.model_name,
        lambda _old, _new: True,
    )
    for same in rules:
        for i, one in enumerate(models):
            match = None if i in pairs else next((old for old in left if same(old, one)), None)
            if match is not None:
                pairs[i] = match
                left.remove(match)
    return pairs


def _share(one: Said, among: int) -> int:
    if one.weight is None and 100 % among:
        raise typer.BadParameter(f"{one.text!r} needs a weight: {among} models cannot share 100 equally")
    return 100 // among if one.weight is None else one.weight


def assignment(text: str) -> tuple[str, str]:
    """NAME=VALUE as a pair."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
    return name, value
