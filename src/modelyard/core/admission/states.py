"""What a PUT does to a service, given the state it is in (contract §2, state rules).

Asking for the status that the service has already is refused only if the request contains nothing else. Beside a
description, a schedule or any other field (`more`) the status is ignored, and those fields change.

present                      config            status=running    running + config   status=stopped
running                      update            refused           update             stop
concerning pending waiting   update            refused           update             stop
failed                       update            start             update **          stop
stopped                      kept for start    start             start *            refused (with config: kept)
finished (batch)             update **         start             update **          refused (with config: kept)
deploying                    refused           refused           refused            stop
stopping                     refused           refused           refused            refused (with more: nothing)
deleting                     refused           refused           refused            refused

*  the config is ignored: a change of status takes precedence
** a failed service, or a batch that finished, is already meant to run, so the config counts: whoever sends both
   repairs the service, or asks for another run, and starting the old revision once more would be neither
"""

from dataclasses import dataclass
from enum import StrEnum

from modelyard.domain.errors import Violation
from modelyard.domain.service import Desired, ServiceStatus

REFUSED = "3519"


class Step(StrEnum):
    """NOTHING: neither status nor config has an effect. KEEP: store the config for the next start."""

    NOTHING = "nothing"
    UPDATE = "update"
    KEEP = "keep"
    START = "start"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Effect:
    """What the request does. `config_ignored`: it also contained a config, which has no effect."""

    step: Step
    config_ignored: bool = False


AT_REST = frozenset({ServiceStatus.STOPPED, ServiceStatus.FINISHED})
ENDED = frozenset({ServiceStatus.FAILED, ServiceStatus.FINISHED})
"""Meant to run, and not at work."""


def effect(present: ServiceStatus, asked: Desired | None, config: bool, more: bool = False) -> Effect | Violation:
    """The effect of a PUT that asks for a status (None: for none) and may contain a config. `more`: it also
    contains other fields, which may change in every state except deleting."""
    if present is ServiceStatus.DELETING:
        return Violation("", "the service is being deleted, it cannot be updated", REFUSED)
    if asked is None and not config:
        return Effect(Step.NOTHING)
    if present is ServiceStatus.STOPPING and asked is Desired.STOPPED and more and not config:
        return Effect(Step.NOTHING)
    if present is ServiceStatus.STOPPING or (present is ServiceStatus.DEPLOYING and asked is not Desired.STOPPED):
        field = "status" if asked else "config"
        advice = "stop it or wait until it runs" if present is ServiceStatus.DEPLOYING else "wait until it stopped"
        return Violation(field, f"cannot be changed while the service is {present}: {advice}", REFUSED)
    if asked is Desired.RUNNING and present in ENDED:
        return Effect(Step.UPDATE if config else Step.START)
    if asked is Desired.RUNNING and present in AT_REST:
        return Effect(Step.START, config_ignored=config)
    if asked is Desired.STOPPED and present not in AT_REST:
        return Effect(Step.STOP, config_ignored=config)
    if not config and more:
        return Effect(Step.NOTHING)
    if not config:
        nothing = "start" if asked is Desired.RUNNING else "stop"
        return Violation("status", f"there is nothing to {nothing}: the service is {present}", REFUSED)
    kept = present is ServiceStatus.STOPPED or asked is Desired.STOPPED
    return Effect(Step.KEEP if kept else Step.UPDATE)
