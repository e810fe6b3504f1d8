"""How services are shown: what is stored is as old as the last thing that moved (`Context.facts` is awaited
first), and without a gateway nobody answers, whatever runs. Pure.

    running, the gateway away     → concerning, none of its instances ready
    deploying, the gateway away   → deploying
    a batch service               → as it is: nobody calls it through the gateway
"""

from dataclasses import replace

from modelyard.domain.instance import Phase
from modelyard.domain.record import ServiceRecord
from modelyard.domain.service import InferType, Service, ServiceStatus
from modelyard.store.services import ServiceQuery


def service(stored: Service, *, answers: bool) -> Service:
    if answers or stored.status is not ServiceStatus.RUNNING or stored.infer_type is InferType.BATCH:
        return stored
    return replace(stored, status=ServiceStatus.CONCERNING)


def record(stored: ServiceRecord, *, answers: bool) -> ServiceRecord:
    if answers or stored.service.infer_type is InferType.BATCH:
        return stored
    instances = tuple(
        replace(one, phase=Phase.STARTING) if one.phase is Phase.READY else one for one in stored.instances
    )
    return replace(stored, service=service(stored.service, answers=False), instances=instances)


def query(asked: ServiceQuery, *, answers: bool) -> ServiceQuery | None:
    """What to look for among the stored; None: nothing is like that."""
    if answers or asked.status not in {ServiceStatus.RUNNING, ServiceStatus.CONCERNING}:
        return asked
    batch = InferType.BATCH.value
    if asked.status == ServiceStatus.RUNNING:
        return replace(asked, infer_type=batch) if asked.infer_type in {None, batch} else None
    return asked if asked.infer_type == batch else replace(asked, or_status=ServiceStatus.RUNNING.value)
