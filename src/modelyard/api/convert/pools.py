"""Pools as callers read them: as clusters, which the contract has, and with all that is known of them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from modelyard.api.schemas import answers
from modelyard.api.schemas import pools as wire
from modelyard.core.admission.catalog import CUSTOM
from modelyard.domain.pools import Node
from modelyard.operations.pools import PoolView


def clusters(total: int, page: Sequence[PoolView]) -> answers.ClusterPage:
    return answers.ClusterPage(total_count=total, count=len(page), clusters=[cluster(pool) for pool in page])


def cluster(pool: PoolView) -> answers.Cluster:
    """`allocatable_*`: what is left of what is known of its capacity."""
    entry, standing, left = pool.entry, pool.standing, pool.left
    kept: Mapping[str, Any] = entry.attributes
    return answers.Cluster(
        cluster_id=entry.id,
        cluster_name=entry.name,
        description=kept.get("description", ""),
        tenant=entry.project_id,
        project=entry.project_id,
        owner=kept.get("owner"),
        created_at=entry.created_ms,
        status=standing.status,
        nodes=answers.ClusterNodes(
            specification=kept.get("specification", CUSTOM),
            count=len(pool.nodes),
            available_count=sum(1 for node in pool.nodes if node.ready) if standing.healthy else 0,
        ),
        allocatable_cpu_cores=kept.get("allocatable_cpu_cores", left.cpu),
        allocatable_memory=kept.get("allocatable_memory", left.memory_mib),
        allocatable_gpus=kept.get("allocatable_gpus", left.gpus or 0),
    )


def cluster_detail(pool: PoolView) -> wire.ClusterDetail:
    """A cluster, and beside the contract's fields all of the pool that it is."""
    shown = cluster(pool)
    return wire.ClusterDetail(
        **{one.name: getattr(shown, one.name) for one in fields(shown)}, pool=pool_shown(pool)
    )


def pools(shown: Sequence[PoolView]) -> wire.ShownPools:
    return wire.ShownPools(total_count=len(shown), count=len(shown), pools=[pool_shown(one) for one in shown])


def pool_shown(pool: PoolView) -> wire.PoolShown:
    entry, there, used = pool.entry, pool.capacity, pool.used
    description = entry.attributes.get("description", "")
    return wire.PoolShown(
        pool_id=entry.id,
        pool_name=entry.name,
        description=description if isinstance(description, str) else "",
        status=pool.standing.status,
        reason=pool.standing.why or None,
        engine=pool.engine,
        runs_on=pool.what or None,
        nodes=[_node(one) for one in pool.nodes],
        capacity_cpu_cores=there.cpu,
        capacity_memory=there.memory_mib,
        capacity_gpus=there.gpus,
        capacity_npus=there.npus,
        used_cpu_cores=round(used.cpu, 6),
        used_memory=used.memory_mib,
        used_gpus=round(used.gpus, 6),
        used_npus=round(used.npus, 6),
    )


def _node(node: Node) -> wire.PoolNode:
    has = node.capacity
    return wire.PoolNode(
        name=node.name, ready=node.ready, cpu_cores=has.cpu, memory=has.memory_mib, gpus=has.gpus, npus=has.npus
    )
