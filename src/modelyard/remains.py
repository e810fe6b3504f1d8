"""What of a data directory still runs when no control plane answers: looked at, not touched."""

from dataclasses import dataclass
from pathlib import Path

from modelyard.engines.tracked import INSTANCES
from modelyard.gateway.envoy_runs import ports_in_use
from modelyard.processes.directory import ProcessDir, State


@dataclass(frozen=True, slots=True)
class Remains:
    """`gateway_ports`: where gateways listen; `instances`: how many run."""

    gateway_ports: tuple[int, ...]
    instances: int


NOTHING = Remains((), 0)


def remains(data_dir: Path) -> Remains:
    """As the locks of their supervisors tell. Raises OSError when this process lacks descriptors or memory."""
    places = (data_dir / INSTANCES).glob("*")
    running = [place for place in places if ProcessDir(place).sight().state is State.RUNNING]
    return Remains(tuple(sorted(ports_in_use(data_dir))), len(running))
