"""The protocol, conversation by conversation. `S` is a service's three resources of one version."""

import pytest

from modelyard.gateway.protocol import Protocol, Request, Response
from modelyard.gateway.translate import Resource
from modelyard.gateway.xds import Kind

C, E, F, R = Kind.CLUSTER, Kind.ENDPOINTS, Kind.FILTER, Kind.ROUTE
SERVICE = (C, E, R)


def res(kind: Kind, name: str = "s", version: str = "1") -> Resource:
    return Resource(kind, name, version, b"")


def open_service(name: str = "s", version: str = "1") -> tuple[Resource, ...]:
    return tuple(res(kind, name, version) for kind in SERVICE)


def sent(responses: tuple[Response, ...]) -> list[tuple[Kind, list[str], list[str]]]:
    """Type, `name version` of each resource, names removed."""
    return [(r.kind, [f"{x.name} {x.version}" for x in r.resources], list(r.removed)) for r in responses]


class Talk:
    """Envoy's half of a conversation: acknowledges on demand."""

    def __init__(self) -> None:
        self.protocol = Protocol()
        self.last: dict[Kind, str] = {}

    def note(self, responses: tuple[Response, ...]) -> list[tuple[Kind, list[str], list[str]]]:
        self.last |= {response.kind: response.nonce for response in responses}
        return sent(responses)

    def say(self, kind: Kind, *names: str, **more: object) -> list[tuple[Kind, list[str], list[str]]]:
        return self.note(self.protocol.received(Request(kind, subscribe=names, **more)))  # type: ignore[arg-type]

    def ack(
        self, kind: Kind, *names: str, error: str = "", **more: object
    ) -> list[tuple[Kind, list[str], list[str]]]:
        return self.say(kind, *names, nonce=self.last[kind], error=error, **more)

    def served(self) -> "Talk":
        """Service s in version 1 is open and settled."""
        self.note(self.protocol.load(open_service()))
        self.say(C)
        self.ack(C)
        self.say(E, "s")
        self.ack(E)
        self.say(R)
        self.ack(R)
        assert self.protocol.settled("s", SERVICE)
        return self

    def want(self, *resources: Resource) -> list[tuple[Kind, list[str], list[str]]]:
        return self.note(self.protocol.want("s", resources, SERVICE))


def test_nothing_is_answered_before_load() -> None:
    talk = Talk()
    assert talk.say(C) == talk.say(E, "s") == talk.say(R) == []
    assert talk.note(talk.protocol.load(open_service())) == [(C, ["s 1"], []), (R, [], [])]


def test_an_empty_table_is_an_answer_too() -> None:
    talk = Talk()
    talk.protocol.load(())
    assert (talk.say(C), talk.say(R), talk.say(E)) == ([(C, [], [])], [(R, [], [])], [])


def test_a_new_service_goes_cluster_endpoints_route() -> None:
    talk = Talk()
    talk.protocol.load(())
    talk.say(C), talk.ack(C), talk.say(R), talk.ack(R)
    assert talk.want(*open_service()) == [(C, ["s 1"], [])]
    assert talk.ack(C) == []
    assert talk.say(E, "s") == [(E, ["s 1"], [])]
    assert talk.ack(E) == [(R, ["s 1"], [])]
    assert not talk.protocol.settled("s", SERVICE)
    assert talk.ack(R) == []
    assert talk.protocol.settled("s", SERVICE)


def test_a_change_of_weights_is_one_push() -> None:
    talk = Talk().served()
    assert talk.want(res(C), res(E, version="2"), res(R)) == [(E, ["s 2"], [])]
    assert talk.ack(E) == []
    assert talk.protocol.settled("s", SERVICE)


def test_an_equal_value_is_nothing() -> None:
    assert Talk().served().want(*open_service()) == []


def test_changes_while_one_is_under_way_become_one() -> None:
    talk = Talk().served()
    talk.want(res(C), res(E, version="2"), res(R))
    assert talk.want(res(C), res(E, version="3"), res(R)) == []
    assert talk.want(res(C), res(E, version="4"), res(R)) == []
    assert talk.ack(E) == [(E, ["s 4"], [])]


def test_back_to_what_was_while_under_way() -> None:
    talk = Talk().served()
    talk.want(res(C), res(E, version="2"), res(R))
    talk.want(*open_service())
    assert talk.ack(E) == [(E, ["s 1"], [])]


def test_removing_takes_the_route_first() -> None:
    talk = Talk().served()
    assert talk.want() == [(R, [], ["s"])]
    assert talk.ack(R) == [(C, [], ["s"])]
    assert talk.ack(C) == []
    assert talk.protocol.settled("s", (C, R))


def test_stopping_answers_400_before_the_cluster_goes() -> None:
    talk = Talk().served()
    assert talk.want(res(R, version="stopped")) == [(R, ["s stopped"], [])]
    assert talk.ack(R) == [(C, [], ["s"])]


def test_a_route_refused_keeps_the_cluster_it_uses() -> None:
    talk = Talk().served()
    talk.want(res(R, version="bad"))
    assert talk.ack(R, error="no") == []
    assert talk.protocol.rejected("s") == "no"


def test_removed_and_back_before_envoy_let_go() -> None:
    talk = Talk().served()
    talk.want()
    talk.ack(R)
    assert talk.want(*open_service()) == []
    assert talk.ack(C) == [(C, ["s 1"], [])]
    assert talk.say(E, unsubscribe=("s",)) == []
    assert talk.say(E, "s") == [(E, ["s 1"], [])]
    assert talk.ack(C) == []
    assert talk.ack(E) == [(R, ["s 1"], [])]


def test_endpoints_go_before_the_cluster_is_acknowledged() -> None:
    """Envoy 1.40 holds that acknowledgement back while a cluster waits for its endpoints."""
    talk = Talk()
    talk.protocol.load(())
    talk.say(C), talk.ack(C), talk.say(R), talk.ack(R)
    assert talk.want(*open_service()) == [(C, ["s 1"], [])]
    assert talk.say(E, "s") == [(E, ["s 1"], [])]
    assert talk.ack(E) == []
    assert talk.ack(C) == [(R, ["s 1"], [])]


def test_a_cluster_that_comes_again_waits_for_envoy_to_ask() -> None:
    talk = Talk().served()
    talk.want()
    talk.ack(R)
    talk.want(*open_service())
    assert (talk.ack(C), talk.ack(C)) == ([(C, ["s 1"], [])], [])
    assert talk.say(E, "s", unsubscribe=("s",)) == [(E, ["s 1"], [])]
    assert talk.ack(E) == [(R, ["s 1"], [])]


def test_a_cluster_no_longer_wanted_is_told_that_it_has_no_endpoints() -> None:
    talk = Talk()
    talk.protocol.load(())
    talk.say(C), talk.ack(C), talk.say(R), talk.ack(R)
    talk.want(*open_service())
    assert talk.want() == []
    assert talk.say(E, "s") == [(E, [], ["s"])]
    assert talk.ack(E) == []
    assert talk.ack(C) == [(C, [], ["s"])]


def test_a_changed_cluster_gets_its_endpoints_again() -> None:
    talk = Talk().served()
    assert talk.want(res(C, version="2"), res(E), res(R)) == [(C, ["s 2"], []), (E, ["s 1"], [])]


def test_back_while_its_removal_is_under_way_is_not_settled() -> None:
    talk = Talk().served()
    talk.want()
    talk.want(*open_service())
    assert not talk.protocol.settled("s", SERVICE)


def test_who_subscribes_again_gets_it_again() -> None:
    assert Talk().served().say(E, "s") == [(E, ["s 1"], [])]


def test_a_refused_value_is_not_repeated_and_the_next_is_sent() -> None:
    talk = Talk().served()
    talk.want(res(C), res(E, version="bad"), res(R))
    assert talk.ack(E, error="bad address") == []
    assert (talk.protocol.rejected("s"), talk.protocol.settled("s", SERVICE)) == ("bad address", False)
    assert talk.want(res(C), res(E, version="bad"), res(R)) == []
    assert talk.want(res(C), res(E, version="2"), res(R)) == [(E, ["s 2"], [])]
    talk.ack(E)
    assert (talk.protocol.rejected("s"), talk.protocol.settled("s", SERVICE)) == ("", True)


def test_back_to_the_value_before_a_refused_one_settles_at_once() -> None:
    talk = Talk().served()
    talk.want(res(C), res(E, version="bad"), res(R))
    talk.ack(E, error="no")
    assert talk.want(*open_service()) == []
    assert (talk.protocol.rejected("s"), talk.protocol.settled("s", SERVICE)) == ("", True)


def test_a_refused_batch_is_repeated_one_by_one() -> None:
    talk = Talk()
    talk.protocol.load([res(C, name) for name in "abc"])
    assert talk.say(C) == [(C, ["a 1", "b 1", "c 1"], [])]
    assert talk.ack(C, error="b") == [(C, ["a 1"], [])]
    assert talk.ack(C) == [(C, ["b 1"], [])]
    assert talk.ack(C, error="b") == [(C, ["c 1"], [])]
    assert talk.ack(C) == []
    assert [talk.protocol.rejected(name) for name in "abc"] == ["", "b", ""]
    assert [talk.protocol.settled(name, (C,)) for name in "abc"] == [True, False, True]


def test_routes_refused_together_are_sent_unequal() -> None:
    talk = Talk()
    talk.protocol.load([res(R, "a"), res(R, "b")])
    talk.say(R)
    (alone,) = talk.protocol.received(Request(R, nonce=talk.last[R], error="no"))
    assert (alone.resources[0].version, alone.resources[0].body != b"") == ("1", True)


def test_an_answer_to_another_response_is_not_taken() -> None:
    talk = Talk().served()
    talk.want(res(C), res(E, version="2"), res(R))
    assert talk.say(E, nonce="0") == []
    assert not talk.protocol.settled("s", SERVICE)


def test_a_reconnect_sends_only_what_differs() -> None:
    talk = Talk().served()
    talk.protocol.connected()
    assert not talk.protocol.synced()
    assert talk.say(C, initial={"s": "1"}) == []
    assert talk.say(E, "s", initial={"s": "1"}) == []
    assert talk.say(R, initial={"s": "1", "gone": "1"}) == [(R, [], ["gone"])]
    assert talk.protocol.synced() and talk.protocol.settled("s", SERVICE)


def test_a_new_envoy_gets_everything() -> None:
    talk = Talk().served()
    talk.protocol.died()
    assert talk.say(C) == [(C, ["s 1"], [])]
    assert talk.ack(C) == []
    assert talk.say(E, "s") == [(E, ["s 1"], [])]
    assert talk.ack(E) == []
    assert talk.say(R) == [(R, ["s 1"], [])]


def test_a_new_control_plane_removes_what_it_does_not_know() -> None:
    talk = Talk()
    talk.say(C, initial={"old": "1"}), talk.say(E, "old", initial={"old": "1"}), talk.say(R, initial={"old": "1"})
    assert talk.note(talk.protocol.load(())) == [(R, [], ["old"])]
    assert talk.ack(R) == [(C, [], ["old"])]


@pytest.mark.parametrize("kind", [E, F])
def test_what_is_asked_for_by_name_waits_to_be_asked_for(kind: Kind) -> None:
    talk = Talk()
    talk.protocol.load([res(kind, "x")])
    assert talk.say(kind) == []
    assert talk.say(kind, "x") == [(kind, ["x 1"], [])]
