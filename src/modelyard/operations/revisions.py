"""Use cases that read the revisions of a service. Going back to one is an update with its config."""

from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.core.revisions import RevisionState, state
from modelyard.domain.errors import NotFound
from modelyard.domain.identity import CONTROL_READ, Principal
from modelyard.domain.revision import Revision
from modelyard.domain.service import Rollout, Service
from modelyard.operations.context import Context, authorise
from modelyard.operations.services.load import load_service
from modelyard.store.page import Page


@dataclass(frozen=True, slots=True)
class RevisionEntry:
    """`stable`: the last one that ran whole. `cause`: why its last rollout failed ("": it did not)."""

    revision: Revision
    state: RevisionState
    stable: bool
    cause: str = ""


async def revisions(
    ctx: Context, principal: Principal, project_id: str, service_id: str, page: Page
) -> tuple[int, Sequence[RevisionEntry]]:
    """(how many there are, one page of them, newest first). Raises Forbidden, NotFound."""
    service, numbered, rollouts = await _load(ctx, principal, project_id, service_id)
    shown = numbered[page.offset * page.limit :][: page.limit]
    return len(numbered), [_entry(one, service, rollouts) for one in shown]


async def revision(
    ctx: Context, principal: Principal, project_id: str, service_id: str, number: int
) -> RevisionEntry:
    """Raises Forbidden, NotFound."""
    service, numbered, rollouts = await _load(ctx, principal, project_id, service_id)
    for one in numbered:
        if one.number == number:
            return _entry(one, service, rollouts)
    raise NotFound("revision", f"{number} of service {service.name}")


async def _load(
    ctx: Context, principal: Principal, project_id: str, service_id: str
) -> tuple[Service, Sequence[Revision], Sequence[Rollout]]:
    authorise(principal, project_id, CONTROL_READ, "listServiceRevisions")
    async with ctx.store.read() as r:
        service = await load_service(r, project_id, service_id)
        return service, await r.revisions(service_id), await r.rollouts(service_id)


def _entry(revision: Revision, service: Service, rollouts: Sequence[Rollout]) -> RevisionEntry:
    cause = next((r.cause for r in rollouts if r.target == revision.number), "")
    return RevisionEntry(
        revision, state(revision.number, service, rollouts), revision.number == service.stable, cause
    )
