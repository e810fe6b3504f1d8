"""What an engine shows of an instance's process now. Observed and never stored; engines and decisions share these
words."""

from dataclasses import dataclass
from enum import StrEnum


class ProcessState(StrEnum):
    """ABSENT: the engine does not have it. UNKNOWN: it may be where the engine cannot look now. STARTING: exists,
    but is not ready (or no longer). READY: able to serve. STOPPING: told to end. EXITED: ended."""

    ABSENT = "absent"
    UNKNOWN = "unknown"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    EXITED = "exited"


UNHEALTHY_MS = 60_000
"""How long an instance that was ready once may fail its health check before it is replaced."""

ENDED = frozenset({ProcessState.ABSENT, ProcessState.EXITED})


@dataclass(frozen=True, slots=True)
class Process:
    """One process, as its engine shows it.

    `address` as in `routing.Endpoint`; `node` names the machine of its pool ("": the pool has but one).
    `started_ms` is when it was started (None: not seen). `in_flight` is the number of requests inside it (None: it
    does not say), `quiet_since_ms` the time since when it had none and took none (None: not quiet, or unknown).
    `exit` is a sentence for people ("exited with status 3", "killed by signal 9 (out of memory)"). `hung`: its
    liveness check failed too often, or what is inside it never ends: it must be replaced. `frozen`: a signal
    stopped it (SIGSTOP), so nothing that is inside it can end. `silent`: it was asked a moment ago and has not
    answered yet; it may only be busy. `patience_ms`: how long it may be unready, after it was ready once, before
    it must be replaced; its model may say.
    """

    state: ProcessState
    address: str = ""
    started_ms: int | None = None
    in_flight: int | None = None
    quiet_since_ms: int | None = None
    exit: str = ""
    hung: bool = False
    frozen: bool = False
    silent: bool = False
    patience_ms: int = UNHEALTHY_MS
    node: str = ""

    @property
    def responsive(self) -> bool:
        """Whether nothing says that a request to it would wait."""
        return not self.silent and not self.frozen


ABSENT = Process(ProcessState.ABSENT)
