"""Names that a failure left taken: what never came to be gives its name back to who tries again.

A model version whose publishing failed, and a service whose first deployment failed (it never answered anybody),
are replaced by a new one under the same name, with an id of its own: an id names one package, one service.
Everything else keeps its name, and the refusal says what to do instead. All of it in the transaction that adds the
new one: of two who try at once, one is first and the other finds it.
"""

from collections.abc import Sequence

from modelyard.domain.errors import AlreadyExists
from modelyard.domain.identity import Principal
from modelyard.domain.model import Model, ModelStatus
from modelyard.domain.service import Desired, Service, ServiceStatus
from modelyard.operations.services.load import not_owner
from modelyard.store.base import Changes, ModelQuery, Page, ServiceQuery, WriteTransaction

EVERY = Page(limit=1_000_000)


async def free_version(w: WriteTransaction, model: Model) -> None:
    """Remove a failed model of this name and version. Raises AlreadyExists for one that did not fail."""
    _, found = await w.models(model.project_id, ModelQuery(name=model.name, exact=True, version=model.version))
    for old in found:
        name = f"{old.name} {old.version}"
        if old.status is ModelStatus.PUBLISHING:
            raise AlreadyExists("model", name, "It is being published: wait until that is done.")
        if old.status is ModelStatus.PUBLISHED or await w.services_using(old.id):
            raise AlreadyExists("model", name, "Publish another version, or delete this one first.")
        await w.delete_model(old.id)


async def free_name(
    w: WriteTransaction, principal: Principal, project_id: str, name: str | None
) -> Service | None:
    """Remove the service of this name if its first deployment failed; it is returned. Raises AlreadyExists for any
    other, and for one that the caller may not delete."""
    old = next((one for one in await _named(w, project_id, name) if one.name == name), None) if name else None
    if old is None:
        return None
    if old.desired is Desired.DELETED:
        raise AlreadyExists("service", old.name, "It is being deleted: wait until it is gone.")
    if not _never_served(old) or not_owner(principal, old):
        text = f"Change it with PUT /v1/{project_id}/services/{old.id} (modelyard services update {old.name})."
        raise AlreadyExists("service", old.name, text)
    gone = await w.apply(old.id, Changes(old.version, delete_service=True))
    assert gone
    return old


async def _named(w: WriteTransaction, project_id: str, name: str | None) -> Sequence[Service]:
    return (await w.services(project_id, ServiceQuery(name=name, page=EVERY)))[1]


def _never_served(service: Service) -> bool:
    return service.status is ServiceStatus.FAILED and service.failed and service.stable is None
