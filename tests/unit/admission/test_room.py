"""Room in pools: what services take, and whom that refuses."""

import pytest

from modelyard.core.admission import room
from modelyard.core.admission.catalog import Pool
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.record import ServiceRecord
from modelyard.domain.resources import Capacity, Resources
from modelyard.domain.revision import Revision, Template, Variant
from modelyard.domain.service import Desired, InferType, Service

POOLS = {"a": Pool("a", "lab", "running", capacity=Capacity(cpu=10)), "b": Pool("b", "attic", "running")}


def variant(pool: str, count: int, cpu: float = 2, version: str = "1") -> Variant:
    template = Template("m", version, "custom", pool=pool, resources=Resources(cpu, 100))
    return Variant(1, "m", "iris", version, template, count, 100)


def record(
    *revisions: Variant, running: int = 0, of: int = 0, desired: Desired = Desired.RUNNING
) -> ServiceRecord:
    """One variant per revision, the last of them present; `running` ready instances of revision `of`."""
    service = Service("s", "p", "iris", InferType.REAL_TIME, "u", 1, desired, revision=len(revisions))
    made = {n: Revision("s", n, 1, (one,)) for n, one in enumerate(revisions, 1)}
    hashed = revisions[of].template.hash
    instances = tuple(Instance(f"i{n}", "s", 1, of + 1, hashed, Phase.READY, 1, 1) for n in range(running))
    return ServiceRecord(service, made, None, instances)


def test_what_services_take() -> None:
    moving = record(variant("a", 3), variant("b", 2), running=3)
    assert room.taken([moving]) == {"a": Resources(6, 300), "b": Resources(4, 200)}
    growing = record(variant("a", 1), variant("a", 4, version="2"), running=1)
    assert room.taken([growing, moving]) == {"a": Resources(14, 700), "b": Resources(4, 200)}
    stopped = record(variant("a", 3), desired=Desired.STOPPED)
    assert room.taken([stopped]) == {}
    assert room.taken([record(variant("a", 3), running=2, desired=Desired.STOPPED)]) == {"a": Resources(4, 200)}
    assert room.taken([moving], but="s") == {}
    assert room.taken([record(variant("", 3), running=3)]) == {}


CASES = {
    "it fits": (8, 2, 0, ""),
    "all that is left": (10, 0, 0, ""),
    "too much": (8, 4, 0, "8 cores, of which 6 are free"),
    "lowered, though there is too little": (8, 4, 10, ""),
    "the same": (8, 4, 8, ""),
    "more": (9, 4, 8, "9 cores, of which 6 are free"),
}


@pytest.mark.parametrize(("asked", "others", "before", "text"), CASES.values(), ids=CASES.keys())
def test_whom_it_refuses(asked: float, others: float, before: float, text: str) -> None:
    found = list(
        room.violations(
            "config", {"a": Resources(asked)}, POOLS, {"a": Resources(others)}, {"a": Resources(before)}
        )
    )
    assert [v.field for v in found] == ["config"] * bool(text)
    assert all(text in v.text for v in found)


def test_nobody_counts_for_a_pool_without_a_capacity() -> None:
    assert room.bounded(POOLS.values(), {"a"})
    assert not room.bounded(POOLS.values(), {"b"})
    assert [*room.violations("config", {"b": Resources(10**6)}, POOLS, {}, {})] == []
