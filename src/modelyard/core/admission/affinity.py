"""Nodes that an instance must, or should, run on: `affinity` of a config (contract §2). Pure.

The nodes of a pool are those that were seen there; what an administrator named in a row of an earlier release is
known too. An instance's pool is named elsewhere (`placement`), so affinity can agree with it or not:

    required,  its pool is not among pool_infos            refused: it could run nowhere
    required,  its pool's only node, which is ready        accepted
    required,  nodes of its pool, none of them ready       refused
    preferred, anything that exists                        accepted: a wish refuses nobody
    some of several nodes that an administrator named      refused: nothing tells them apart yet
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from modelyard.core.admission.catalog import Pool
from modelyard.domain.errors import Violation
from modelyard.domain.texts import shown

POOL_UNKNOWN = "3547"
NODE_UNKNOWN = "3598"


@dataclass(frozen=True, slots=True)
class Affinity:
    """Nodes of pools that an instance must (`required`) or should (`preferred`) run on."""

    mode: str | None = None
    nodes: tuple[tuple[str | None, tuple[str | None, ...]], ...] = ()


def violations(
    at: str, said: Affinity, pools: Mapping[str, Pool], own: Pool | None, *, in_pool: bool
) -> Iterator[Violation]:
    """`pools` by id and by name; `own`: the pool of the entry, None for an unknown one."""
    at = f"{at}.node_affinity"
    if not in_pool:
        yield Violation(at, "is for services in a dedicated resource pool")
        return
    if said.mode not in {"required", "preferred"}:
        text = "is mandatory" if said.mode is None else f"is {shown(said.mode)}, must be required or preferred"
        yield Violation(f"{at}.mode", text)
    if not said.nodes:
        yield Violation(f"{at}.pool_infos", "must have at least one entry")
        return
    broken = False
    for i, (name, nodes) in enumerate(said.nodes):
        for violation in _entry(f"{at}.pool_infos[{i}]", name, nodes, pools):
            broken = True
            yield violation
    if said.mode == "required" and own is not None and not broken:
        yield from _required(f"{at}.pool_infos", said, pools, own)


def _entry(
    at: str, name: str | None, nodes: tuple[str | None, ...], pools: Mapping[str, Pool]
) -> Iterator[Violation]:
    pool = pools.get(name) if name else None
    if not name:
        yield Violation(f"{at}.pool_name", "is mandatory")
    elif pool is None:
        yield Violation(f"{at}.pool_name", f"resource pool {shown(name)} does not exist", POOL_UNKNOWN)
    if not nodes:
        yield Violation(f"{at}.nodes", "must have at least one entry")
    known = _known(pool) if pool is not None else frozenset()
    for k, node in enumerate(nodes):
        if not node:
            yield Violation(f"{at}.nodes[{k}].name", "is mandatory")
        elif pool is not None and node not in known:
            text = f"pool {shown(name)} has no node {shown(node)}{_there(known)}"
            yield Violation(f"{at}.nodes[{k}].name", text, NODE_UNKNOWN)
    if pool is not None and _chooses(pool, nodes):
        yield Violation(at, "choosing among the nodes of a pool is not supported yet")


def _required(at: str, said: Affinity, pools: Mapping[str, Pool], own: Pool) -> Iterator[Violation]:
    named = [node for name, nodes in said.nodes if pools[name or ""].id == own.id for node in nodes]
    if not named:
        yield Violation(at, f"must name the pool that the instances are in, {shown(own.name)}: it is required")
    elif own.seen and not any(node.ready for node in own.seen if _means(node.name, named, own)):
        yield Violation(at, f"no node that it names of the pool {shown(own.name)} takes instances now")


def _known(pool: Pool) -> frozenset[str]:
    return pool.nodes | {node.name for node in pool.seen}


def _means(seen: str, named: Collection[str | None], pool: Pool) -> bool:
    """Whether a node that was seen is meant: by its name, or by one that an administrator gave it before anybody
    looked."""
    return seen in named or any(name in pool.nodes and name not in _seen(pool) for name in named)


def _chooses(pool: Pool, nodes: Collection[str | None]) -> bool:
    """Whether others of the pool's nodes are left out, by the names that these are of."""
    names = _seen(pool) if _seen(pool) & {*nodes} else pool.nodes
    return len(names) > len({*nodes})


def _seen(pool: Pool) -> frozenset[str]:
    return frozenset(node.name for node in pool.seen)


def _there(known: Collection[str]) -> str:
    return f"; it has {', '.join(shown(name) for name in sorted(known))}" if known else ""
