"""Use cases that read what there is to deploy on: specifications and clusters (dedicated pools)."""

from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.core.admission.catalog import Flavor
from modelyard.domain.identity import CONTROL_READ, Principal
from modelyard.operations import limits
from modelyard.operations.context import Context, authorise
from modelyard.operations.pools import PoolView, views
from modelyard.store.page import Page


@dataclass(frozen=True, slots=True)
class ClusterQuery:
    """None: any. `name` is a substring, matched without regard to case."""

    name: str | None = None
    status: str | None = None
    page: Page = Page()


async def specifications(
    ctx: Context, principal: Principal, project_id: str, page: Page
) -> tuple[int, Sequence[Flavor]]:
    """(how many there are, one page of them): those that the project may use first. Raises Forbidden."""
    authorise(principal, project_id, CONTROL_READ, "listSpecifications")
    async with ctx.store.read() as r:
        flavors = await limits.flavors(ctx, r, project_id)
    ordered = sorted(flavors.values(), key=lambda f: (not f.open, f.category, f.cpu, f.name))
    return len(ordered), ordered[page.offset * page.limit :][: page.limit]


async def clusters(
    ctx: Context, principal: Principal, project_id: str, query: ClusterQuery
) -> tuple[int, Sequence[PoolView]]:
    """(how many match, one page of them). Raises Forbidden."""
    authorise(principal, project_id, CONTROL_READ, "listClusters")
    async with ctx.store.read() as r:
        pools = await views(ctx, r, project_id)
    name = (query.name or "").casefold()
    matching = [p for p in pools if name in p.entry.name.casefold() and query.status in {None, p.standing.status}]
    by_name = query.page.sort_by == "cluster_name"
    matching.sort(
        key=lambda p: (p.entry.name, p.entry.id) if by_name else (p.entry.created_ms, p.entry.id),
        reverse=query.page.descending,
    )
    return len(matching), matching[query.page.offset * query.page.limit :][: query.page.limit]
