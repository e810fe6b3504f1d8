"""A service of a project, or the error that says there is none: another project's does not exist either."""

from modelyard.domain.errors import NotFound
from modelyard.domain.service import Service
from modelyard.store.base import Reading, ServiceRecord


async def existing_service(r: Reading, project_id: str, service_id: str) -> Service:
    """Raises NotFound."""
    found = await r.service(project_id, service_id)
    if found is None:
        raise NotFound("service", service_id)
    return found


async def existing_record(r: Reading, project_id: str, service_id: str) -> ServiceRecord:
    """The service with all that belongs to it. Raises NotFound."""
    await existing_service(r, project_id, service_id)
    found = await r.record(service_id)
    if found is None:
        raise NotFound("service", service_id)
    return found
