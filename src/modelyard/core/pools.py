"""How a pool stands: its row, held against what was last seen of the engine that the row names. Pure.

    row running,  seen healthy          running
    row running,  never seen            running     nobody has looked yet: the administrator's word is all there is
    row running,  seen out of reach     abnormal    and why
    row abnormal, seen healthy          abnormal    an administrator's word against it always holds

`wrong` says what is wrong with an engine that somebody wants a pool to have, before anybody looks whether it is
there:

    engine process    endpoint unix:///x      refused: processes are of this machine
    engine container  endpoint unix:///x      the engine that listens there
    engine container  no endpoint             the installation's own
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from modelyard.core.size import shortage
from modelyard.domain.capacity import PoolEntry
from modelyard.domain.errors import Violation
from modelyard.domain.pools import EngineKind, Node, PoolEngine, Sight, UnknownEngineError, pool_engine
from modelyard.domain.resources import Capacity, Resources
from modelyard.domain.texts import shown

RUNNING, ABNORMAL = "running", "abnormal"
SCHEME = "unix://"
MOST_PATH_BYTES = 107
"""Of a socket's path, by the kernel."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`status` in the contract's words; `why`: what was seen to be wrong, "" for nothing."""

    status: str
    why: str = ""

    @property
    def healthy(self) -> bool:
        return self.status == RUNNING


def standing(entry: PoolEntry, sight: Sight | None) -> Standing:
    """`sight`: the last one of its engine, None where nobody has looked yet."""
    if entry.status != RUNNING:
        return Standing(entry.status)
    try:
        pool_engine(entry.attributes)
    except UnknownEngineError as error:
        return Standing(ABNORMAL, str(error))
    if sight is None:
        return Standing(RUNNING)
    if sight.why:
        return Standing(ABNORMAL, sight.why)
    if sight.nodes and not any(node.ready for node in sight.nodes):
        return Standing(ABNORMAL, "none of its nodes takes instances")
    return Standing(RUNNING)


def declared(entry: PoolEntry) -> tuple[str, ...]:
    """The nodes that an administrator named."""
    names = entry.attributes.get("nodes")
    return tuple(str(name) for name in names) if isinstance(names, list | tuple) else ()


def set_capacity(said: Mapping[str, object]) -> Capacity:
    """What an administrator said that all instances of a pool together may take, as far as they said it.
    Accelerators are of either kind."""
    cpu, memory, devices = said.get("cpu"), said.get("memory_mib"), said.get("accelerators")
    count = float(devices) if isinstance(devices, int | float) else None
    return Capacity(
        cpu=float(cpu) if isinstance(cpu, int | float) else None,
        memory_mib=int(memory) if isinstance(memory, int | float) else None,
        gpus=count,
        npus=count,
    )


def capacity(entry: PoolEntry, nodes: Sequence[Node]) -> Capacity:
    """As an administrator set it; where they did not, what its nodes have together."""
    said = set_capacity(entry.attributes)
    there = [node.capacity for node in nodes]
    return Capacity(
        cpu=_sum([one.cpu for one in there]) if said.cpu is None else said.cpu,
        memory_mib=_whole(_sum([one.memory_mib for one in there])) if said.memory_mib is None else said.memory_mib,
        gpus=_sum([one.gpus for one in there]) if said.gpus is None else said.gpus,
        npus=_sum([one.npus for one in there]) if said.npus is None else said.npus,
    )


def _sum(parts: Sequence[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known and len(known) == len(parts) else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def lacking(asked: Resources, nodes: Sequence[Node]) -> tuple[str, str]:
    """(the biggest node, what is short there) for one instance that fits on none; ("", "") where it fits."""
    shortages = [(node, shortage(asked, node.capacity)) for node in nodes]
    if not all(short for _, short in shortages):
        return "", ""
    node, short = max(shortages, key=lambda one: _size(one[0].capacity), default=(Node(""), ""))
    return node.name, short


def _size(of: Capacity) -> tuple[float, float, float]:
    return (of.gpus or 0) + (of.npus or 0), of.cpu or 0, of.memory_mib or 0


def wrong(engine: object, endpoint: object) -> Iterator[Violation]:
    """What is wrong with what a pool's row would name. None and "" say nothing."""
    kind = engine or EngineKind.PROCESS
    if kind not in [*EngineKind]:
        known = ", ".join(EngineKind)
        yield Violation("engine", f"is {shown(engine)}, must be one of {known}")
        return
    if not endpoint:
        return
    if kind == EngineKind.PROCESS:
        text = "is of no use with the engine 'process': processes are of this machine"
        yield Violation("endpoint", f"is {shown(endpoint)}, which {text}")
    elif text := _malformed(endpoint):
        yield Violation("endpoint", f"is {shown(endpoint)}, {text}")


def _malformed(endpoint: object) -> str:
    must = "must be unix:///PATH, the socket of a container engine on this machine"
    if not isinstance(endpoint, str) or not endpoint.startswith(f"{SCHEME}/"):
        return must
    path = endpoint.removeprefix(SCHEME)
    if not path.isprintable() or path == "/" or path.startswith("//") or posixpath.normpath(path) != path:
        return f"{must}: its path must be absolute, without '.', '..', '//' or '/' at the end"
    if len(path.encode()) > MOST_PATH_BYTES:
        return f"whose path has {len(path.encode())} bytes: at most {MOST_PATH_BYTES} are possible"
    return ""


def engine_of(entry: PoolEntry) -> PoolEngine | None:
    """None: one that this release does not have."""
    try:
        return pool_engine(entry.attributes)
    except UnknownEngineError:
        return None
