"""How a pool stands, what its row may name, how much it has. Tables over values, and what always holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.core.pools import capacity, lacking, standing, wrong
from modelyard.domain.capacity import PoolEntry
from modelyard.domain.pools import Node, Sight
from modelyard.domain.resources import Capacity, Resources

SMALL, BIG = Node("small", Capacity(2, 1024, 0, 0)), Node("big", Capacity(8, 8192, 2, 0))
WELL, AWAY = Sight("x", "", (SMALL,)), Sight("x", "connection refused", (SMALL,))


def row(status: str = "running", **attributes: object) -> PoolEntry:
    return PoolEntry("i", "p", "lab", status, 1, attributes)


STANDINGS = {
    "as nobody has looked": (row(), None, ("running", "")),
    "well": (row(), WELL, ("running", "")),
    "away": (row(), AWAY, ("abnormal", "connection refused")),
    "an administrator's word": (row("concerning"), WELL, ("concerning", "")),
    "an administrator's word, and away": (row("deploying"), AWAY, ("deploying", "")),
    "no node is ready": (row(), Sight("x", "", (Node("a", ready=False),)), ("abnormal", "none of its nodes")),
    "one of two nodes is ready": (row(), Sight("x", "", (Node("a", ready=False), SMALL)), ("running", "")),
    "an engine of a later release": (
        row(engine="swarm"),
        None,
        ("abnormal", "swarm is no engine of this release"),
    ),
}


@pytest.mark.parametrize(("entry", "sight", "expected"), STANDINGS.values(), ids=STANDINGS.keys())
def test_standing(entry: PoolEntry, sight: Sight | None, expected: tuple[str, str]) -> None:
    found = standing(entry, sight)
    assert (found.status, found.why[: len(expected[1])]) == expected
    assert bool(found.why) == bool(expected[1])


SIGHTS = st.none() | st.builds(
    Sight,
    st.text(max_size=3),
    st.sampled_from(["", "away"]),
    st.lists(st.builds(Node, st.text(min_size=1, max_size=3), ready=st.booleans()), max_size=3).map(tuple),
)


@given(st.sampled_from(["running", "concerning", "abnormal", "deploying"]), SIGHTS)
def test_what_always_holds_of_a_standing(status: str, sight: Sight | None) -> None:
    """An administrator's word against a pool holds whatever was seen, nothing that was seen makes a pool healthy
    that they do not call so, and whoever finds one sick for what was seen is told why."""
    found = standing(row(status), sight)
    if status != "running":
        assert (found.status, found.why) == (status, "")
        return
    usable = sight is None or (not sight.why and (not sight.nodes or any(n.ready for n in sight.nodes)))
    assert found.healthy == usable
    assert bool(found.why) == (not usable)


WRONG: dict[str, tuple[object, object, str]] = {
    "nothing said": (None, None, ""),
    "processes": ("process", None, ""),
    "the installation's containers": ("container", None, ""),
    "containers": ("container", "unix:///run/podman/podman.sock", ""),
    "cleared": ("container", "", ""),
    "unknown": ("swarm", None, "engine"),
    "another type": (["container"], None, "engine"),
    "processes elsewhere": ("process", "unix:///run/x.sock", "endpoint"),
    "default elsewhere": (None, "unix:///run/x.sock", "endpoint"),
    "tcp": ("container", "tcp://10.0.0.1:2375", "endpoint"),
    "a path": ("container", "/run/x.sock", "endpoint"),
    "relative": ("container", "unix://run/x.sock", "endpoint"),
    "dots": ("container", "unix:///run/../etc/x", "endpoint"),
    "slashes": ("container", "unix:////run/x", "endpoint"),
    "a directory": ("container", "unix:///run/", "endpoint"),
    "the root": ("container", "unix:///", "endpoint"),
    "a null": ("container", "unix:///run/\0", "endpoint"),
    "as long as a socket's path can be": ("container", f"unix:///{'x' * 106}", ""),
    "longer": ("container", f"unix:///{'x' * 107}", "endpoint"),
    "a number": ("container", 7, "endpoint"),
}


@pytest.mark.parametrize(("engine", "endpoint", "field"), WRONG.values(), ids=WRONG.keys())
def test_what_a_row_may_name(engine: object, endpoint: object, field: str) -> None:
    assert [v.field for v in wrong(engine, endpoint)] == [field] * bool(field)


def test_capacity_is_as_set_and_else_what_the_nodes_have_together() -> None:
    assert capacity(row(cpu=3, accelerators=1), (SMALL, BIG)) == Capacity(3, 9216, 1, 1)
    assert capacity(row(), ()) == Capacity()
    assert capacity(row(), (SMALL, Node("?"))) == Capacity()


def test_an_instance_must_fit_on_one_node() -> None:
    assert lacking(Resources(8, 1024), (SMALL, BIG)) == ("", "")
    assert lacking(Resources(9, 9000), (SMALL, BIG)) == (
        "big",
        "9 cores, of which there are 8, 9000 MiB of memory, of which there are 8192",
    )
    assert lacking(Resources(9), ()) == ("", "")
