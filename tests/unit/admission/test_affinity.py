"""Nodes that instances must, or should, run on, against those that were seen and those that were named."""

import pytest

from modelyard.core.admission.affinity import Affinity, violations
from modelyard.core.admission.catalog import Pool
from modelyard.domain.pools import Node

SEEN = Pool("i-seen", "seen", "running", seen=(Node("host"),))
RESTING = Pool("i-rest", "resting", "running", seen=(Node("host", ready=False),))
OLD = Pool("i-old", "old", "running", frozenset({"n1"}), seen=(Node("host"),))
OLD_TWO = Pool("i-two", "two", "running", frozenset({"n1", "n2"}), seen=(Node("host"),))
BLIND = Pool("i-blind", "blind", "running", frozenset({"n1", "n2"}))
MANY = Pool("i-many", "many", "running", seen=(Node("a"), Node("b", ready=False)))
ALL = (SEEN, RESTING, OLD, OLD_TWO, BLIND, MANY)
POOLS = {p.id: p for p in ALL} | {p.name: p for p in ALL}
INFOS = "node_affinity.pool_infos"

CASES: dict[str, tuple[str, Pool, list[tuple[str, list[str]]], list[tuple[str, str]]]] = {
    "its node": ("required", SEEN, [("seen", ["host"])], []),
    "its node, by the pool's id": ("required", SEEN, [("i-seen", ["host"])], []),
    "preferred": ("preferred", SEEN, [("seen", ["host"])], []),
    "its own pool among others": ("required", SEEN, [("old", ["host"]), ("seen", ["host"])], []),
    "another pool": ("required", SEEN, [("old", ["host"])], [(INFOS, "0104")]),
    "another pool, preferred": ("preferred", SEEN, [("old", ["host"])], []),
    "no node is ready": ("required", RESTING, [("resting", ["host"])], [(INFOS, "0104")]),
    "no node is ready, preferred": ("preferred", RESTING, [("resting", ["host"])], []),
    "a name of an earlier release": ("required", OLD, [("old", ["n1"])], []),
    "the name that was seen since": ("required", OLD, [("old", ["host"])], []),
    "unknown node": ("required", SEEN, [("seen", ["n9"])], [(f"{INFOS}[0].nodes[0].name", "3598")]),
    "unknown node, preferred": ("preferred", SEEN, [("seen", ["n9"])], [(f"{INFOS}[0].nodes[0].name", "3598")]),
    "unknown pool": ("required", SEEN, [("none", ["host"])], [(f"{INFOS}[0].pool_name", "3547")]),
    "one of two that were named": ("preferred", BLIND, [("blind", ["n1"])], [(f"{INFOS}[0]", "0104")]),
    "one of two, though another was seen": ("required", OLD_TWO, [("two", ["n1"])], [(f"{INFOS}[0]", "0104")]),
    "both that were named": ("required", BLIND, [("blind", ["n1", "n2"])], []),
    "one of two that were seen": ("required", MANY, [("many", ["a"])], [(f"{INFOS}[0]", "0104")]),
    "both that were seen": ("required", MANY, [("many", ["a", "b"])], []),
    "no node": ("required", SEEN, [("seen", [])], [(f"{INFOS}[0].nodes", "0104")]),
    "nothing": ("required", SEEN, [], [(INFOS, "0104")]),
}


@pytest.mark.parametrize(("mode", "own", "infos", "expected"), CASES.values(), ids=CASES.keys())
def test_affinity(
    mode: str, own: Pool, infos: list[tuple[str, list[str]]], expected: list[tuple[str, str]]
) -> None:
    said = Affinity(mode, tuple((name, tuple(nodes)) for name, nodes in infos))
    found = [(v.field, v.code) for v in violations("a", said, POOLS, own, in_pool=True)]
    assert found == [(f"a.{field}", code) for field, code in expected]


def test_it_is_for_pools_and_an_unknown_pool_is_reported_once() -> None:
    said = Affinity("required", (("seen", ("host",)),))
    assert [v.field for v in violations("a", said, POOLS, None, in_pool=False)] == ["a.node_affinity"]
    assert [*violations("a", said, POOLS, None, in_pool=True)] == []
