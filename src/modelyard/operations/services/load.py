"""A service of a project, or the error that says there is none: another project's does not exist either."""

from modelyard.domain.errors import NotFound, Violation
from modelyard.domain.identity import Principal, Role
from modelyard.domain.record import ServiceRecord
from modelyard.domain.service import Counter, Service
from modelyard.domain.texts import shown
from modelyard.operations import acting
from modelyard.store.base import ReadTransaction


async def load_service(r: ReadTransaction, project_id: str, service_id: str) -> Service:
    """Raises NotFound."""
    service = await r.service(project_id, service_id)
    if service is None:
        raise NotFound("service", service_id)
    acting.named(service.name)
    return service


async def load_record(r: ReadTransaction, project_id: str, service_id: str) -> ServiceRecord:
    """The service with all that belongs to it. Raises NotFound."""
    record = await r.record(service_id, project_id)
    if record is None:
        raise NotFound("service", service_id)
    acting.named(record.service.name)
    return record


async def load_counted(r: ReadTransaction, project_id: str, service_id: str) -> tuple[ServiceRecord, Counter]:
    """The same with its counter. Raises NotFound."""
    record = await r.counted_record(service_id, project_id)
    if record is None:
        raise NotFound("service", service_id)
    return record


def not_owner(principal: Principal, service: Service) -> tuple[Violation, ...]:
    """Who is neither the owner nor an admin of the project may not change it."""
    if principal.user_id == service.owner or Role.ADMIN in principal.roles:
        return ()
    return (Violation("", f"you are not the owner of service {shown(service.name)}", "3540"),)
