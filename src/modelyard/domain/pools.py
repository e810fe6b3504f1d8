"""What a pool runs on: the engine that its row names, and what was seen there last.

{}                                                             processes of this machine
{"engine": "container"}                                        containers of the installation's own engine
{"engine": "container", "endpoint": "unix:///run/podman.sock"} containers of that one
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from modelyard.domain.resources import Capacity


class EngineKind(StrEnum):
    PROCESS = "process"
    CONTAINER = "container"


class UnknownEngineError(Exception):
    """A pool names an engine that this release does not have; the message says which."""


@dataclass(frozen=True, slots=True)
class PoolEngine:
    """`endpoint`: how the engine is reached (a container engine: `unix:///PATH` of its socket); "": the
    installation's own."""

    kind: EngineKind = EngineKind.PROCESS
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of a pool, and what it has. `ready`: it takes instances."""

    name: str
    capacity: Capacity = Capacity()
    ready: bool = True


@dataclass(frozen=True, slots=True)
class Sight:
    """A pool as it was last seen. `what`: its engine, for people ("Docker 26.1.5 at …"); `why`: what is wrong, ""
    while it takes instances. `nodes` are those that were last seen, also while the engine is away."""

    what: str = ""
    why: str = ""
    nodes: tuple[Node, ...] = ()

    @property
    def healthy(self) -> bool:
        return not self.why


def pool_engine(attributes: Mapping[str, object]) -> PoolEngine:
    """What the attributes of a pool's row name. Raises UnknownEngineError."""
    named, endpoint = attributes.get("engine") or EngineKind.PROCESS, attributes.get("endpoint")
    try:
        kind = EngineKind(str(named))
    except ValueError:
        raise UnknownEngineError(f"{named!s} is no engine of this release") from None
    return PoolEngine(kind, endpoint if isinstance(endpoint, str) else "")
