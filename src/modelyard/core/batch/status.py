"""The status of a batch service: derived from facts, and never an input of a decision. Pure.

Concerning is one that works with fewer workers than asked for when the missing ones are not just on their way:
there is no room for them, they are out of reach, or they ended again and again. One that died at a row is replaced
within moments and concerns nobody.
"""

from modelyard.core.batch.situation import BatchSituation
from modelyard.core.batch.workers import LOAD_FAILURES, load_failures
from modelyard.domain.batch import TaskState
from modelyard.domain.process import ProcessState
from modelyard.domain.service import Desired, ServiceStatus


def status(situation: BatchSituation) -> ServiceStatus:
    service, task = situation.service, situation.task
    match service.desired:
        case Desired.DELETED:
            return ServiceStatus.DELETING
        case Desired.STOPPED:
            return ServiceStatus.STOPPING if situation.holding else ServiceStatus.STOPPED
    if situation.active is not None:
        return ServiceStatus.PENDING if _without_room(situation) else ServiceStatus.DEPLOYING
    if service.failed:
        return ServiceStatus.FAILED
    if task is not None and task.state is TaskState.FINISHED:
        return ServiceStatus.FINISHED
    return ServiceStatus.CONCERNING if _short(situation) else ServiceStatus.RUNNING


def _without_room(situation: BatchSituation) -> bool:
    return any(o.obstacle for o in situation.fresh)


def _short(situation: BatchSituation) -> bool:
    if len(situation.ready) >= situation.count:
        return False
    away = any(o.state is ProcessState.UNKNOWN for o in situation.fresh)
    return away or _without_room(situation) or len(load_failures(situation)) >= LOAD_FAILURES
