"""Where an instance may run and how big it is: flavors, dedicated pools, custom sizes, affinity (contract §2).

The pool of an entry is the first of: its pool_name, its cluster_id, the service's pool_name, the service's
cluster_id. The specification `custom` is for pools only; its size is in custom_spec.

    custom_spec {"cpu": 0.335, "memory": 512}   → 0.34 cores (the third decimal is rounded), 512 MiB
    "gpu_p4": 0.5                               → half of a card, which others may have parts of
    "gpu_p4": 2                                 → two whole cards; 1.5 is refused
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from modelyard.core.admission import affinity
from modelyard.core.admission.affinity import POOL_UNKNOWN, Affinity
from modelyard.core.admission.catalog import CUSTOM, Flavor, Pool
from modelyard.core.grants import indivisible
from modelyard.core.pools import lacking
from modelyard.core.size import fits_anywhere, shortage
from modelyard.domain.errors import Violation
from modelyard.domain.resources import Capacity, Resources
from modelyard.domain.texts import shown

LEAST_CPU = 0.01
LEAST_CARD = 0.01


@dataclass(frozen=True, slots=True)
class CustomSpec:
    """A size as requested; None where a field is absent. `memory` is in MB, read as MiB, as vendors do."""

    cpu: float | None = None
    memory: int | None = None
    gpu_p4: float | None = None
    ascend_a310: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """What an entry, or the service around it, says about where it runs."""

    cluster_id: str | None = None
    pool_name: str | None = None
    custom_spec: CustomSpec | None = None
    affinity: Affinity | None = None

    @property
    def pool_key(self) -> tuple[str, str] | None:
        """(the field that names the pool, its id or name)."""
        if self.pool_name:
            return "pool_name", self.pool_name
        return ("cluster_id", self.cluster_id) if self.cluster_id else None


@dataclass(frozen=True, slots=True)
class Site:
    """What instances can be placed on. `pools` by id and by name; `machine`: the most that one instance gets."""

    flavors: Mapping[str, Flavor]
    pools: Mapping[str, Pool]
    service: Placement = Placement()
    machine: Capacity = Capacity()

    def pool(self, entry: Placement) -> Pool | None:
        """The pool of an entry; None if it names none, or an unknown one."""
        key = entry.pool_key or self.service.pool_key
        return self.pools.get(key[1]) if key else None


def rounded(value: float) -> float:
    """To two decimals, halves up, computed as decimals and not as floats."""
    return float(Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def resources(specification: str | None, placement: Placement, site: Site) -> Resources | None:
    """What one instance gets; None if that is unknown."""
    flavor, spec = site.flavors.get(specification or ""), placement.custom_spec
    if specification == CUSTOM and spec is not None and spec.cpu is not None and spec.memory is not None:
        return replace(
            (flavor or Flavor(CUSTOM, 1, 1)).resources,
            cpu=rounded(spec.cpu),
            memory_mib=spec.memory,
            gpus=rounded(spec.gpu_p4 or 0),
            npus=spec.ascend_a310 or 0,
        )
    return flavor.resources if flavor else None


def explicit(specification: str, placement: Placement, site: Site, builtin: Mapping[str, Flavor]) -> Resources:
    """The part of the size that goes into the template's hash: zeros where the built-in flavor determines it."""
    size, usual = resources(specification, placement, site), builtin.get(specification)
    assert size is not None
    as_builtin = usual is not None and site.flavors.get(specification) == usual
    bounds = (usual or Flavor(specification, 1, 1)).resources
    return Resources(
        cpu=0.0 if as_builtin else size.cpu,
        memory_mib=0 if as_builtin else size.memory_mib,
        pids=0 if size.pids == bounds.pids else size.pids,
        open_files=0 if size.open_files == bounds.open_files else size.open_files,
        gpus=0 if size.gpus == bounds.gpus else size.gpus,
        npus=0 if size.npus == bounds.npus else size.npus,
    )


def service_violations(placement: Placement, site: Site) -> Iterator[Violation]:
    """What is wrong with the fields beside `config`."""
    yield from _pool("", placement.pool_key, site)


def violations(path: str, specification: str | None, placement: Placement, site: Site) -> Iterator[Violation]:
    """What is wrong with one entry of `config`, which is at `path`."""
    in_pool = (placement.pool_key or site.service.pool_key) is not None
    yield from _pool(f"{path}.", placement.pool_key, site)
    yield from _specification(f"{path}.specification", specification, site, in_pool=in_pool)
    if specification == CUSTOM and in_pool and placement.custom_spec is None:
        yield Violation(f"{path}.custom_spec", "is mandatory for the specification 'custom'")
    if placement.custom_spec is not None:
        yield from _custom(f"{path}.custom_spec", specification, placement.custom_spec)
    yield from _fits(path, specification, placement, site)
    if placement.affinity is not None:
        yield from affinity.violations(
            f"{path}.affinity", placement.affinity, site.pools, site.pool(placement), in_pool=in_pool
        )


def _pool(prefix: str, key: tuple[str, str] | None, site: Site) -> Iterator[Violation]:
    if key is None:
        return
    field, name = key
    pool = site.pools.get(name)
    if pool is None:
        yield Violation(f"{prefix}{field}", f"resource pool {shown(name)} does not exist", POOL_UNKNOWN)
    elif not pool.healthy:
        why = f": {pool.why}" if pool.why else ""
        text = f"resource pool {shown(name)} is {pool.status}, it must be running{why}"
        yield Violation(f"{prefix}{field}", text)


def _specification(at: str, name: str | None, site: Site, *, in_pool: bool) -> Iterator[Violation]:
    if not name:
        yield Violation(at, "is mandatory")
    elif name == CUSTOM:
        if not in_pool:
            yield Violation(at, "'custom' is for services in a dedicated resource pool: name one in pool_name")
    elif name not in site.flavors:
        yield Violation(at, f"{shown(name)} is no known specification; known: {_open(site)}")
    elif not site.flavors[name].open:
        yield Violation(at, f"{shown(name)} has to be opened by an administrator; open: {_open(site)}")


def _fits(path: str, specification: str | None, placement: Placement, site: Site) -> Iterator[Violation]:
    """One instance against what one node has, and against its pool."""
    asked, pool = resources(specification, placement, site), site.pool(placement)
    flavor = site.flavors.get(specification or "")
    if asked is None or (flavor is not None and not flavor.open):
        return
    at = f"{path}.custom_spec" if specification == CUSTOM else f"{path}.specification"
    said = "" if specification == CUSTOM else f"{shown(specification)} "
    if specification != CUSTOM and (why := indivisible(asked)):
        yield Violation(at, f"{said}cannot be had: it takes {why}")
    elif not (flavor and fits_anywhere(flavor)) and (text := _too_big(asked, pool, site)):
        yield Violation(at, f"{said}{text}")
    elif pool is not None and (short := shortage(asked, pool.capacity)):
        yield Violation(at, f"{said}does not fit into the pool {shown(pool.name)}: it takes {short}")


def _too_big(asked: Resources, pool: Pool | None, site: Site) -> str:
    """For every node of the pool where they were seen, for this machine otherwise; "" for what fits."""
    if pool is None or not pool.seen:
        short = shortage(asked, site.machine)
        return f"does not fit on this machine: it takes {short}" if short else ""
    node, short = lacking(asked, pool.seen)
    biggest = f"the biggest node of the pool {shown(pool.name)} ({shown(node)})"
    return f"does not fit on {biggest}: it takes {short}" if short else ""


def _open(site: Site) -> str:
    return ", ".join(sorted(name for name, flavor in site.flavors.items() if flavor.open)) or "none"


def _custom(at: str, specification: str | None, spec: CustomSpec) -> Iterator[Violation]:
    if specification is not None and specification != CUSTOM:
        yield Violation(at, "is only for the specification 'custom'")
    if spec.cpu is None:
        yield Violation(f"{at}.cpu", "is mandatory")
    elif spec.cpu < LEAST_CPU:  # before rounding: 0.005 would round up to the bound
        yield Violation(f"{at}.cpu", f"is {spec.cpu:g}, must be at least {LEAST_CPU:g}")
    if spec.memory is None:
        yield Violation(f"{at}.memory", "is mandatory")
    elif spec.memory < 1:
        yield Violation(f"{at}.memory", f"is {spec.memory}, must be at least 1 (MB)")
    for name, count in (("gpu_p4", spec.gpu_p4), ("ascend_a310", spec.ascend_a310)):
        if count is not None and count < 0:
            yield Violation(f"{at}.{name}", f"is {count:g}, must be at least 0")
        elif count and rounded(count) < LEAST_CARD:
            yield Violation(f"{at}.{name}", f"is {count:g}, must be 0, or at least {LEAST_CARD:g}")
        elif count is not None and rounded(count) > 1 and rounded(count) != int(rounded(count)):
            whole = int(count)
            text = f"is {count:g}: below 1 it is a part of one card, from 1 on whole cards: {whole} or {whole + 1}"
            yield Violation(f"{at}.{name}", text)
    if spec.gpu_p4 is not None and spec.ascend_a310 is not None:
        yield Violation(f"{at}.ascend_a310", "excludes gpu_p4: set one of them")
