"""How an instance is asked whether it can serve, and whether it is still alive.

config.json may define three checks (contract §3): `startup`, until the first success; `readiness`, from then on,
whether it takes requests now; `liveness`, whether it must be replaced. Times are in seconds.
"""

from dataclasses import dataclass

PATH = "/health"
"""Where our own model server answers."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: `GET path` must be answered with 200 or, if there is a `command`, the command must exit with 0.

    Made every `period_s`; an attempt fails if its answer is wrong or takes longer than `timeout_s`. The check has
    failed after `failures` failed attempts in a row, not counting those in the first `delay_s` of a process.
    `protocol` is for engines whose instances listen on a network; our own model server speaks http.
    """

    path: str = PATH
    command: tuple[str, ...] = ()
    protocol: str = "http"
    period_s: float = 5.0
    timeout_s: float = 5.0
    delay_s: float = 12.0
    failures: int = 12

    def same_question(self, other: "Check") -> bool:
        return (self.path, self.command, self.protocol) == (other.path, other.command, other.protocol)


READINESS = Check(period_s=1.0, delay_s=0.0, failures=3)
"""The default: out of the routing within seconds, since another instance can answer."""

LIVENESS = Check()


@dataclass(frozen=True, slots=True)
class Health:
    """The three checks of one instance. `stalled_s`: if none of the requests inside it ends for so long, it hangs,
    whatever its checks say (0: no limit)."""

    startup: Check = READINESS
    readiness: Check = READINESS
    liveness: Check = LIVENESS
    stalled_s: float = 0.0
