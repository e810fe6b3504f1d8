"""How an instance is asked whether it can serve, and whether it is still alive.

Three questions, as config.json may put them (contract §3): `startup` until the first success; `readiness` from
then on, whether it takes requests now; `liveness`, whether it must be replaced. Times in seconds.
"""

from dataclasses import dataclass

PATH = "/health"
"""Where our own model server answers."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question: `GET path` answered with 200, or, when there is a `command`, its status 0.

    Asked every `period_s`; a failure is an answer that is wrong or takes longer than `timeout_s`. After `failures`
    of them in a row it has failed; those in the first `delay_s` of a process do not count. `protocol` is for
    engines whose instances listen on a network; our own model server speaks http.
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
"""When the model says nothing: out of the routing within seconds, since another instance can answer."""

LIVENESS = Check()


@dataclass(frozen=True, slots=True)
class Health:
    """The three questions about one instance. `stalled_s`: requests are inside and none of them ends for so long:
    it hangs, whatever it says of itself (0: never)."""

    startup: Check = READINESS
    readiness: Check = READINESS
    liveness: Check = LIVENESS
    stalled_s: float = 0.0
