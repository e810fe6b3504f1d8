"""Who carries out tasks: the port between the loop of services, which decides whether a task is at work and which
workers it has, and the run itself.

The loop calls `run` at each look, which is cheap and says the same again; `halt` when the task is not to be at
work any more. What becomes of the task is in the store (`Task.state`, `error`, `waiting`, counts), and the service
is nudged whenever the loop should look: the task became FINISHED or FAILED, or its first row is published.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from modelyard.core.masking import Masker
from modelyard.domain.batch import Job, Task


@dataclass(frozen=True, slots=True)
class BatchWorker:
    """An instance that is ready to take splits. `address` as in `routing.Endpoint`; `masker` hides its model's
    secrets."""

    instance_id: str
    address: str
    masker: Masker = Masker()


@dataclass(frozen=True, slots=True)
class Pace:
    """Of the last half minute: `rows_per_s`; `left_s`: at this pace (None: nobody can tell yet)."""

    rows_per_s: float = 0.0
    left_s: float | None = None


class Runner(Protocol):
    """See the module."""

    def run(self, task: Task, job: Job, project_id: str, workers: Sequence[BatchWorker]) -> None:
        """Have the task planned, predicted by these workers (none: planned only, and assembled), and its results
        written. Leases that an earlier control plane left are void first. Never blocks."""

    async def halt(self, task_id: str) -> None:
        """Stop it: when this returns nothing of it is at work, its leases are given back, and what was published
        stays. Unknown ones are ignored."""

    async def discard(self, task: Task, job: Job) -> None:
        """Remove the parts of a task that will not go on (superseded, or its service is deleted). Idempotent."""

    def pace(self, task_id: str) -> Pace: ...

    async def close(self) -> None:
        """Let go of all tasks; the next control plane goes on with them."""
